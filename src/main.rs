//! The life of the process: parse, run one verb, turn its outcome into an exit code.

use std::process::ExitCode;

use edgeorch::cli;

fn main() -> ExitCode {
    let arguments = cli::parse();
    match cli::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.tell();
            failure.exit.into()
        }
    }
}
