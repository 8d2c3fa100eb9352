//! `runtime_flags`, the escape hatch: what would break a promise is refused, what the engine does not know is told.

use crate::support::daemon::{free_port, profile};
use crate::support::engine::SMOLLM2;
use crate::support::{Daemon, Engine, Home, processes};

#[test]
fn a_flag_that_would_open_the_engine_is_refused_before_anything_is_fetched() {
    let home = Home::new(&Engine::None);
    let flags = "    runtime_flags: [\"--host\", \"0.0.0.0\"]";
    let path = home.profile(&profile(SMOLLM2, free_port(), flags));
    for verb in ["up", "plan"] {
        let ran = home.run(&[verb, "-f", path.to_str().unwrap()]);
        assert_eq!(ran.code, Some(5), "{verb}: {ran:?}");
        assert!(ran.stderr.contains("--host"), "{verb}: {ran:?}");
        let fetched = std::fs::read_dir(home.path().join("models")).unwrap().count();
        assert_eq!(fetched, 0, "{verb} fetched something");
    }
}

#[test]
fn a_flag_that_the_engine_does_not_know_is_told_in_its_words_and_not_tried_again() {
    let Some(engine) = Engine::real() else { return };
    let daemon = Daemon::launch(Home::new(&engine), &engine, "    runtime_flags: [\"--bogus\"]");
    let home = daemon.home.clone();
    let ran = daemon.ended();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("invalid argument: --bogus"), "{ran:?}");
    assert!(ran.stderr.contains("its arguments are wrong for this build"), "{ran:?}");
    assert_eq!(ran.stderr.matches("chat is starting").count(), 1, "{ran:?}");
    assert!(processes::of_home(&home.path()).is_empty());
}
