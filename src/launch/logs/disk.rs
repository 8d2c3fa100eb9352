//! The file of a log, with rotation. A thread of its own writes it, because a disk may stand still for seconds;
//! what does not fit into its short queue is dropped and counted.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use edgeorch_engines::Bytes;

/// Batches that may wait for the disk. Each comes from one read of 16 KiB, so this holds a few MiB at the worst.
const WAITING: usize = 32;

/// How much a log may take of the disk: `(rotated + 1) × file`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub file: Bytes,
    /// Older files that are kept.
    pub rotated: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { file: Bytes::mib(8), rotated: 3 }
    }
}

/// The handle: hands batches to the writing thread, which ends when the handle is dropped.
#[derive(Debug)]
pub(super) struct Disk {
    path: PathBuf,
    queue: Option<SyncSender<Vec<u8>>>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    fault: Mutex<Option<String>>,
    lost: AtomicU64,
}

impl Disk {
    pub fn start(path: &Path, limits: Limits) -> Disk {
        let state = Arc::new(State::default());
        let (queue, batches) = sync_channel(WAITING);
        let (file, thread_state) = (Rotating::new(path.to_owned(), limits), Arc::clone(&state));
        let thread = std::thread::Builder::new().name("edgeorch-log".to_owned());
        let queue = match thread.spawn(move || write_all(&batches, file, &thread_state)) {
            Ok(_) => Some(queue),
            Err(error) => {
                state.set_fault(Some(error.to_string()));
                None
            }
        };
        Disk { path: path.to_owned(), queue, state }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn fault(&self) -> Option<String> {
        self.state.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Never waits.
    pub fn write(&self, batch: Vec<u8>) {
        let Some(queue) = &self.queue else { return };
        if let Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) = queue.try_send(batch) {
            self.state.lose(&batch);
        }
    }
}

impl State {
    fn lose(&self, batch: &[u8]) {
        self.lost.fetch_add(batch.len() as u64, Ordering::Relaxed);
    }

    /// Says so once when it begins and once when it ends, not per line.
    fn set_fault(&self, fault: Option<String>) {
        let mut known = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*known, &fault) {
            (None, Some(error)) => {
                tracing::warn!(%error, "log file not written, lines are kept in memory only")
            }
            (Some(_), None) => tracing::info!("log file is written again"),
            _ => {}
        }
        *known = fault;
    }
}

fn write_all(batches: &Receiver<Vec<u8>>, mut file: Rotating, state: &State) {
    for batch in batches {
        let lost = state.lost.swap(0, Ordering::Relaxed);
        let written = file.append_after(lost, &batch);
        if written.is_err() {
            state.lost.fetch_add(lost, Ordering::Relaxed);
            state.lose(&batch);
        }
        state.set_fault(written.err().map(|error| error.to_string()));
    }
}

/// A file that is renamed to `.1`, and `.1` to `.2` and so on, before it would grow past its limit.
#[derive(Debug)]
struct Rotating {
    path: PathBuf,
    limits: Limits,
    open: Option<(File, u64)>,
}

impl Rotating {
    fn new(path: PathBuf, limits: Limits) -> Rotating {
        Rotating { path, limits, open: None }
    }

    /// Appends, and says before it in the file how much is missing there.
    fn append_after(&mut self, lost: u64, batch: &[u8]) -> io::Result<()> {
        if lost > 0 {
            self.append(format!("\nedgeorch: {} of log were lost here\n", Bytes(lost)).as_bytes())?;
        }
        self.append(batch)
    }

    fn append(&mut self, batch: &[u8]) -> io::Result<()> {
        let length = batch.len() as u64;
        let size = self.file()?.1;
        if size > 0 && size + length > self.limits.file.0 {
            self.rotate()?;
        }
        let (file, size) = self.file()?;
        let written = file.write_all(batch);
        // After a failed write only the file itself knows its size.
        *size = if written.is_ok() { *size + length } else { file.metadata()?.len() };
        written
    }

    fn file(&mut self) -> io::Result<&mut (File, u64)> {
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                if let Some(dir) = self.path.parent() {
                    std::fs::create_dir_all(dir)?;
                }
                let file = File::options().create(true).append(true).open(&self.path)?;
                let size = file.metadata()?.len();
                (file, size)
            }
        };
        Ok(self.open.insert(open))
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.open = None;
        if self.limits.rotated == 0 {
            return std::fs::remove_file(&self.path);
        }
        for age in (1..self.limits.rotated).rev() {
            // Most of the time the older ones are not there yet.
            let _ = std::fs::rename(self.aged(age), self.aged(age + 1));
        }
        std::fs::rename(&self.path, self.aged(1))
    }

    fn aged(&self, age: u32) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{age}"));
        PathBuf::from(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn a_full_file_is_rotated_and_the_oldest_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chat.log");
        let mut file = Rotating::new(path.clone(), Limits { file: Bytes(10), rotated: 2 });
        for batch in ["one one\n", "two two\n", "three\n", "four four\n"] {
            file.append(batch.as_bytes()).unwrap();
        }
        assert_eq!(read(&path), "four four\n");
        assert_eq!(read(&file.aged(1)), "three\n");
        assert_eq!(read(&file.aged(2)), "two two\n");
        assert!(!file.aged(3).exists());
    }

    #[test]
    fn a_restart_goes_on_in_the_same_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chat.log");
        for text in ["before\n", "after\n"] {
            Rotating::new(path.clone(), Limits::default()).append(text.as_bytes()).unwrap();
        }
        assert_eq!(read(&path), "before\nafter\n");
    }

    #[test]
    fn a_loss_is_noted_where_it_happened() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chat.log");
        let mut file = Rotating::new(path.clone(), Limits::default());
        file.append_after(0, b"first\n").unwrap();
        file.append_after(2048, b"second\n").unwrap();
        assert_eq!(read(&path), "first\n\nedgeorch: 2.0 KiB of log were lost here\nsecond\n");
    }
}
