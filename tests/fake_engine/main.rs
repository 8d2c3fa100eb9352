//! A stand-in for llama-server, for faults that a real engine can't be made to show. It speaks the same flags, routes
//! and exit codes as far as edgeorch uses them, and misbehaves as `EDGEORCH_FAKE` asks (see `faults.rs`).
//!
//! What it answers is deterministic: the tokens of every answer are `tok0 tok1 tok2 …`.

mod api;
mod engine;
mod faults;
mod flags;
mod http;
mod signals;
mod startup;

use std::process::ExitCode;
use std::sync::Arc;

use engine::Engine;
use faults::Faults;
use flags::{Flags, Parsed};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(leave) = startup::grandchild(&arguments) {
        startup::linger(leave);
    }
    let flags = match Flags::parse(&arguments) {
        Ok(Parsed::Serve(flags)) => flags,
        Ok(Parsed::Print(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::FAILURE;
        }
    };
    let faults = match Faults::of_this_launch() {
        Ok(faults) => faults,
        Err(message) => {
            eprintln!("EDGEORCH_FAKE: {message}");
            return ExitCode::from(2);
        }
    };
    serve(flags, faults)
}

/// The life of the engine, in the real one's order: listen, load, serve until a signal.
fn serve(flags: Flags, faults: Faults) -> ExitCode {
    // Before any other thread exists, so that all of them leave signals to the one that waits for them.
    let signals = signals::hold();
    startup::before_listening(&faults);
    let Some(listener) = startup::listen(&flags, &faults) else { return ExitCode::FAILURE };
    let engine = Arc::new(Engine::new(flags, faults));
    signals::obey(signals, Arc::clone(&engine));
    let accepting = std::thread::spawn({
        let engine = Arc::clone(&engine);
        move || http::accept(&listener, move |request, client| api::answer(&engine, request, client))
    });
    if !startup::load(&engine) {
        return ExitCode::FAILURE;
    }
    match accepting.join() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
