//! `edgeorch status`: how the daemon and its models are, with the last lines of what is not well.

use std::time::{Duration, SystemTime};

use super::{Failure, block_on, print_json, table, terminal};
use crate::control::client::Client;
use crate::control::{ModelStatus, Status};
use crate::home::{self, Home};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = Client::of(&Home::find()?);
    let status = block_on(client.status(None))??;
    if arguments.json {
        return print_json(&status);
    }
    let width = terminal::width();
    let mut text = head(&status, SystemTime::now());
    for model in &status.models {
        text += &describe(model, SystemTime::now(), width);
        if model.instance.cause.is_some() && model.instance.state != "ready" {
            let lines = block_on(client.last_lines(&model.id, 10))??;
            text += &lines
                .lines()
                .map(|line| format!("    │ {}\n", table::cut(line, width.saturating_sub(6))))
                .collect::<String>();
        }
    }
    terminal::print(&text);
    Ok(())
}

fn head(status: &Status, now: SystemTime) -> String {
    let state = match (status.stopping, status.is_ready()) {
        (true, _) => "stopping",
        (false, true) => "ready",
        (false, false) => "not ready",
    };
    format!(
        "edgeorch {} · {state} · up {} · pid {}\n  profile   {} ({})\n  endpoint  {}\n  home      {}\n",
        status.version,
        age(status.started, now),
        status.pid,
        status.profile,
        home::display(&status.profile_path),
        status.endpoint,
        home::display(&status.home),
    )
}

fn describe(model: &ModelStatus, now: SystemTime, width: usize) -> String {
    let instance = &model.instance;
    let mark = match &instance.state[..] {
        "ready" => '●',
        "failed" => '✗',
        _ => '○',
    };
    let mut text = format!("\n{mark} {}  {} for {}\n", model.id, instance.state, age(instance.since, now));
    text += &format!("{}\n", table::cut(&format!("    source    {}", model.source), width));
    text += &format!("    engine    {}", model.engine);
    if let Some(pid) = instance.pid {
        text += &format!(", pid {pid}");
    }
    if let Some(millis) = instance.ready_after_ms {
        text += &format!(", ready {:.1} s after its start", millis as f64 / 1000.0);
    }
    text += "\n";
    if let Some(planned) = model.planned {
        let resident = model.resident.map_or(String::new(), |resident| format!(", {resident} resident now"));
        text += &format!("    memory    {planned} proven{resident}\n");
    }
    text += &format!("    restarts  {}\n", instance.restarts);
    if let Some(cause) = instance.cause {
        let detail = instance.detail.as_deref().unwrap_or_else(|| cause.sentence());
        text += &format!(
            "{}\n",
            table::fold(&format!("last failure: {}, {detail}", cause.name()), "    ", width)
        );
    }
    text
}

fn age(since: SystemTime, now: SystemTime) -> String {
    let seconds = now.duration_since(since).unwrap_or_default().as_secs();
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}
