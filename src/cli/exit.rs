//! Exit codes (docs/exit-codes.md is the contract) and the one place where a failure becomes words.

use std::error::Error;
use std::process::ExitCode;

use crate::chain::chain;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Failed = 1,
    /// Wrong usage or an invalid profile.
    Usage = 2,
    DoesNotFit = 3,
    /// Not found, or not running.
    NotFound = 4,
    /// Refused by policy: privacy, fidelity, flags.
    Refused = 5,
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a verb did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    message: Option<String>,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: Some(message.into()) }
    }

    /// Everything there is to say has been printed already.
    pub fn silent(exit: Exit) -> Failure {
        Failure { exit, message: None }
    }

    /// The error and its causes, each once, in one sentence.
    pub fn of(exit: Exit, error: &dyn Error) -> Failure {
        Failure::new(exit, chain(error))
    }

    /// To stderr, for a person.
    pub fn tell(&self) {
        if let Some(message) = &self.message {
            eprintln!("edgeorch: {message}");
        }
    }
}

/// `?` on an error that has no special exit code.
impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::of(Exit::Failed, &error)
    }
}
