//! Waiting for what other processes do, which has no event here: asked again and again, with a deadline that only a
//! fault reaches.

use std::time::{Duration, Instant};

use super::daemon::LONG;

pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < deadline, "never came to be: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
