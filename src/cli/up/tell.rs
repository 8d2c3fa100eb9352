//! What `up` says while it works: one line for each thing that a person would want to know, on stderr; at the end, on
//! stdout, where the models answer and how to try one.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use edgeorch_engines::Task;

use crate::cli::{report, table, terminal};
use crate::daemon::Setup;
use crate::engine::Origin;
use crate::home;
use crate::reconcile::prepare::PrepareError;
use crate::reconcile::{Happening, Order};
use crate::supervise::Snapshot;

pub(super) struct Teller {
    /// The models in the profile's order, with their task.
    tasks: BTreeMap<String, Task>,
    states: BTreeMap<String, String>,
    address: Option<SocketAddr>,
    needs_key: bool,
    was_ready: bool,
    /// What has been said of an instance's failures.
    restarts: BTreeMap<String, u32>,
}

impl Teller {
    pub(super) fn new(setup: &Setup) -> Teller {
        let models = &setup.profile.models;
        Teller {
            tasks: models.iter().map(|(id, model)| (id.as_str().to_owned(), model.task)).collect(),
            states: BTreeMap::new(),
            address: None,
            needs_key: !setup.profile.gateway.api_keys.is_empty(),
            was_ready: false,
            restarts: BTreeMap::new(),
        }
    }

    /// All models have been ready at once.
    pub(super) fn was_ready(&self) -> bool {
        self.was_ready
    }

    pub(super) fn stopping(&self, order: Order) {
        match order {
            Order::Run => {}
            Order::Stop => eprintln!("\nStopping: requests in flight may finish. Once more ends at once."),
            Order::Kill => eprintln!("\nEnding at once."),
        }
    }

    pub(super) fn tell(&mut self, happening: &Happening) {
        match happening {
            Happening::Swept(swept) => {
                for result in swept {
                    match result {
                        Ok(swept) => eprintln!(
                            "Ended what a killed daemon had left of {}: processes {:?}",
                            swept.name, swept.pids
                        ),
                        Err(error) => eprintln!("edgeorch: failed to {error}"),
                    }
                }
            }
            Happening::Listening(address) => self.address = Some(*address),
            Happening::Prepared(prepared) => {
                let engine = &prepared.engine;
                let from = match &engine.origin {
                    Origin::Path => "found on PATH".to_owned(),
                    Origin::Installed { by } => by.clone(),
                };
                let version = engine.binary.version.as_deref().unwrap_or("unknown version");
                let program = home::display(&engine.binary.program);
                let text =
                    format!("Engine    {}: {version}, {from}, {program}", prepared.approved.plan().engine);
                eprintln!("\n{}", table::fold(&text, "", terminal::width()));
                eprint!("\n{}\n", report::sum(prepared.approved.plan(), terminal::width()));
            }
            Happening::Refused { error: PrepareError::Unfit(plan), .. } => {
                eprint!("\n{}", report::sum(plan, terminal::width()));
            }
            Happening::Refused { .. } => {}
            Happening::Changed(snapshot) => self.changed(snapshot),
        }
    }

    fn changed(&mut self, snapshot: &Snapshot) {
        let restarts = self.restarts.insert(snapshot.name.clone(), snapshot.restarts).unwrap_or(0);
        // What ends the whole is told at the end, once.
        let is_last = snapshot.is_failed() && !self.was_ready;
        if snapshot.restarts > restarts && !is_last {
            let what = crate::reconcile::publish::failure(snapshot);
            eprintln!("{}", table::fold(&what, "", terminal::width()));
        }
        let before = self.states.insert(snapshot.name.clone(), snapshot.state.clone());
        if before.as_deref() == Some(&snapshot.state) {
            return;
        }
        match &snapshot.state[..] {
            "starting" => {
                eprintln!("{} is starting (process {})", snapshot.name, snapshot.pid.unwrap_or_default())
            }
            "ready" => {
                let after = snapshot.ready_after_ms.map_or(String::new(), |millis| {
                    format!(", {:.1} s after its start", millis as f64 / 1000.0)
                });
                let text = format!("{} is ready: a token came out{after}", snapshot.name);
                eprintln!("{}", table::fold(&text, "", terminal::width()));
                self.all_ready();
            }
            "absent" if snapshot.generation > 0 => {
                eprintln!("{} is stopped; nothing of it is left", snapshot.name)
            }
            _ => {}
        }
    }

    fn all_ready(&mut self) {
        let ready = |id: &String| self.states.get(id).is_some_and(|state| state == "ready");
        if self.was_ready || !self.tasks.keys().all(ready) {
            return;
        }
        self.was_ready = true;
        let (Some(address), Some((id, task))) = (self.address, self.tasks.first_key_value()) else { return };
        terminal::print(&format!(
            "\nhttp://{address}/v1 answers for {}. Try:\n\n",
            self.tasks.keys().cloned().collect::<Vec<_>>().join(", ")
        ));
        terminal::print(&format!("{}\n", example(address, id, *task, self.needs_key)));
    }
}

/// One line to paste.
fn example(address: SocketAddr, id: &str, task: Task, needs_key: bool) -> String {
    let key = if needs_key { r#" -H "Authorization: Bearer $KEY""# } else { "" };
    let (path, body) = match task {
        Task::Embedding => ("embeddings", format!(r#"{{"model":"{id}","input":"Hello"}}"#)),
        Task::Chat | Task::Code | Task::Reasoning => (
            "chat/completions",
            format!(r#"{{"model":"{id}","messages":[{{"role":"user","content":"Say hello."}}]}}"#),
        ),
    };
    format!("curl http://{address}/v1/{path}{key} -d '{body}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_try_asks_what_the_model_is_for() {
        let address = "127.0.0.1:9292".parse().unwrap();
        assert_eq!(
            example(address, "chat", Task::Chat, false),
            r#"curl http://127.0.0.1:9292/v1/chat/completions -d '{"model":"chat","messages":[{"role":"user","content":"Say hello."}]}'"#
        );
        assert!(
            example(address, "e", Task::Embedding, true)
                .contains(r#"/v1/embeddings -H "Authorization: Bearer $KEY""#)
        );
    }
}
