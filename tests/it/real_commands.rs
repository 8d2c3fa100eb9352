//! A daemon in the background and the verbs that speak to it.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::client::post;
use crate::support::daemon::{free_port, profile};
use crate::support::{Daemon, Engine, Home, processes};

#[tokio::test]
async fn a_detached_daemon_serves_tells_about_itself_and_goes_down() {
    let Some(engine) = Engine::real() else { return };
    let home = Home::new(&engine);
    let port = free_port();
    let profile = home.profile(&profile(&engine.source(&home), port, ""));
    let up = home.run(&["up", "--detach", "-f", profile.to_str().unwrap()]);
    assert_eq!(up.code, Some(0), "{up:?}");
    assert!(
        up.stdout.contains("answers for chat") && up.stderr.contains("It goes on in the background"),
        "{up:?}"
    );

    let question = json!({"model": "chat", "prompt": "One, two,", "max_tokens": 2});
    let (status, answer) = post(&format!("http://127.0.0.1:{port}/v1/completions"), &question).await;
    assert_eq!(status, 200, "{answer}");

    let ps = home.run(&["ps"]);
    for word in ["NAME", "chat", "SmolLM2", "llama.cpp", "ready", "forever"] {
        assert!(ps.stdout.contains(word), "no {word} in {ps:?}");
    }
    let status = home.run(&["status"]);
    for word in ["ready", &format!("http://127.0.0.1:{port}"), "restarts  0"] {
        assert!(status.stdout.contains(word), "no {word} in {status:?}");
    }
    let logs = home.run(&["logs"]);
    assert!(logs.code == Some(0) && !logs.stdout.is_empty(), "{logs:?}");

    let down = home.run(&["down"]);
    assert_eq!(down.code, Some(0), "{down:?}");
    assert!(processes::of_home(&home.path()).is_empty());
    let again = home.run(&["down"]);
    assert_eq!(again.code, Some(4), "{again:?}");
}

#[test]
fn a_second_daemon_on_one_home_is_refused_and_told_who_is_there() {
    let Some(engine) = Engine::real() else { return };
    let daemon = Daemon::start(&engine);
    let profile = daemon.home.outside().join("profile.yaml");
    for more in [&["--detach"][..], &[]] {
        let second = daemon.home.run(&[&["up", "-f", profile.to_str().unwrap()], more].concat());
        assert_eq!(second.code, Some(1), "{second:?}");
        assert!(second.stderr.contains(&format!("(pid {})", daemon.pid())), "{second:?}");
    }
    assert_eq!(daemon.model()["state"], "ready");
}

#[test]
fn what_programs_read_is_json() {
    let Some(engine) = Engine::real() else { return };
    let daemon = Daemon::start(&engine);
    let json = |arguments: &[&str]| -> Value {
        let ran = daemon.home.run(arguments);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
    };
    let status = json(&["status", "--json"]);
    assert_eq!(status["pid"], daemon.pid());
    assert_eq!(status["endpoint"], format!("http://127.0.0.1:{}", daemon.port));
    let models = json(&["ps", "--json"]);
    assert_eq!(models[0]["state"], "ready");
    assert!(models[0]["resident"].as_u64() > Some(0), "{models}");
}

#[tokio::test]
async fn a_followed_log_shows_the_next_request() {
    let Some(engine) = Engine::real() else { return };
    let daemon = Daemon::with(Home::new(&engine), &engine, "    runtime_flags: [\"--log-verbosity\", \"4\"]");
    let mut follower =
        daemon.home.command(&["logs", "-f", "-n", "1"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines().map_while(Result::ok);
    // The last line so far: from here on it follows.
    assert!(lines.next().is_some());
    let question = json!({"model": "chat", "prompt": "One, two,", "max_tokens": 2});
    let (status, answer) = post(&daemon.url("/v1/completions"), &question).await;
    assert_eq!(status, 200, "{answer}");
    assert!(lines.any(|line| line.contains("processing task")), "the log ended without the request");
    follower.kill().unwrap();
    follower.wait().unwrap();
}
