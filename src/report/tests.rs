//! Reports of small plans: all seven parts, in each form, and a script that a shell accepts.

use edgeorch_engines::{
    Ask, Bytes, Engine, Fidelity, Format, Layer, Model, Part, State, Task, Weights, llama_cpp::LlamaCpp,
};

use super::*;
use crate::plan::demands::{Demands, usual};
use crate::plan::holdings::UNKNOWN;
use crate::plan::rehearsal::{Compared, Outcome};
use crate::plan::risk;
use crate::plan::subject::{Licence, Subject};
use crate::plan::{Allowances, Question, Usage};

fn host() -> Host {
    serde_json::from_str(include_str!("../../engines/contract/host.example.json")).unwrap()
}

fn subject() -> Subject {
    let layers = vec![Layer::attention(192, 192, None); 30];
    let model = Model {
        weights: Weights {
            total: Bytes::mib(92),
            by_type: [("Q4_1".into(), Bytes::mib(92))].into(),
            ..Weights::default()
        },
        file_bytes: Bytes::mib(94),
        embedding_length: Some(576),
        feed_forward_length: Some(1536),
        vocabulary: Some(49152),
        head_count: Some(9),
        head_size: Some(64),
        state: State::Known { layers },
        ..Model::bare(Format::Gguf, "llama")
    };
    Subject {
        name: "Tiny <b>".into(),
        source: Some("file:/srv/tiny.gguf".into()),
        quantization: None,
        licence: Some(Licence { name: "Narrow".into(), open: false, limits: Some("only at home".into()) }),
        grade: None,
        model,
    }
}

fn report() -> Report {
    let (host, ask) = (host(), Ask::new("chat", Task::Chat, 2048));
    let demands = Demands {
        fidelity: Fidelity::Balanced,
        variants: vec![],
        cache: None,
        backends: Some(vec![edgeorch_engines::Backend::Cpu]),
        workload: usual(Task::Chat, 2048, 1),
        ttft_p95: None,
        decode_min: None,
        disk: None,
    };
    let allowances = Allowances::of(&host, Bytes::gib(64), &Usage::default());
    let engine: &'static dyn Engine = &LlamaCpp;
    let question = Question {
        ask: &ask,
        engines: &[engine],
        demands: &demands,
        host: &host,
        allowances: &allowances,
        holdings: &UNKNOWN,
    };
    let decision = question.decide([subject()]);
    let risks = risk::register(decision.best.as_ref().unwrap(), &demands, &host);
    Report {
        schema: Report::SCHEMA.into(),
        profile: "it's a test".into(),
        profile_path: "my profile.yaml".into(),
        endpoint: "127.0.0.1:9292".into(),
        audit: "Machine".into(),
        host,
        models: vec![Planned {
            id: "chat".into(),
            decision,
            other_engines: vec![],
            risks,
            rehearsal: None,
            program: None,
            arguments: None,
            notes: vec![],
            deployment: Deployment::default(),
            port: 9931,
        }],
    }
}

const PARTS: [&str; 7] = [
    "1 Hardware audit",
    "2 Model recommendation",
    "3 Stack architecture",
    "4 Deployment config",
    "5 Performance projection",
    "6 Risk register",
    "7 Verification steps",
];

#[test]
fn all_seven_parts_are_in_each_form() {
    let report = report();
    let (markdown, html) = (report.markdown(), report.html());
    for part in PARTS {
        assert!(markdown.contains(&format!("## {part}")), "{part}");
        assert!(html.contains(&format!("<h2>{part}</h2>")), "{part}");
    }
    assert!(markdown.contains("Tiny &lt;b>") && html.contains("Tiny &lt;b&gt;"), "names stay text");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["schema"], "edgeorch.plan/v1");
    assert!(json["models"][0]["decision"]["best"]["plan"]["sum"]["charges"].as_array().unwrap().len() > 3);
}

