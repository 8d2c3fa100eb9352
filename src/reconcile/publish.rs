//! Snapshots of instances → where the gateway routes. Pure.

use std::net::{Ipv4Addr, SocketAddr};

use crate::gateway::{Availability, Target};
use crate::supervise::Snapshot;

/// What the gateway may do with a model in this state.
pub fn availability(snapshot: &Snapshot) -> Availability {
    match (&snapshot.state[..], &snapshot.seat) {
        ("ready", Some(seat)) => Availability::Ready(Target {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, seat.port)),
            key: seat.key.clone(),
            generation: snapshot.generation,
        }),
        ("failed", _) => Availability::Failed { cause: failure(snapshot) },
        (state, _) => Availability::Waiting { why: format!("{} is {state}", snapshot.name) },
    }
}

/// One sentence on why it failed, and what to do where that is known.
pub fn failure(snapshot: &Snapshot) -> String {
    let what = snapshot.cause.map_or("is not running", |cause| cause.sentence());
    let mut text = format!("{} {what}", snapshot.name);
    for (between, part) in
        [(": ", snapshot.detail.as_deref()), ("; ", snapshot.cause.and_then(|cause| cause.advice()))]
    {
        text.extend(part.into_iter().flat_map(|part| [between, part]));
    }
    text
}
