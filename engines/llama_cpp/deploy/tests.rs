//! Deployment files hold the planned arguments, word for word, whatever stands in them.

use std::process::Command;

use super::*;
use crate::contract::host::{Accelerator, AcceleratorKind, Api, Vendor};
use crate::contract::{Ask, Format, Host, Model, Placement, Share, Task};

const NASTY: &str = "/models/it's \"50%\" $HOME `x`\\y.gguf";

fn host() -> Host {
    serde_json::from_str(include_str!("../../contract/host.example.json")).unwrap()
}

fn deploy(ask: &Ask, weights: &str, binary: Option<&Binary>, host: &Host) -> Deployment {
    let files = Files { weights: weights.into(), ..Files::default() };
    let model = Model::bare(Format::Gguf, "llama");
    let order = Order { ask, model: &model, files: &files, binary, host, port: 40003, user: None };
    LlamaCpp.deploy(&order).unwrap()
}

fn text<'a>(deployment: &'a Deployment, name: &str) -> &'a str {
    &deployment.files.iter().find(|file| file.name == name).unwrap().text
}

fn ask() -> Ask {
    Ask::new("notes", Task::Chat, 4096)
}

fn binary(program: &str) -> Binary {
    Binary {
        program: program.into(),
        help: HELP.into(),
        version: None,
        library_path: None,
        devices: Vec::new(),
    }
}

fn planned(weights: &str, port: u16) -> Vec<String> {
    let files = Files { weights: weights.into(), ..Files::default() };
    let seat = Seat { port, key: String::new() };
    let model = Model::bare(Format::Gguf, "llama");
    LlamaCpp.launch(&ask(), &model, &files, &binary("x"), &seat).unwrap().argv()
}

