//! How long the audit takes, as a call and as a program.

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use edgeorch_hardware::{self as hardware, Request, Root};

use crate::Failure;
use crate::figures::{Series, heading};
use crate::lab;

const ROUNDS: usize = 31;
/// Each takes most of a second.
const MEASURED_ROUNDS: usize = 11;

pub fn run() -> Result<(), Failure> {
    let (mut call, mut program, mut measured) = (Series::default(), Series::default(), Series::default());
    for round in 0..ROUNDS {
        let start = Instant::now();
        black_box(hardware::audit(&Root::live(), &Request::facts(Path::new("/"))));
        call.push(start.elapsed());

        program.push(timed(&["audit", "--json", "--no-measure"])?);
        if round < MEASURED_ROUNDS {
            measured.push(timed(&["audit", "--json"])?);
        }
    }
    heading("Audit", ROUNDS);
    call.print("library call, facts alone (as `up` and `plan` make it)", "");
    program.print("edgeorch audit --json --no-measure, from exec to exit", "target 150 ms");
    measured.print("edgeorch audit --json, with both measurements", "target 1000 ms");
    Ok(())
}

fn timed(arguments: &[&str]) -> Result<Duration, Failure> {
    let start = Instant::now();
    let status = Command::new(lab::EDGEORCH).args(arguments).stdout(Stdio::null()).status()?;
    match status.success() {
        true => Ok(start.elapsed()),
        false => Err(format!("`edgeorch {}` failed", arguments.join(" ")).into()),
    }
}
