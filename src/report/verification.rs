//! Part 7: commands that check this very deployment. The script and the page are made of the same steps.

use edgeorch_engines::Host;

use super::Report;
use super::document::Section;

/// One check: what it proves and the command, which ends with 0 where it holds.
struct Step {
    proves: String,
    command: String,
}

pub fn section(report: &Report) -> Section {
    let mut section = Section::new("7 Verification steps");
    section.text("`verify.sh`, written beside this report, runs all of them and says which hold:");
    if !report.starts() {
        section.text("edgeorch starts none of these models: start their files first.");
    }
    let row = |(index, step): (usize, Step)| [(index + 1).to_string(), step.proves, step.command];
    section.table(["", "proves", "command"], steps(report).into_iter().enumerate().map(row).collect());
    section
}

/// A script that runs every step, starts what isn't running, and takes down what it started.
pub fn script(report: &Report) -> String {
    let mut text = format!(
        "#!/bin/sh\n# Checks the deployment of {}. Ends with 0 if every step holds.\n\
         # EDGEORCH names the program, where it is not on PATH.\nset -u\n\
         EDGEORCH=${{EDGEORCH:-edgeorch}}\nfailed=0\nstarted=no\n\
         check() {{\n  if eval \"$2\" >/dev/null 2>&1; then echo \"holds  $1\"; else echo \"FAILS  $1\"; echo \"       $2\"; failed=1; fi\n}}\n",
        comment(&report.profile),
    );
    text += &match report.starts() {
        true => format!(
            "if ! $EDGEORCH status >/dev/null 2>&1; then\n  $EDGEORCH up -f {} --detach || exit 1\n  started=yes\nfi\n",
            quoted(&report.profile_path)
        ),
        false => "# edgeorch starts none of these models: start the files in deploy/ first.\n".to_owned(),
    };
    for step in steps(report) {
        text += &format!("check {} {}\n", quoted(&step.proves), quoted(&step.command));
    }
    text += "if [ \"$started\" = yes ]; then $EDGEORCH down; fi\nexit $failed\n";
    text
}

fn steps(report: &Report) -> Vec<Step> {
    let step = |proves: &str, command: String| Step { proves: proves.to_owned(), command };
    let url = format!("http://{}", report.endpoint);
    let auth = "${EDGEORCH_API_KEY:+-H \"Authorization: Bearer $EDGEORCH_API_KEY\"}";
    let mut steps = vec![
        machine(&report.host),
        step("the plan still fits", format!("$EDGEORCH plan -f {}", quoted(&report.profile_path))),
    ];
    if report.starts() {
        steps.push(step("the daemon runs", "$EDGEORCH status".into()));
        steps.push(step("the gateway answers", format!("curl -fsS {auth} {url}/v1/models")));
    }
    for model in &report.models {
        let id = &model.id;
        let embeds = model
            .decision
            .best
            .as_ref()
            .is_some_and(|best| best.plan.ask.task == edgeorch_engines::Task::Embedding);
        let ask = |name: &str, url: &str| {
            // A name may be a folder's, which may hold anything.
            let name = serde_json::Value::from(name);
            let (path, body) = match embeds {
                true => ("embeddings", format!("{{\"model\":{name},\"input\":\"a\"}}")),
                false => ("completions", format!("{{\"model\":{name},\"prompt\":\"a\",\"max_tokens\":1}}")),
            };
            let body = quoted(&body);
            format!(
                "curl -fsS --max-time 120 {auth} -H 'Content-Type: application/json' -d {body} {url}/v1/{path}"
            )
        };
        if !report.starts() {
            let own = format!("http://127.0.0.1:{}", model.port);
            steps.push(step(&format!("{id} answers"), ask(&model.deployment.asked_as, &own)));
            continue;
        }
        steps.push(step(
            &format!("{id} is ready"),
            format!("$EDGEORCH ps --json | grep -q '\"id\": *\"{id}\"' && curl -fsS {auth} {url}/v1/models | grep -q '\"{id}\"'"),
        ));
        steps.push(step(&format!("{id} answers"), ask(id, &url)));
        steps.push(step(
            &format!("what {id} took is beside what was predicted"),
            // The record is written beside the start, not within it.
            format!("for i in 1 2 3 4 5; do $EDGEORCH why {} && break; sleep 1; done", quoted(id)),
        ));
    }
    steps
}

/// By the names of its processor and accelerators, where the audit knew any.
fn machine(host: &Host) -> Step {
    let names = host.accelerators.iter().filter_map(|one| one.name.as_deref());
    let names: Vec<&str> = host.cpu.model.as_deref().into_iter().chain(names).collect();
    let audit = "$EDGEORCH audit --json --no-measure";
    if names.is_empty() {
        return Step { proves: "this machine can be audited".into(), command: audit.into() };
    }
    let has = |name: &&str| format!("printf %s \"$audit\" | grep -qF {}", quoted(name));
    let all: Vec<String> = names.iter().map(has).collect();
    let command = format!("audit=$({audit}) && {}", all.join(" && "));
    Step { proves: "the machine has the processor and accelerators that were planned for".into(), command }
}

/// For a shell, as one word.
fn quoted(text: &str) -> String {
    let plain =
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-:=@%+,".contains(c));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// Nothing may leave its comment.
fn comment(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
