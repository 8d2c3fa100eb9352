//! `edgeorch audit`: what this machine is and has.

use std::path::PathBuf;

use super::{Failure, print_json, terminal};
use edgeorch_hardware::{self as hardware, Request, Root};

use crate::home::Home;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Print JSON (schema edgeorch.host/v1)
    #[arg(long)]
    json: bool,
    /// Read another machine's captured /proc, /sys and /etc from this folder
    #[arg(long, value_name = "DIR")]
    sysroot: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let root = arguments.sysroot.as_ref().map_or_else(Root::live, Root::at);
    let request =
        Request { models: Home::find()?.models().display().to_string(), measure: true, software: true };
    let host = hardware::audit(&root, &request);
    if arguments.json {
        return print_json(&host);
    }
    terminal::print(&hardware::print(&host, terminal::width(), terminal::color(&std::io::stdout())));
    Ok(())
}
