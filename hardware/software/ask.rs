//! Commands that run at the same time, each in a thread of its own.

use std::time::Duration;

use crate::pending::Pending;
use crate::root::RunError;
use crate::{Command, Root};

/// A little more than a command may take.
const LIMIT: Duration = Duration::from_millis(2500);

pub struct Asked {
    answer: Pending<Result<String, RunError>>,
    program: String,
}

pub fn ask(root: &Root, command: Command) -> Asked {
    let program = command.program.to_string();
    let answer = Pending::start("software", root, LIMIT, move |root| root.run(&command));
    Asked { answer, program }
}

impl Asked {
    pub fn answer(self) -> Result<String, RunError> {
        self.answer.finish().unwrap_or(Err(RunError::TimedOut { program: self.program }))
    }
}
