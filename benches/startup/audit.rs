//! How long the audit takes, as a call and as a program.

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use edgeorch_hardware::{self as hardware, Request, Root};

use crate::Failure;
use crate::figures::{Series, heading};
use crate::lab;

const ROUNDS: usize = 31;

pub fn run() -> Result<(), Failure> {
    let (mut call, mut program) = (Series::default(), Series::default());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        black_box(hardware::audit(&Root::live(), &Request::facts(Path::new("/"))));
        call.push(start.elapsed());

        let start = Instant::now();
        let status = Command::new(lab::EDGEORCH).args(["audit", "--json"]).stdout(Stdio::null()).status()?;
        program.push(start.elapsed());
        if !status.success() {
            return Err("`edgeorch audit --json` failed".into());
        }
    }
    heading("Audit", ROUNDS);
    call.print("library call", "");
    program.print("edgeorch audit --json, from exec to exit", "target 150 ms");
    Ok(())
}
