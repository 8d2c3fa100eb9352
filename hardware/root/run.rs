//! Runs a command of a probe: no input, bounded output, an end after two seconds whatever the command does.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command as Process, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{Command, Root, RunError};

/// A driver that hangs must not hang the audit. `nvidia-smi` without persistence takes about one second.
pub const LIMIT: Duration = Duration::from_secs(2);

/// Where administration programs are that an ordinary user's search path leaves out.
const ALSO: [&str; 8] = [
    "/usr/local/bin",
    "/usr/bin",
    "/usr/sbin",
    "/sbin",
    "/opt/rocm/bin",
    "/usr/lib/wsl/lib",
    "/opt/homebrew/bin",
    "/system/bin",
];

pub fn run(command: &Command) -> Result<String, RunError> {
    let name = command.program.to_string();
    let program = find(&command.program).ok_or_else(|| RunError::NotFound { program: name.clone() })?;
    let mut process = Process::new(program);
    process.args(command.args.iter()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Numbers and words as their parsers expect them.
    process.env("LC_ALL", "C").envs(command.env.iter().copied());
    own_group(&mut process);
    let mut child = process
        .spawn()
        .map_err(|error| RunError::NotStarted { program: name.clone(), said: error.to_string() })?;
    let outcome = watch(&mut child, name, command.complaints);
    // A child in an uninterruptible call outlives even SIGKILL: someone else waits for it.
    end_group(&mut child);
    thread::spawn(move || child.wait());
    outcome
}

/// The program's output, or why there is none. Both pipes are read at once: a full one would stop the child.
fn watch(child: &mut Child, program: String, complaints: bool) -> Result<String, RunError> {
    let deadline = Instant::now() + LIMIT;
    let (sender, receiver) = channel();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    {
        let sender = sender.clone();
        thread::spawn(move || sender.send((true, stdout.map(bounded::<ChildStdout>).unwrap_or_default())));
    }
    thread::spawn(move || sender.send((false, stderr.map(bounded::<ChildStderr>).unwrap_or_default())));
    let (mut output, mut complaint) = (None, None);
    while output.is_none() || complaint.is_none() {
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((true, bytes)) if bytes.len() as u64 > Root::READ_LIMIT => {
                return Err(RunError::TooMuch { program });
            }
            Ok((true, bytes)) => output = Some(bytes),
            Ok((false, bytes)) => complaint = Some(bytes),
            Err(RecvTimeoutError::Timeout) => return Err(RunError::TimedOut { program }),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    match ended(child, deadline) {
        None => Err(RunError::TimedOut { program }),
        Some(Ok(status)) if status.success() => {
            let said = complaint.filter(|_| complaints).unwrap_or_default();
            Ok(text(&output.unwrap_or_default()) + &text(&said))
        }
        Some(Ok(status)) => Err(RunError::Failed {
            program,
            status: status.to_string(),
            said: last_words(&complaint.unwrap_or_default(), &output.unwrap_or_default()),
        }),
        Some(Err(error)) => Err(RunError::NotStarted { program, said: error.to_string() }),
    }
}

/// Both pipes are closed, so the end is a moment away; a child that closes them and lives on gets until the deadline.
fn ended(child: &mut Child, deadline: Instant) -> Option<std::io::Result<std::process::ExitStatus>> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(Ok(status)),
            Err(error) => return Some(Err(error)),
            Ok(None) if Instant::now() >= deadline => return None,
            // There is no wait with a deadline for one child that works on every system.
            Ok(None) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn bounded<R: Read>(pipe: R) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What came before an error still counts.
    let _ = pipe.take(Root::READ_LIMIT + 1).read_to_end(&mut bytes);
    bytes
}

/// Windows' own programs print UTF-16 with a byte order mark when they are not asked otherwise.
fn text(bytes: &[u8]) -> String {
    match bytes {
        [0xff, 0xfe, rest @ ..] => {
            let units: Vec<u16> =
                rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// The first line of what it complained about, short enough for a reason.
fn last_words(complaint: &[u8], output: &[u8]) -> String {
    let both = [text(complaint), text(output)];
    let line = both.iter().flat_map(|text| text.lines()).map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect()
}

fn find(program: &str) -> Option<PathBuf> {
    if Path::new(program).is_absolute() {
        return Some(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(ALSO.iter().map(PathBuf::from)).collect();
    let names = [program.to_owned(), format!("{program}{}", std::env::consts::EXE_SUFFIX)];
    folders
        .iter()
        // A relative entry of the search path would run what lies in the folder that the user happens to be in.
        .filter(|folder| folder.is_absolute())
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| is_program(file))
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}

#[cfg(unix)]
fn own_group(process: &mut Process) {
    use std::os::unix::process::CommandExt;
    process.process_group(0);
}

/// What the command started ends with it.
#[cfg(unix)]
fn end_group(child: &mut Child) {
    use nix::sys::signal::{Signal, killpg};
    use nix::unistd::Pid;
    if let Ok(group) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

#[cfg(not(unix))]
fn own_group(_: &mut Process) {}

#[cfg(not(unix))]
fn end_group(child: &mut Child) {
    let _ = child.kill();
}
