//! Requests for a model that is not ready.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::support::*;
use crate::gateway::errors::Refusal;
use crate::gateway::proxy::seat;
use crate::gateway::server::State;
use crate::gateway::waiting::Patience;
use crate::gateway::{Availability, Gateway, Limits, Publisher, Routes};
use crate::telemetry::metrics::Metrics;

/// A gateway without its socket, for a clock that stands still.
fn state(limits: Limits) -> (Publisher, Arc<State>) {
    let (publisher, routes) = Routes::channel();
    publisher.publish(table(&["chat"]));
    let metrics = Arc::new(Metrics::new().unwrap());
    let gateway = Gateway::new(routes, Vec::new(), metrics).unwrap().limits(limits);
    (publisher, Arc::new(gateway.open("127.0.0.1:9292".parse().unwrap())))
}

fn patience(state: &State) -> Patience {
    Patience::new("chat", state.routes.clone(), state.queue.clone(), &state.limits)
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_exactly_until_its_deadline() {
    let (_publisher, state) = state(Limits::default());
    let start = Instant::now();
    let refusal = seat(&state, &mut patience(&state), "chat", false).await.unwrap_err();
    assert_eq!(start.elapsed().as_secs(), 60);
    let Refusal::NotReady { why, waited, .. } = &refusal else { panic!("{refusal}") };
    assert_eq!((why.as_str(), *waited), ("it is being loaded", Duration::from_secs(60)));
    assert_eq!(refusal.response().headers()["retry-after"], "10");
}

#[tokio::test(start_paused = true)]
async fn changes_that_do_not_help_do_not_lengthen_the_wait() {
    let (publisher, state) = state(Limits::default());
    let start = Instant::now();
    let mut patience = patience(&state);
    let mut seat = std::pin::pin!(seat(&state, &mut patience, "chat", false));
    for step in 0.. {
        tokio::select! {
            result = &mut seat => { assert!(result.is_err()); break }
            () = tokio::time::sleep(Duration::from_secs(7)) => {
                publisher.set("chat", Availability::Waiting { why: format!("step {step}") });
            }
        }
    }
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test]
async fn a_waiting_request_goes_on_as_soon_as_its_model_is_ready() {
    let gateway = Harness::start().await;
    let reply = tokio::spawn(open(gateway.address, post(CHAT, ASK)));
    while gateway.metric("edgeorch_queue_depth{model=\"chat\"}").await != Some(1.0) {
        tokio::task::yield_now().await;
    }
    gateway.ready(healthy("{}").await, 1);
    assert_eq!(reply.await.unwrap().status(), 200);
    assert_eq!(gateway.metric("edgeorch_queue_depth{model=\"chat\"}").await, Some(0.0));
}

#[tokio::test]
async fn beyond_its_bound_the_queue_refuses() {
    let gateway = Harness::with(Limits { waiting: 2, ..Limits::default() }, &[]).await;
    let waiting: Vec<_> = (0..2).map(|_| tokio::spawn(open(gateway.address, post(CHAT, ASK)))).collect();
    while gateway.metric("edgeorch_queue_depth{model=\"chat\"}").await != Some(2.0) {
        tokio::task::yield_now().await;
    }
    let refused = gateway.post(CHAT, ASK).await;
    assert_eq!(refused.refusal(), (429, "queue_full".to_owned()));
    assert!(refused.headers.contains_key("retry-after"));
    gateway.ready(healthy("{}").await, 1);
    for reply in waiting {
        assert_eq!(reply.await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_failed_model_refuses_at_once_with_the_cause() {
    let gateway = Harness::start().await;
    gateway.publisher.set("chat", Availability::Failed { cause: "it does not fit into memory".to_owned() });
    let refused = gateway.post(CHAT, ASK).await;
    assert_eq!(refused.refusal(), (503, "model_failed".to_owned()));
    assert!(
        refused.text().contains("it does not fit into memory") && refused.headers.contains_key("retry-after")
    );
}

#[tokio::test]
async fn a_model_that_is_removed_refuses_those_who_wait_for_it() {
    let gateway = Harness::start().await;
    let reply = tokio::spawn(open(gateway.address, post(CHAT, ASK)));
    while gateway.metric("edgeorch_queue_depth{model=\"chat\"}").await != Some(1.0) {
        tokio::task::yield_now().await;
    }
    gateway.publisher.publish(table(&["code"]));
    assert_eq!(Answer::read(reply.await.unwrap()).await.refusal(), (404, "model_not_found".to_owned()));
}
