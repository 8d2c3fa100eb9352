use proptest::prelude::*;

use super::*;

fn states(now: Instant) -> Vec<State> {
    let until = now + Duration::from_secs(1);
    let stopping = |step, next| State::Stopping { step, until, next };
    vec![
        State::Absent,
        State::Fetching,
        State::Starting { until },
        State::Probing { until },
        State::Ready,
        State::Draining { until },
        stopping(Step::Term, Next::Absent),
        stopping(Step::SecondTerm, Next::Absent),
        stopping(Step::Kill, Next::Absent),
        stopping(Step::Kill, Next::Restart(Cause::Crash)),
        stopping(Step::Kill, Next::Restart(Cause::Config)),
        State::Backoff { until, cause: Cause::Crash },
        State::Failed { cause: Cause::Crash, retry: Some(until) },
        State::Failed { cause: Cause::Config, retry: None },
    ]
}

const EVENTS: [Event; 15] = [
    Event::Want,
    Event::Prepared,
    Event::Unprepared(Cause::Fetch),
    Event::NotSpawned(Cause::NotRunnable),
    Event::Progress,
    Event::Answered,
    Event::Proven,
    Event::Refuted(Cause::Stranger),
    Event::Unhealthy,
    Event::Exited(Cause::Crash),
    Event::Stop,
    Event::Kill,
    Event::Drained,
    Event::Gone,
    Event::Deadline,
];

fn label(state: &State) -> String {
    match state {
        State::Stopping { step, next, .. } => format!("stopping({step:?}, then {next:?})"),
        State::Failed { cause, retry } => {
            format!("failed({cause:?}{})", if retry.is_some() { ", retry" } else { "" })
        }
        other => other.name().to_owned(),
    }
}

#[test]
fn the_transition_table_is_this() {
    let now = Instant::now();
    let mut table = String::new();
    for state in states(now) {
        table += &format!("{}\n", label(&state));
        for event in EVENTS {
            let mut life = Lifecycle { state: state.clone(), ..Lifecycle::new(Limits::default()) };
            // At the deadline itself, so that every state's time is over.
            let actions = life.on(event, now + Duration::from_secs(1));
            if life.state.name() != state.name() || label(&life.state) != label(&state) || !actions.is_empty()
            {
                table +=
                    &format!("    {:<24} → {:<34} {actions:?}\n", format!("{event:?}"), label(&life.state));
            }
        }
    }
    insta::assert_snapshot!(table);
}

fn any_event() -> impl Strategy<Value = Event> {
    let causes =
        prop::sample::select(vec![Cause::Crash, Cause::Config, Cause::PortTaken, Cause::OutOfMemory]);
    (prop::sample::select(EVENTS.to_vec()), causes).prop_map(|(event, cause)| match event {
        Event::Exited(_) => Event::Exited(cause),
        Event::Refuted(_) => Event::Refuted(cause),
        Event::NotSpawned(_) => Event::NotSpawned(cause),
        Event::Unprepared(_) => Event::Unprepared(cause),
        other => other,
    })
}

proptest! {
    /// Whatever happens in whatever order: at most one child lives, nothing is started while one might live, and a
    /// stop ends in Absent once the group is gone.
    #[test]
    fn no_order_of_events_breaks_the_promises(events in prop::collection::vec((any_event(), 0u64..20_000), 0..200)) {
        let mut now = Instant::now();
        let mut life = Lifecycle::new(Limits::default());
        let mut child = false;
        for (event, millis) in events {
            now += Duration::from_millis(millis);
            if matches!(event, Event::Gone) && matches!(life.state, State::Stopping { step: Step::Kill, .. }) {
                child = false;
            }
            if matches!(event, Event::NotSpawned(_)) && matches!(life.state, State::Starting { .. }) {
                child = false;
            }
            for action in life.on(event, now) {
                if action == Action::Spawn {
                    prop_assert!(!child, "a second child beside a living one");
                    child = true;
                }
            }
            if matches!(life.state, State::Absent | State::Fetching | State::Backoff { .. } | State::Failed { .. }) {
                prop_assert!(!child, "{} with a child that nobody watches", life.state.name());
            }
        }
        life.on(Event::Stop, now);
        for _ in 0..4 {
            now += Duration::from_secs(60);
            life.on(Event::Deadline, now);
        }
        life.on(Event::Gone, now);
        prop_assert_eq!(life.state(), &State::Absent);
    }
}
