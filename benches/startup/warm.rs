//! A warm `edgeorch up` beside the bare engine: the same program, arguments and environment, taken from a child that
//! edgeorch has started, and asked for one token as soon as `/health` says that it is loaded.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::figures::{Series, heading};
use crate::lab::{Lab, free_port};
use crate::up::Up;
use crate::{Failure, http};

const ROUNDS: usize = 9;
/// How often the bare engine is asked whether it is loaded.
const ASK: Duration = Duration::from_millis(5);

pub fn run() -> Result<(), Failure> {
    let lab = Lab::real()?;
    // The first start fills the page cache and the cache of help texts, and tells how the engine is started.
    let engine = {
        let mut up = Up::start(&lab)?;
        let (_, pid) = up.until_started()?;
        up.until("answers for")?;
        let engine = Bare::like(pid)?;
        up.stop()?;
        engine
    };

    let mut stages: [Series; STAGES.len()] = Default::default();
    let (mut bare, mut whole, mut more) = (Series::default(), Series::default(), Series::default());
    let mut loaded = Series::default();
    for round in 0..ROUNDS {
        // Whoever comes second may find warmer caches: they take turns at that, too.
        let (alone, with) = if round % 2 == 0 {
            let alone = engine.first_token()?;
            (alone, until_ready(&lab)?)
        } else {
            let with = until_ready(&lab)?;
            (engine.first_token()?, with)
        };
        let sum: Duration = with.iter().sum();
        for (series, took) in stages.iter_mut().zip(with) {
            series.push(took);
        }
        loaded.push(alone.loaded);
        bare.push(alone.token);
        whole.push(sum);
        more.push_millis((sum.as_secs_f64() - alone.token.as_secs_f64()) * 1000.0);
    }
    heading("Warm start, real engine and weights", ROUNDS);
    loaded.print("bare engine, from exec until /health says 200", "");
    bare.print("bare engine, from exec to its first token", "");
    whole.print("edgeorch up, from exec to \"answers for\"", "");
    more.print("more than the bare engine of the same round", "target 500 ms");
    println!("  of edgeorch up:");
    for (name, series) in STAGES.iter().zip(&stages) {
        series.print(&format!("  {name}"), "");
    }
    Ok(())
}

const STAGES: [&str; 4] =
    ["exec to the audit's first line", "to the proven plan", "to the engine's process", "to the first token"];

/// The stages of one start.
fn until_ready(lab: &Lab) -> Result<[Duration; STAGES.len()], Failure> {
    let mut up = Up::start(lab)?;
    let (audited, _) = up.until("System")?;
    let (planned, _) = up.until("Engine ")?;
    let (started, _) = up.until_started()?;
    let (ready, _) = up.until("answers for")?;
    let stages = [audited - up.began, planned - audited, started - planned, ready - started];
    up.stop()?;
    Ok(stages)
}

/// How the engine is started.
struct Bare {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    key: String,
}

/// From exec.
struct FirstToken {
    loaded: Duration,
    token: Duration,
}

impl Bare {
    /// Like a process that runs.
    fn like(pid: u32) -> Result<Bare, Failure> {
        let mut words = read(pid, "cmdline")?.into_iter();
        let program = words.next().ok_or("the engine has no command line")?;
        let variables = read(pid, "environ")?;
        let environment: Vec<(OsString, OsString)> = variables
            .iter()
            .filter_map(|variable| {
                let bytes = variable.as_bytes();
                let equals = bytes.iter().position(|byte| *byte == b'=')?;
                let part = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
                Some((part(&bytes[..equals]), part(&bytes[equals + 1..])))
            })
            .collect();
        let key = environment.iter().find(|(name, _)| name == "LLAMA_API_KEY");
        let key = key.and_then(|(_, key)| key.to_str()).ok_or("the engine has no key")?.to_owned();
        Ok(Bare { program, arguments: words.collect(), environment, key })
    }

    fn first_token(&self) -> Result<FirstToken, Failure> {
        let port = free_port()?;
        let mut arguments = self.arguments.clone();
        let at = arguments.iter().position(|word| word == "--port").ok_or("the engine has no --port")?;
        arguments[at + 1] = port.to_string().into();
        let mut command = Command::new(&self.program);
        command.args(&arguments).env_clear().envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let began = Instant::now();
        let mut engine = Running(command.spawn()?);
        while http::get(port, "/health").ok() != Some(200) {
            if let Some(status) = engine.0.try_wait()? {
                return Err(format!("the bare engine ended: {status}").into());
            }
            // No event tells of another process's readiness.
            std::thread::sleep(ASK);
        }
        let loaded = began.elapsed();
        let body = r#"{"prompt":"a","n_predict":1,"cache_prompt":false}"#;
        let status = http::post(port, "/completion", Some(&self.key), body)?;
        let token = began.elapsed();
        if status == 200 {
            Ok(FirstToken { loaded, token })
        } else {
            Err(format!("no token: {status}").into())
        }
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The words of a file in /proc that parts them by NUL.
pub fn read(pid: u32, name: &str) -> std::io::Result<Vec<OsString>> {
    let bytes = std::fs::read(format!("/proc/{pid}/{name}"))?;
    let words = bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    Ok(words.map(|word| OsStr::from_bytes(word).to_owned()).collect())
}
