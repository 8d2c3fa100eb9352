//! What `plan` writes, put to use: the sum on the terminal, the report in each form, the script that checks the
//! deployment, and the script that starts the engine without edgeorch.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::program::write_program;
use crate::support::daemon::{free_port, profile};
use crate::support::home::Ran;
use crate::support::{Engine, Home, lines, processes, require, wait};

const PARTS: [&str; 7] = [
    "1 Hardware audit",
    "2 Model recommendation",
    "3 Stack architecture",
    "4 Deployment config",
    "5 Performance projection",
    "6 Risk register",
    "7 Verification steps",
];

/// A home with a profile of the real weights.
fn home(engine: &Engine) -> Home {
    let home = Home::new(engine);
    home.profile(&profile(&engine.file(&home), free_port(), ""));
    home
}

/// Where the report in this form is written, with the profile and the folder as one types them.
fn written(home: &Home, form: &str) -> PathBuf {
    let mut plan = home.command(&["plan", "-f", "profile.yaml", "-o", "out", "--format", form]);
    let ran = Ran::of(plan.current_dir(home.outside()).output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    home.outside().join("out")
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_plan_shows_its_sum_and_starts_nothing() {
    let Some(engine) = Engine::real() else { return };
    let home = home(&engine);
    let profile = home.outside().join("profile.yaml");
    let ran = home.run(&["plan", "-f", profile.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for words in ["weights", "KV cache", "compute", "process", "total", "allowed", "It fits", "--model"] {
        assert!(ran.stdout.contains(words), "no {words} in {ran:?}");
    }
    lines::assert_fit(&ran.stdout);
    assert!(processes::of_home(&home.path()).is_empty());
}

#[test]
fn the_report_has_seven_parts_in_each_form() {
    let Some(engine) = Engine::real() else { return };
    let home = home(&engine);
    let page = text(&written(&home, "md").join("plan.md"));
    let headings: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(headings, PARTS);

    let page = text(&written(&home, "html").join("plan.html"));
    for part in PARTS {
        assert!(page.contains(part), "no {part}");
    }
    for outside in ["src=", "<link", "<script", "@import"] {
        assert!(!page.contains(outside), "the page is whole by itself, and holds {outside}");
    }

    let folder = written(&home, "json");
    let report: Value = serde_json::from_str(&text(&folder.join("plan.json"))).unwrap();
    assert_eq!(report["schema"], "edgeorch.plan/v1");
    assert_eq!(report["models"][0]["decision"]["best"]["plan"]["verdict"]["kind"], "fits");
    assert!(folder.join("verify.sh").is_file() && folder.join("deploy/chat/start.sh").is_file());
}

#[test]
fn a_model_that_is_yet_to_be_fetched_is_planned_with_what_is_left_to_do() {
    let home = Home::new(&Engine::fake(""));
    home.profile(&profile("auto", free_port(), ""));
    let folder = written(&home, "json");
    let report: Value = serde_json::from_str(&text(&folder.join("plan.json"))).unwrap();
    let notes = report["models"][0]["notes"].to_string();
    assert!(notes.contains("its weights are not here: `edgeorch pull hf:"), "{notes}");
    let script = text(&folder.join("deploy/chat/start.sh"));
    assert!(script.contains("--model /"), "a start without a model makes the server a router: {script}");
}

#[test]
fn an_engine_that_is_installed_and_not_started_gets_its_files() {
    let home = Home::new(&Engine::None);
    let help = concat!(env!("CARGO_MANIFEST_DIR"), "/engines/vllm/help/0.32.0.txt");
    let program = home.outside().join("bin/vllm");
    write_program(&program, format!("#!/bin/sh\nexec cat '{help}'\n"));
    let folder = home.outside().join("model");
    std::fs::create_dir(&folder).unwrap();
    for (name, content) in safetensors() {
        std::fs::write(folder.join(name), content).unwrap();
    }
    let model = format!("source: \"file:{}\", engine: vllm, context_size: 512", folder.display());
    home.profile(&format!(
        "apiVersion: edgeorch/v1\nkind: Profile\nmetadata: {{name: test}}\nmodels: {{a: {{{model}}}, b: {{{model}}}}}\n"
    ));
    let out = written(&home, "md");
    let script = text(&out.join("deploy/a/vllm.sh"));
    assert!(script.contains(&format!("exec {} serve", program.display())), "{script}");
    assert!(script.contains("--port 9931"), "{script}");
    assert!(text(&out.join("deploy/b/vllm.sh")).contains("--port 9932"), "each has a port of its own");
    let page = text(&out.join("plan.md"));
    assert!(page.contains("does not start it yet") && !page.contains("edgeorch up"), "{page}");
}

/// A model that is small and no use.
fn safetensors() -> [(&'static str, Vec<u8>); 2] {
    let header = r#"{"model.embed_tokens.weight":{"dtype":"BF16","shape":[8,64],"data_offsets":[0,1024]}}"#;
    let tensors = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 1024]].concat();
    let config = r#"{"model_type":"llama","hidden_size":64,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,"max_position_embeddings":512,"vocab_size":8}"#;
    [("config.json", config.into()), ("model.safetensors", tensors)]
}

#[test]
fn every_step_of_the_verification_holds_and_the_script_leaves_nothing_running() {
    let Some(engine) = Engine::real() else { return };
    if Command::new("curl").arg("--version").output().is_err() {
        return require::skip("curl", "it is not on PATH");
    }
    let home = home(&engine);
    let script = written(&home, "md").join("verify.sh");
    let run = || {
        let mut sh = shell(&home, &script);
        let ran =
            Ran::of(sh.env("EDGEORCH", env!("CARGO_BIN_EXE_edgeorch")).current_dir("/").output().unwrap());
        assert!(processes::of_home(&home.path()).is_empty(), "{ran:?}");
        ran
    };
    let ran = run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let steps = text(&script).lines().filter(|line| line.starts_with("check ")).count();
    assert!(steps >= 7, "{steps}");
    assert_eq!(ran.stdout.lines().filter(|line| line.starts_with("holds  ")).count(), steps, "{ran:?}");
    assert!(!ran.stdout.contains("FAILS"), "{ran:?}");

    // A check that can't fail proves nothing: the model is asked for by a name that it does not have.
    std::fs::write(&script, text(&script).replace("\"model\":\"chat\"", "\"model\":\"other\"")).unwrap();
    let ran = run();
    assert!(ran.code == Some(1) && ran.stdout.contains("FAILS  chat answers"), "{ran:?}");
}

#[test]
fn the_written_script_starts_the_real_server() {
    let Some(engine) = Engine::real() else { return };
    let home = home(&engine);
    let script = written(&home, "md").join("deploy/chat/start.sh");
    // The planned port is the same in every run of this test; another run may go on beside this one.
    let port = free_port();
    let changed = text(&script).replace("--port 9931", &format!("--port {port}"));
    assert!(changed.contains(&format!("--port {port}")), "{changed}");
    std::fs::write(&script, changed).unwrap();

    let log = std::fs::File::create(home.outside().join("server.log")).unwrap();
    let mut command = shell(&home, &script);
    let mut server = Server(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
    wait::until("a healthy server", || {
        let ended = server.0.try_wait().unwrap();
        assert!(ended.is_none(), "{ended:?}: {}", text(&home.outside().join("server.log")));
        health(port).is_some_and(|answer| answer.contains(" 200 ") && answer.contains("\"ok\""))
    });
    // The script became the server: its process is the one to end.
    let program = std::fs::read_link(format!("/proc/{}/exe", server.0.id())).unwrap();
    assert!(program.ends_with("llama-server"), "{}", program.display());
}

/// `sh SCRIPT` in this home.
fn shell(home: &Home, script: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg(script).env("EDGEORCH_HOME", home.path()).env_remove("EDGEORCH_LOG");
    command.envs(home.env.iter().map(|(name, value)| (name, value)));
    command
}

/// Ended with the test, however that ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0.id() as i32), Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

/// What `/health` answers, if anything does.
fn health(port: u16) -> Option<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}
