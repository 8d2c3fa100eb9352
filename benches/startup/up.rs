//! A running `edgeorch up`, each of whose lines is stamped when it arrives.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Failure;
use crate::lab::Lab;

pub struct Up {
    process: Child,
    pub began: Instant,
    lines: mpsc::Receiver<(Instant, String)>,
    /// What was read so far, for the one who asks why it failed.
    said: String,
}

impl Up {
    pub fn start(lab: &Lab) -> Result<Up, Failure> {
        let mut command = lab.command(&["up", "-f"]);
        command.arg(lab.profile()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let began = Instant::now();
        let mut process = command.spawn()?;
        let (sender, lines) = mpsc::channel();
        stamp(process.stdout.take(), sender.clone());
        stamp(process.stderr.take(), sender);
        Ok(Up { process, began, lines, said: String::new() })
    }

    /// Reads on until a line holds `text`; when that line came, and the line.
    pub fn until(&mut self, text: &str) -> Result<(Instant, String), Failure> {
        for (at, line) in self.lines.iter() {
            self.said += &format!("{line}\n");
            if line.contains(text) {
                return Ok((at, line));
            }
        }
        Err(format!("`edgeorch up` ended before it said `{text}`:\n{}", self.said).into())
    }

    /// The process of the engine that is starting, and when that was told.
    pub fn until_started(&mut self) -> Result<(Instant, u32), Failure> {
        let (at, line) = self.until("is starting (process ")?;
        let pid = line.rsplit_once(' ').and_then(|(_, pid)| pid.trim_end_matches(')').parse().ok());
        Ok((at, pid.ok_or("no process is named")?))
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Ctrl-C, and its end.
    pub fn stop(mut self) -> Result<(), Failure> {
        kill(Pid::from_raw(self.process.id().cast_signed()), Signal::SIGINT)?;
        self.process.wait()?;
        Ok(())
    }
}

/// A measurement that fails leaves nothing running: engines die with their daemon.
impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn stamp(pipe: Option<impl Read + Send + 'static>, lines: mpsc::Sender<(Instant, String)>) {
    let Some(pipe) = pipe else { return };
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // Read on also when nobody listens, so that the daemon never writes into a closed pipe.
            let _ = lines.send((Instant::now(), line));
        }
    });
}