#[test]
fn the_script_gives_the_program_the_planned_words_and_a_clean_environment() {
    let script = deploy(&ask(), NASTY, Some(&binary("/usr/bin/printf")), &host());
    // printf repeats its format for each of the other words, so the first flag is one: all others come out, a line each.
    let text = text(&script, "start.sh").replace("exec /usr/bin/printf", "exec /usr/bin/printf '%s\\n'");
    let run = |text: &str| {
        let output = Command::new("sh").arg("-c").arg(text).env("LLAMA_ARG_CTX_SIZE", "1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(run(&text).lines().collect::<Vec<_>>(), planned(NASTY, 40003));
    let env = run(&text.split("exec /usr/bin/printf").next().map(|head| format!("{head}env")).unwrap());
    assert!(!env.contains("LLAMA_ARG_CTX_SIZE"), "an inherited variable would change the plan");
    assert!(env.contains("HF_HUB_OFFLINE=1"));
    assert!(!env.contains("LLAMA_API_KEY"), "an empty key would be one");
}

#[test]
fn the_compose_file_is_yaml_that_says_the_same_from_inside() {
    let deployment = deploy(&ask(), NASTY, None, &host());
    let yaml: serde_json::Value = serde_saphyr::from_str(text(&deployment, "compose.yaml")).unwrap();
    let service = &yaml["services"]["notes"];
    let words: Vec<String> = service["command"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap().replace("$$", "$"))
        .collect();
    let inside = NASTY.replace("/models/", "/models/0/");
    let expected: Vec<_> = planned(&inside, INNER_PORT)
        .into_iter()
        .map(|word| if word == "127.0.0.1" { "0.0.0.0".into() } else { word })
        .collect();
    assert_eq!(words, expected);
    assert_eq!(service["ports"][0], "127.0.0.1:40003:8080", "published on loopback only");
    assert_eq!(service["volumes"][0]["read_only"], true);
    assert_eq!(service["volumes"][0]["source"].as_str().unwrap().replace("$$", "$"), NASTY);
    assert_eq!(service["volumes"][0]["target"].as_str().unwrap().replace("$$", "$"), inside);
    assert_eq!(service["healthcheck"]["test"][3], format!("http://127.0.0.1:{INNER_PORT}/health"));
    assert_eq!(service["image"], "ghcr.io/ggml-org/llama.cpp:server-b11434");
}

#[test]
fn the_unit_doubles_what_systemd_would_fill_in() {
    let deployment = deploy(&ask(), NASTY, Some(&binary("/home/llama server/llama-server")), &host());
    let unit = text(&deployment, "notes.service");
    assert!(unit.contains(r#""/models/it's \"50%%\" $$HOME `x`\\y.gguf""#), "{unit}");
    assert!(unit.contains("ExecStart=\"/home/llama server/llama-server\" --model "), "{unit}");
    assert!(unit.contains(r#"BindReadOnlyPaths="/models/it's \"50%%\" $$HOME `x`\\y.gguf""#), "{unit}");
    assert!(unit.contains("BindReadOnlyPaths=\"/home/llama server\"\n"), "{unit}");
    assert!(unit.contains("PrivateDevices=yes"));
}

#[test]
fn nothing_is_shown_but_the_files_that_are_loaded() {
    let deployment =
        deploy(&ask(), "/home/me/m-00001-of-00002.gguf", Some(&binary("/usr/bin/llama-server")), &host());
    let bound: Vec<&str> = text(&deployment, "notes.service")
        .lines()
        .filter_map(|line| line.strip_prefix("BindReadOnlyPaths="))
        .collect();
    assert_eq!(bound, ["/home/me/m-00001-of-00002.gguf", "/home/me/m-00002-of-00002.gguf"]);
    let yaml: serde_json::Value = serde_saphyr::from_str(text(&deployment, "compose.yaml")).unwrap();
    let volumes = yaml["services"]["notes"]["volumes"].as_array().unwrap();
    let targets: Vec<_> = volumes.iter().map(|volume| volume["target"].as_str().unwrap()).collect();
    assert_eq!(targets, ["/models/0/m-00001-of-00002.gguf", "/models/0/m-00002-of-00002.gguf"]);
}

#[test]
fn only_a_name_of_a_first_part_means_several_files() {
    for whole in [
        "a.gguf",
        "a-00002-of-00003.gguf",
        "a-00001-of-3.gguf",
        "a-00001-of-00000.gguf",
        "a-00001-of-+0003.gguf",
    ] {
        assert_eq!(parts(Path::new(whole)), [Path::new(whole)]);
    }
    assert_eq!(parts(Path::new("/m/a-00001-of-99999.gguf")).len(), 1, "more than are read");
}

#[test]
fn the_reader_is_told_what_another_user_needs_to_read_the_files() {
    let note = |weights| {
        let notes = deploy(&ask(), weights, None, &host()).notes;
        notes.into_iter().find(|note| note.contains("notes.service")).unwrap()
    };
    assert!(note("/srv/private/m.gguf").contains("/srv/private and what it lies in open to all"));
    assert!(!note("/home/me/m.gguf").contains("open to all"), "the unit makes these folders itself");
}

#[test]
fn the_container_reads_the_files_as_who_planned() {
    let files = Files { weights: "/m/a.gguf".into(), ..Files::default() };
    let (model, host, ask) = (Model::bare(Format::Gguf, "llama"), host(), ask());
    let of = |user| {
        let order =
            Order { ask: &ask, model: &model, files: &files, binary: None, host: &host, port: 1, user };
        LlamaCpp.deploy(&order).unwrap()
    };
    let deployment = of(Some(User { uid: 1000, gid: 100 }));
    assert!(text(&deployment, "compose.yaml").contains("\n    user: \"1000:100\"\n"));
    let told =
        |deployment: &Deployment| deployment.notes.iter().any(|note| note.contains("without capabilities"));
    assert!(!told(&deployment));
    assert!(told(&of(None)) && told(&of(Some(User { uid: 0, gid: 0 }))));
}

#[test]
fn a_gpu_that_no_build_here_lists_is_named_by_order_and_the_reader_told() {
    let mut host = host();
    let card = |api| Accelerator { apis: vec![api], ..Accelerator::new(AcceleratorKind::Gpu, Vendor::Amd) };
    host.accelerators = vec![card(Api::OpenCl), card(Api::Rocm), card(Api::Rocm)];
    let share = Share { device: 2, backend: Backend::Rocm, layers: 4 };
    let ask = Ask { placement: Placement { shares: vec![share], ..Placement::default() }, ..ask() };
    let deployment = deploy(&ask, "/m/a.gguf", None, &host);
    assert!(text(&deployment, "start.sh").contains("--device ROCm1"), "the second that ROCm reaches");
    assert!(deployment.notes.iter().any(|note| note.contains("--list-devices")));
    let compose = text(&deployment, "compose.yaml");
    assert!(compose.contains("server-rocm-b11434") && compose.contains("/dev/kfd"));
    assert!(!compose.contains("group_add"), "a group that the image doesn't have ends the start");
    let unit = text(&deployment, "notes.service");
    assert!(!unit.contains("PrivateDevices=yes") && unit.contains("SupplementaryGroups=video render"));
}

#[test]
fn an_id_makes_a_plain_name_of_a_file() {
    assert_eq!(file_name("org/../My Model:7b"), "org-..-My-Model-7b");
    assert_eq!(file_name(".."), "model");
    assert_eq!(file_name("-rf"), "rf");
}
