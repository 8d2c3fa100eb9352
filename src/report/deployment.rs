//! Part 4: the files that run it, and the exact arguments with a reason for each.

use super::document::Section;
use super::{Report, folder};

pub fn section(report: &Report) -> Section {
    let mut section = Section::new("4 Deployment config");
    if report.starts() {
        section.text(format!("With edgeorch: `edgeorch up -f {}`.", report.profile_path));
    }
    for model in &report.models {
        section.heading(&model.id);
        match (model.not_started(), &model.program, &model.arguments) {
            (Some(engine), _, _) => section.text(format!(
                "edgeorch plans for {engine} and does not start it yet: the files do, at http://127.0.0.1:{}, where \
                 clients ask for the model as `{}`.",
                model.port, model.deployment.asked_as
            )),
            (None, Some(program), Some(flags)) => {
                section.text(format!("{program}, with a port and a key of its own at each launch:"));
                let rows = flags.iter().map(|flag| [flag.words.join(" "), flag.why.clone()]).collect();
                section.table(["argument", "why"], rows);
            }
            _ => section.text(
                "The engine is not installed here: its exact arguments follow from its own --help. `edgeorch up` installs it.",
            ),
        }
        section.list(model.notes.clone());
        if !model.deployment.files.is_empty() {
            section.text(format!(
                "Without edgeorch, these files serve the same model; `edgeorch plan -o DIR` writes them to DIR/deploy/{}:",
                folder(&model.id)
            ));
        }
        for file in &model.deployment.files {
            section.text(format!("`{}`", file.name));
            section.listing(language(&file.name), file.text.clone());
        }
        section.list(model.deployment.notes.clone());
    }
    section
}

/// For colouring only.
fn language(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("sh") => "sh",
        Some("yaml" | "yml") => "yaml",
        Some("service" | "env") => "ini",
        Some("py") => "python",
        Some("json") => "json",
        _ => "text",
    }
}
