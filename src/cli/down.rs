//! `edgeorch down`: the daemon drains, stops its engines and ends; this returns when it is gone.

use super::{Exit, Failure, block_on};
use crate::control::client::{Client, ClientError};
use crate::home::Home;

#[derive(Debug, clap::Args)]
pub struct Arguments {}

pub fn run(_: &Arguments) -> Result<(), Failure> {
    let client = Client::of(&Home::find()?);
    block_on(async {
        client.stop().await?;
        client.gone().await;
        eprintln!("Stopped. Nothing is left running.");
        Ok(())
    })?
}

/// No daemon is an answer of its own: exit code 4.
impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Failure {
        let exit = match error {
            ClientError::NotRunning { .. } | ClientError::NoSuchModel(_) => Exit::NotFound,
            ClientError::Broken { .. } | ClientError::Refused { .. } => Exit::Failed,
        };
        Failure::of(exit, &error)
    }
}
