//! `edgeorch audit`: what this machine is and has.

use std::path::PathBuf;

use super::{Failure, print_json, terminal};
use crate::hardware::{self, Root};

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
    let host = hardware::audit(&root);
    if arguments.json {
        return print_json(&host);
    }
    terminal::print(&hardware::print(&host, terminal::width(), terminal::color(&std::io::stdout())));
    Ok(())
}