#[test]
fn a_dry_run_stands_beside_the_sum_with_what_it_counts_otherwise() {
    let row = |part, ours: Option<u64>, mib: u64| Compared {
        place: edgeorch_engines::Place::Host,
        part,
        ours: ours.map(Bytes::mib),
        theirs: Bytes::mib(mib),
        difference: ours.map(|ours| (ours as i64 - mib as i64) * Bytes::MIB as i64),
    };
    let parts = vec![row(Part::Cache, Some(16), 104), row(Part::Compute, None, 7)];
    let told = Outcome::Told { parts, differs: "counts more" };
    let mut report = report();
    let mut markdown = |outcome| {
        report.models[0].rehearsal = Some(Rehearsed { program: "dry-run".into(), outcome });
        (report.markdown(), serde_json::to_value(&report.models[0].rehearsal).unwrap())
    };
    let (text, json) = markdown(told);
    assert!(text.contains("| Host memory, cache and state | 16.0 MiB | 104 MiB | -88.0 MiB |"), "{text}");
    assert!(text.contains("| Host memory, compute | unknown | 7.0 MiB | unknown |"), "{text}");
    assert!(text.contains("It counts more."), "{text}");
    assert_eq!(json["told"]["parts"][0]["difference"], -88 * (1 << 20));
    let (text, json) = markdown(Outcome::Failed("it hangs".into()));
    assert!(text.contains("dry-run could not be asked for a dry run: it hangs."), "{text}");
    assert_eq!(json, serde_json::json!({"program": "dry-run", "failed": "it hangs"}));
}

#[test]
fn every_risk_of_the_register_says_why_and_what_to_do() {
    let report = report();
    let risks = &report.models[0].risks;
    let kinds: Vec<_> = risks.iter().map(|risk| risk.kind.name()).collect();
    for kind in ["memory overflow", "heat", "quantization loss", "battery", "disk", "speed", "licence"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    assert!(risks.iter().all(|risk| !risk.because.is_empty() && !risk.mitigation.is_empty()));
    assert!(risks.is_sorted_by_key(|risk| std::cmp::Reverse(risk.likelihood)));
}

#[test]
fn the_script_is_one_that_a_shell_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("verify.sh");
    std::fs::write(&path, script(&report())).unwrap();
    let checked = std::process::Command::new("sh").arg("-n").arg(&path).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn of_an_engine_that_is_not_started_the_files_own_server_is_asked() {
    let mut report = report();
    assert!(script(&report).contains("--detach") && report.markdown().contains("`edgeorch up -f"));
    report.models[0].decision.best.as_mut().unwrap().plan.engine = "mlx-lm".into();
    report.models[0].deployment.asked_as = "it's \"x\" $HOME".into();
    let text = script(&report);
    assert!(!text.contains("--detach") && !text.contains("$EDGEORCH ps"), "{text}");
    let markdown = report.markdown();
    assert!(
        !markdown.contains("edgeorch gateway") && markdown.contains("at 127.0.0.1:9931 without a gateway")
    );
    assert!(!markdown.contains("edgeorch up") && markdown.contains("start their files first"), "{markdown}");

    // What curl is given in the end, through both shells.
    let folder = tempfile::tempdir().unwrap();
    let given = folder.path().join("given");
    let curl = format!("curl() {{ printf '%s\\n' \"$@\" >'{}'; }}\n", given.display());
    let ran = std::process::Command::new("sh").arg("-c").arg(curl + &text).env("EDGEORCH", "true").output();
    assert!(String::from_utf8_lossy(&ran.unwrap().stdout).contains("holds  chat answers"));
    let given = std::fs::read_to_string(given).unwrap();
    let body: serde_json::Value =
        serde_json::from_str(given.lines().find(|line| line.starts_with('{')).unwrap()).unwrap();
    assert_eq!(body["model"], "it's \"x\" $HOME");
    assert!(given.ends_with("http://127.0.0.1:9931/v1/completions\n"), "{given}");
}

#[test]
fn no_line_of_the_diagram_is_wider_than_a_terminal() {
    let markdown = report().markdown();
    let boxes = markdown.lines().filter(|line| line.starts_with('│') || line.starts_with('┌'));
    let widths: Vec<usize> = boxes.map(|line| line.chars().count()).collect();
    assert!(!widths.is_empty() && widths.iter().all(|width| *width == 64), "{widths:?}");
}

#[test]
fn the_machine_is_told_from_another_by_its_processor() {
    let mut report = report();
    report.host.cpu.model = Some("Maker's CPU 9".into());
    assert!(script(&report).contains("Maker"), "{}", script(&report));
    assert!(report.markdown().contains("the processor and accelerators that were planned for"));
    report.host.cpu.model = None;
    report.host.accelerators.clear();
    assert!(report.markdown().contains("this machine can be audited"));
}
