//! Real weights in parts from a hub, served by the real llama-server, which finds the other parts by itself.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::daemon::{free_port, profile};
use crate::support::repositories::{Files, Repositories};
use crate::support::split::split;
use crate::support::{Daemon, Engine, Home, ask};

const NAME: &str = "SmolLM2-135M-Instruct-Q4_1";

fn parts(file: &Path) -> Files {
    let parts = split(&std::fs::read(file).unwrap(), 3);
    assert_eq!(parts.len(), 3);
    let name = |number| format!("{NAME}-{number:05}-of-00003.gguf");
    (1..).map(name).zip(parts).collect()
}

/// What it answers where nothing is left to chance.
fn answer(daemon: &Daemon) -> String {
    let question = json!({"role": "user", "content": "Which city is the capital of France?"});
    let body = json!({"model": "chat", "messages": [question], "max_tokens": 16, "temperature": 0});
    let answer = ask::post(daemon, "/v1/chat/completions", &body.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

#[test]
fn a_split_model_from_a_hub_answers_as_the_whole_one_does() {
    let Some(engine) = Engine::real() else { return };
    let mut home = Home::new(&engine);
    let file = std::fs::canonicalize(engine.file(&home).strip_prefix("file:").unwrap()).unwrap();
    // A store of its own: the shared one keeps what other tests expect there.
    std::fs::remove_file(home.path().join("models")).unwrap();
    let files = parts(&file);
    let total: usize = files.values().map(Vec::len).sum();
    let hub = Repositories::of(&mut home, move |repo| (repo == "org/smol").then(|| files.clone()));

    let serve = |source: &str| {
        let port = free_port();
        let mut daemon = Daemon::of_profile(home.clone(), port, &profile(source, port, ""));
        daemon.wait_ready();
        let said = answer(&daemon);
        daemon.stop().is_refusal(130, &[]);
        said
    };
    let expected = serve(&format!("file:{}", file.display()));
    assert!(!expected.is_empty());
    assert_eq!(serve("hf:org/smol:Q4_1"), expected);
    assert_eq!(hub.asked().len(), 4, "a list and three parts");
    let listed = home.run(&["models", "ls", "--json"]).stdout;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["entries"][0]["bytes"].as_u64(), Some(total as u64), "{listed}");

    // The same parts as files of one's own, named by their first.
    let first = listed["entries"][0]["path"].as_str().unwrap();
    assert_eq!(serve(&format!("file:{first}")), expected);
}
