//! What goes wrong. `EDGEORCH_FAKE` holds groups of faults, parted by `;`, each group a comma-separated list:
//!
//! ```text
//! EDGEORCH_FAKE='slow-token=20ms;crash-after-tokens=5,exit-code=3,times=1'
//! ```
//!
//! A group with `times=N` applies to the first N launches only; they are counted in the file that
//! `EDGEORCH_FAKE_STATE` names. Runs for `--help` and `--version` are no launches and show no faults.
//!
//! | fault | effect |
//! |---|---|
//! | `load=2s` | loading takes so long |
//! | `crash-on-load` | aborts at the end of loading |
//! | `crash-after-tokens=N` | aborts instead of giving token N+1 of the process |
//! | `exit-code=N` | how these crashes end; alone, it is a crash on load |
//! | `hang-after-tokens=N` | no token after the Nth of the process; everything else goes on |
//! | `hang-health` | `/health` is never answered |
//! | `lie-health` | `/health` is fine, completions fail with 500 |
//! | `never-listen` | lives, but no port is opened |
//! | `ignore-sigterm` | only SIGKILL ends it |
//! | `exit-oom` `usage-error` `port-taken` | the real one's line and exit code 1 |
//! | `sigill` | dies by that signal at once |
//! | `fork-grandchild` `setsid-grandchild` | starts a process that stays, in its group or in a session of its own |
//! | `drop-pdeathsig` | forgets the parent-death signal |
//! | `slow-token=50ms` | each token takes so long |
//! | `log-flood[=MiB]` | prints so much (100) before loading |
//! | `big-endless-line[=MiB]` | prints a line of that size (10) that never ends |

use std::fs::File;
use std::io::Write;
use std::time::Duration;

#[derive(Debug, Default)]
pub struct Faults {
    pub load: Duration,
    pub crash_on_load: bool,
    pub crash_after_tokens: Option<u64>,
    pub exit_code: Option<i32>,
    pub hang_after_tokens: Option<u64>,
    pub hang_health: bool,
    pub lie_health: bool,
    pub never_listen: bool,
    pub ignore_sigterm: bool,
    pub exit_oom: bool,
    pub usage_error: bool,
    pub port_taken: bool,
    pub sigill: bool,
    pub fork_grandchild: bool,
    pub setsid_grandchild: bool,
    pub drop_pdeathsig: bool,
    pub slow_token: Duration,
    pub log_flood: Option<usize>,
    pub big_endless_line: Option<usize>,
}

impl Faults {
    pub fn of_this_launch() -> Result<Faults, String> {
        let spec = std::env::var("EDGEORCH_FAKE").unwrap_or_default();
        let mut faults = Faults::default();
        let launch = count_launch()?;
        for group in spec.split(';').filter(|group| !group.trim().is_empty()) {
            faults.add(group, launch)?;
        }
        if faults.exit_code.is_some() && faults.crash_after_tokens.is_none() {
            faults.crash_on_load = true;
        }
        Ok(faults)
    }

    fn add(&mut self, group: &str, launch: Option<u64>) -> Result<(), String> {
        let items = || group.split(',').map(|item| item.trim().split_once('=').unwrap_or((item.trim(), "")));
        if let Some((_, times)) = items().find(|(name, _)| *name == "times") {
            let launch = launch.ok_or("`times` needs EDGEORCH_FAKE_STATE")?;
            if launch > number(times, None)? {
                return Ok(());
            }
        }
        for (name, value) in items() {
            match name {
                "times" => {}
                "load" => self.load = duration(value)?,
                "crash-on-load" => self.crash_on_load = true,
                "crash-after-tokens" => self.crash_after_tokens = Some(number(value, None)?),
                "exit-code" => self.exit_code = Some(number(value, None)?),
                "hang-after-tokens" => self.hang_after_tokens = Some(number(value, None)?),
                "hang-health" => self.hang_health = true,
                "lie-health" => self.lie_health = true,
                "never-listen" => self.never_listen = true,
                "ignore-sigterm" => self.ignore_sigterm = true,
                "exit-oom" => self.exit_oom = true,
                "usage-error" => self.usage_error = true,
                "port-taken" => self.port_taken = true,
                "sigill" => self.sigill = true,
                "fork-grandchild" => self.fork_grandchild = true,
                "setsid-grandchild" => self.setsid_grandchild = true,
                "drop-pdeathsig" => self.drop_pdeathsig = true,
                "slow-token" => self.slow_token = duration(value)?,
                "log-flood" => self.log_flood = Some(number(value, Some(100))?),
                "big-endless-line" => self.big_endless_line = Some(number(value, Some(10))?),
                // A mistyped fault would make a test pass for nothing.
                unknown => return Err(format!("unknown fault `{unknown}`")),
            }
        }
        Ok(())
    }

    /// Ends the process the way that the spec wants crashes to end.
    pub fn crash(&self) -> ! {
        match self.exit_code {
            Some(code) => std::process::exit(code),
            None => std::process::abort(),
        }
    }
}

/// Appends one byte per launch: the size is the count, and two launches at once don't lose one.
fn count_launch() -> Result<Option<u64>, String> {
    let Some(path) = std::env::var_os("EDGEORCH_FAKE_STATE") else { return Ok(None) };
    let count = || -> std::io::Result<u64> {
        let mut file = File::options().create(true).append(true).open(&path)?;
        file.write_all(b".")?;
        Ok(file.metadata()?.len())
    };
    count().map(Some).map_err(|error| format!("EDGEORCH_FAKE_STATE: {error}"))
}

fn number<T: std::str::FromStr>(text: &str, default: Option<T>) -> Result<T, String> {
    match (text, default) {
        ("", Some(default)) => Ok(default),
        _ => text.parse().map_err(|_| format!("`{text}` is no number")),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("`{text}`: {error}"))
}
