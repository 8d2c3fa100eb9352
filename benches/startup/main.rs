//! What start-up and an idle daemon cost: `cargo bench --bench startup`.
//!
//! The audit, a warm `edgeorch up` beside the bare engine, how soon readiness is noticed, the idle daemon's memory and
//! the size of the program. What is compared takes turns in rounds, so that what else the machine does hits both;
//! printed are medians and the spread. Nothing here passes or fails: docs/benchmarks.md says what the figures should
//! be and what they were.
//!
//! It needs the real llama-server and SmolLM2's weights in an edgeorch home: `EDGEORCH_BENCH_HOME`, else the one that
//! `cargo test` fills. It fetches nothing itself. A word after `--` (`audit`, `warm`, `noticed`, `idle`) runs that
//! part alone.

mod audit;
mod figures;
mod http;
mod idle;
mod lab;
mod noticed;
mod up;
mod warm;

use edgeorch_engines::Bytes;
use edgeorch_hardware::{self as hardware, Request, Root};

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Part = (&'static str, fn() -> Result<(), Failure>);

const PARTS: [Part; 4] =
    [("audit", audit::run), ("warm", warm::run), ("noticed", noticed::run), ("idle", idle::run)];

fn main() -> Result<(), Failure> {
    // cargo itself adds `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if let Some(unknown) = wanted.iter().find(|word| PARTS.iter().all(|(name, _)| name != word)) {
        let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
        return Err(format!("there is no part `{unknown}`, but {}", names.join(", ")).into());
    }
    print!(
        "{}",
        hardware::print(
            &hardware::audit(&Root::live(), &Request::facts(std::path::Path::new("/"))),
            100,
            false
        )
    );
    println!("Load      {} (averages of 1, 5 and 15 minutes at the start)", load()?);
    let size = std::fs::metadata(lab::EDGEORCH)?.len();
    println!("Program   {} stripped  (target 25.0 MiB)", Bytes(size));
    for (name, part) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            part()?;
        }
    }
    Ok(())
}

fn load() -> Result<String, Failure> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}
