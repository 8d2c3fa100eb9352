//! What the daemon itself holds of memory, idle and after requests, with one real model ready.

use std::thread;
use std::time::Duration;

use edgeorch_engines::Bytes;

use crate::lab::Lab;
use crate::up::Up;
use crate::{Failure, http};

const IDLE: Duration = Duration::from_secs(10);
const BATCHES: usize = 4;
const REQUESTS: usize = 500;
const CLIENTS: usize = 4;

pub fn run() -> Result<(), Failure> {
    let lab = Lab::real()?;
    let mut up = Up::start(&lab)?;
    up.until("answers for")?;
    println!("\nMemory of the daemon, one real model ready");
    thread::sleep(IDLE);
    print(up.pid(), &format!("after {} s idle", IDLE.as_secs()), "target 25.0 MiB")?;
    for batch in 1..=BATCHES {
        batch_of_requests(lab.port)?;
        print(up.pid(), &format!("after {} requests", batch * REQUESTS), "")?;
    }
    up.stop()
}

/// Each of one token, on a connection of its own.
fn batch_of_requests(port: u16) -> Result<(), Failure> {
    let client = move || -> Result<(), Failure> {
        for _ in 0..REQUESTS / CLIENTS {
            let body = r#"{"model":"chat","messages":[{"role":"user","content":"Hello"}],"max_tokens":1}"#;
            let status = http::post(port, "/v1/chat/completions", None, body)?;
            if status != 200 {
                return Err(format!("the gateway answered {status}").into());
            }
        }
        Ok(())
    };
    let clients: Vec<_> = (0..CLIENTS).map(|_| thread::spawn(client)).collect();
    for client in clients {
        client.join().map_err(|_| "a client ended")??;
    }
    Ok(())
}

fn print(pid: u32, when: &str, note: &str) -> Result<(), Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| -> Result<u64, Failure> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number =
            line.and_then(|line| line.split_whitespace().next()).ok_or_else(|| format!("no {name}"))?;
        Ok(number.parse()?)
    };
    let size = |name| Ok::<_, Failure>(Bytes(field(name)? * Bytes::KIB));
    let line = format!(
        "  {when:<22} VmRSS {}  (RssAnon {}, RssFile {}, peak {}, {} threads)  {note}",
        size("VmRSS")?,
        size("RssAnon")?,
        size("RssFile")?,
        size("VmHWM")?,
        field("Threads")?
    );
    println!("{}", line.trim_end());
    Ok(())
}
