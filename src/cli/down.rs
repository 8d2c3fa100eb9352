//! `edgeorch down`: the daemon drains, stops its engines and ends; this returns when it is gone.

use super::{Failure, block_on};
use crate::control::client::Client;
use crate::home::Home;

#[derive(Debug, clap::Args)]
pub struct Arguments {}

pub fn run(_: &Arguments) -> Result<(), Failure> {
    let home = Home::find()?;
    block_on(Client::of(&home).stop())??;
    home.wait_until_free()?;
    eprintln!("Stopped. Nothing is left running.");
    Ok(())
}
