//! From the first instruction to a loaded model, and the processes that are left behind on the way.

use std::io::Write;
use std::net::TcpListener;
use std::process::Command;

use nix::sys::signal::{Signal, raise};

use crate::engine::Engine;
use crate::faults::Faults;
use crate::flags::Flags;

/// Starts this program as its own grandchild; the value tells whether it leaves the session.
const STAY: &str = "--fake-grandchild";
const LEAVE: &str = "--fake-grandchild-in-its-own-session";

/// Whether this process is to be a grandchild, and if so, whether it leaves.
pub fn grandchild(arguments: &[String]) -> Option<bool> {
    match arguments.first()?.as_str() {
        STAY => Some(false),
        LEAVE => Some(true),
        _ => None,
    }
}

/// Lives until it is killed.
pub fn linger(leave: bool) -> ! {
    if leave {
        // Fails only for the leader of a group, which a forked child is not.
        let _ = nix::unistd::setsid();
    }
    eprintln!("grandchild {} lives", std::process::id());
    hang()
}

/// Stands still for ever.
pub fn hang() -> ! {
    loop {
        std::thread::park();
    }
}

/// Everything that goes wrong before a port is opened.
pub fn before_listening(faults: &Faults) {
    log("llama_server: initializing ...");
    if faults.sigill {
        let _ = raise(Signal::SIGILL);
    }
    if faults.usage_error {
        eprintln!("error: invalid argument: --fake-usage-error");
        std::process::exit(1);
    }
    if faults.drop_pdeathsig {
        drop_pdeathsig();
    }
    if faults.fork_grandchild {
        start_grandchild(STAY);
    }
    if faults.setsid_grandchild {
        start_grandchild(LEAVE);
    }
    print_much(faults);
    if faults.never_listen {
        hang();
    }
}

pub fn listen(flags: &Flags, faults: &Faults) -> Option<TcpListener> {
    match TcpListener::bind((flags.host.as_str(), flags.port)) {
        Ok(listener) if !faults.port_taken => Some(listener),
        _ => {
            log(&format!(
                "start: couldn't bind HTTP server socket, hostname: {}, port: {}",
                flags.host, flags.port
            ));
            log("llama_server: exiting due to HTTP server error");
            None
        }
    }
}

/// Loads, while requests are already answered with 503. False if the process is to end with exit code 1.
pub fn load(engine: &Engine) -> bool {
    let faults = &engine.faults;
    let model = engine.flags.model.as_deref().unwrap_or("");
    log(&format!("load_model: loading model '{model}'"));
    std::thread::sleep(faults.load);
    if std::fs::File::open(model).is_err() {
        log(&format!("gguf_init_from_file: failed to open GGUF file '{model}'"));
        log("llama_server: exiting due to model loading error");
        return false;
    }
    if faults.exit_oom {
        log(
            "llama_init_from_model: failed to initialize the context: failed to allocate buffer for kv cache",
        );
        log("llama_server: exiting due to model loading error");
        return false;
    }
    if faults.crash_on_load {
        faults.crash();
    }
    engine.set_loaded();
    log("llama_server: model loaded");
    log(&format!("llama_server: listening on http://{}:{}", engine.flags.host, engine.flags.port));
    true
}

/// Plain logs of llama-server go to stderr.
pub fn log(text: &str) {
    eprintln!("0.00.000.000 I srv  {text}");
}

fn start_grandchild(how: &str) {
    let started = std::env::current_exe().and_then(|program| Command::new(program).arg(how).spawn());
    if let Err(error) = started {
        log(&format!("no grandchild: {error}"));
    }
}

fn print_much(faults: &Faults) {
    const MIB: usize = 1 << 20;
    let mut stderr = std::io::stderr().lock();
    if let Some(size) = faults.log_flood {
        let line =
            b"flood: the same line again and again, as an engine that has lost its way would print it\n";
        for _ in 0..size * MIB / line.len() {
            let _ = stderr.write_all(line);
        }
    }
    if let Some(size) = faults.big_endless_line {
        let piece = [b'x'; 4096];
        for _ in 0..size * MIB / piece.len() {
            let _ = stderr.write_all(&piece);
        }
    }
}

#[cfg(target_os = "linux")]
fn drop_pdeathsig() {
    let _ = nix::sys::prctl::set_pdeathsig(None);
}

#[cfg(not(target_os = "linux"))]
fn drop_pdeathsig() {}
