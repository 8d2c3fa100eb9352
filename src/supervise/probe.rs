//! Asking a child whether it is ready, and later whether it is still well. Each runs as a task that ends when it has
//! something to tell, or when it is dropped.

use std::sync::Arc;
use std::time::Duration;

use edgeorch_engines::{Cause, Probe, ProbeAnswer};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at, timeout};

use super::http::{self, CallError};
use crate::launch::{self, Record};

/// How often a starting engine is asked: a new state is noticed within this and one round trip.
const EAGER: Duration = Duration::from_millis(20);
/// How often a serving one is.
const CALM: Duration = Duration::from_secs(5);
/// Missed health answers in a row that make a hang.
const MISSES: u32 = 3;

/// What the probes found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The first probe passed.
    Answered,
    /// All passed.
    Proven,
    Failed {
        cause: Cause,
        detail: String,
    },
}

/// The child to ask.
#[derive(Clone, Debug)]
pub struct Patient {
    pub port: u16,
    pub key: String,
    /// Its launch, which tells whose socket answers.
    pub record: Record,
}

/// Asks `probes` one after the other until all pass or one fails. Says [`Finding::Answered`] after the first. The key
/// is shown only to a process of the launch.
pub async fn readiness(patient: Patient, probes: Vec<Probe>, mut tell: impl FnMut(Finding)) {
    let mut first = true;
    let mut is_known = false;
    for probe in &probes {
        if !probe.wrong_key && !std::mem::replace(&mut is_known, true) && is_stranger(&patient).await {
            let detail = format!("another process listens on its port {}", patient.port);
            return tell(Finding::Failed { cause: Cause::Stranger, detail });
        }
        if let Err((cause, detail)) = until_passed(&patient, probe).await {
            return tell(Finding::Failed { cause, detail });
        }
        if std::mem::take(&mut first) {
            tell(Finding::Answered);
        }
    }
    tell(Finding::Proven);
}

async fn is_stranger(patient: &Patient) -> bool {
    launch::listens(&patient.record, patient.port).await == Some(false)
}

async fn until_passed(patient: &Patient, probe: &Probe) -> Result<(), (Cause, String)> {
    let mut ticks = interval(EAGER);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match ask(patient, probe).await {
            // Nothing listens yet, or it is still loading: the lifecycle's own deadline bounds this loop.
            Err(CallError::Refused(_)) | Ok(ProbeAnswer::NotYet) => {}
            Ok(ProbeAnswer::Pass) => return Ok(()),
            Ok(ProbeAnswer::Fail(cause, detail)) => return Err((cause, detail)),
            Err(error @ CallError::Timeout(_)) => {
                return Err((Cause::Hang, format!("{}: {error}", probe.name)));
            }
            // It closed the connection without an answer: it is ending, which its exit will tell better.
            Err(CallError::Broken) => {}
        }
    }
}

async fn ask(patient: &Patient, probe: &Probe) -> Result<ProbeAnswer, CallError> {
    let key = if probe.wrong_key { "not-the-key" } else { &patient.key };
    let (status, body) = http::call(patient.port, key, &probe.call, probe.deadline).await?;
    Ok((probe.read)(status, &body))
}

/// Returns when the engine has missed [`MISSES`] health answers in a row. A `nudge` asks at once instead of at the next
/// tick; it forgives no miss. Nor does it count one for a connection that fails at once: nudges come from broken requests,
/// several within a moment when an engine dies, and its exit is then on its way to tell the true cause.
pub async fn until_unhealthy(patient: Patient, health: Probe, nudge: Arc<Notify>) -> String {
    let mut ticks = interval_at(Instant::now() + CALM, CALM);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut misses = 0;
    loop {
        let nudged = tokio::select! {
            _ = ticks.tick() => false,
            () = nudge.notified() => true,
        };
        let answer = timeout(CALM, ask(&patient, &health)).await;
        match answer {
            Ok(Ok(ProbeAnswer::Pass | ProbeAnswer::NotYet)) => misses = 0,
            Ok(Err(CallError::Refused(_) | CallError::Broken)) if nudged => {}
            Ok(Ok(ProbeAnswer::Fail(..)) | Err(_)) | Err(_) => misses += 1,
        }
        if misses >= MISSES {
            return format!("no answer to {misses} health probes in a row");
        }
    }
}

#[cfg(test)]
mod tests {
    use edgeorch_engines::{HttpCall, Method};

    use super::*;

    fn health() -> Probe {
        let call = HttpCall { method: Method::Get, path: "/health".into(), body: None };
        let read = |_: u16, _: &[u8]| ProbeAnswer::Pass;
        Probe { name: "health".into(), call, wrong_key: false, deadline: CALM, read }
    }

    fn patient(port: u16) -> Patient {
        let record = Record {
            nonce: launch::Nonce::random().unwrap(),
            name: "chat".into(),
            program: "/nowhere".into(),
            leader: None,
            cgroup: None,
            boot_id: None,
        };
        Patient { port, key: String::new(), record }
    }

    #[tokio::test(start_paused = true)]
    async fn nudges_alone_call_no_dead_engine_hanging() {
        // A port that nobody listens on any more, as after the engine's death.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let begun = Instant::now();
        let nudge = Arc::new(Notify::new());
        let told = tokio::spawn(until_unhealthy(patient(port), health(), nudge.clone()));
        for _ in 0..10 {
            nudge.notify_one();
            tokio::task::yield_now().await;
        }
        assert!(told.await.unwrap().contains("3 health probes"));
        assert!(begun.elapsed() >= CALM * MISSES, "after {:?}", begun.elapsed());
    }
}
