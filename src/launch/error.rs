//! Why a child could not be started, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use edgeorch_engines::Cause;
use nix::errno::Errno;

use super::program;
use super::record::RecordError;

/// Reads well after "failed to start the engine: ".
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    #[error("{} does not exist; install the engine again, or correct its path", .program.display())]
    NotFound { program: PathBuf },
    #[error("{} can't be executed: {why}; install the engine again, or correct its path", .program.display())]
    NotExecutable { program: PathBuf, why: &'static str },
    #[error(
        "{} is a program for {found}, and this machine is {expected}; install a build for {expected}",
        .program.display()
    )]
    WrongArchitecture { program: PathBuf, found: String, expected: String },
    #[error(
        "{} needs {interpreter}, which this system lacks; install a build made for this system's C library",
        .program.display()
    )]
    NoInterpreter { program: PathBuf, interpreter: String },
    #[error(
        "the system has no room for another process; close programs, or raise its process and memory limits"
    )]
    NoResources { source: io::Error },
    #[error("{}: the kernel refused to start it", .program.display())]
    Other { program: PathBuf, source: io::Error },
    #[error("its record could not be kept")]
    Record {
        #[from]
        source: RecordError,
    },
    #[error("the daemon is shutting down")]
    ShuttingDown,
}

impl SpawnError {
    /// Sorts what exec reported about a program that passed [`program::check`].
    pub(crate) fn from_exec(program: &Path, source: io::Error) -> SpawnError {
        let program = program.to_owned();
        match source.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT) => match program::interpreter(&program) {
                Some(interpreter) if program.exists() => SpawnError::NoInterpreter { program, interpreter },
                _ => SpawnError::NotFound { program },
            },
            Some(Errno::EACCES | Errno::EPERM) => {
                SpawnError::NotExecutable { program, why: "the system forbids it (a noexec mount?)" }
            }
            Some(Errno::ENOEXEC) => {
                SpawnError::NotExecutable { program, why: "the kernel does not know its format" }
            }
            Some(Errno::EAGAIN | Errno::ENOMEM | Errno::EMFILE | Errno::ENFILE) => {
                SpawnError::NoResources { source }
            }
            _ => SpawnError::Other { program, source },
        }
    }

    /// What the supervisor is to make of it: a fault of the program stays, a shortage may pass.
    pub fn cause(&self) -> Cause {
        match self {
            SpawnError::NotFound { .. }
            | SpawnError::NotExecutable { .. }
            | SpawnError::WrongArchitecture { .. }
            | SpawnError::NoInterpreter { .. } => Cause::NotRunnable,
            SpawnError::NoResources { .. }
            | SpawnError::Other { .. }
            | SpawnError::Record { .. }
            | SpawnError::ShuttingDown => Cause::Crash,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(errno: Errno) -> SpawnError {
        SpawnError::from_exec(Path::new("/bin/sh"), io::Error::from_raw_os_error(errno as i32))
    }

    #[test]
    fn a_shortage_may_be_retried_and_a_fault_of_the_program_may_not() {
        assert!(sorted(Errno::EAGAIN).cause().is_retryable());
        assert!(sorted(Errno::ENOMEM).cause().is_retryable());
        assert_eq!(sorted(Errno::EACCES).cause(), Cause::NotRunnable);
        assert_eq!(sorted(Errno::ENOEXEC).cause(), Cause::NotRunnable);
    }

    #[test]
    fn a_missing_loader_is_not_reported_as_a_missing_program() {
        assert!(matches!(sorted(Errno::ENOENT), SpawnError::NoInterpreter { .. }));
    }
}
