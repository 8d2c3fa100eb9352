//! Floods, full disks and slow followers. What is read comes from real pipes or from memory, as the case demands.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use edgeorch_engines::Bytes;

use super::*;

/// Runs a shell to its end, with its output captured.
async fn run(logs: &Logs, script: &str) -> Capture {
    let mut child = tokio::process::Command::new("/bin/sh")
        .args(["-c", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut capture = logs.capture(child.stdout.take(), child.stderr.take());
    assert!(child.wait().await.unwrap().success());
    capture.finish(Duration::from_secs(60)).await;
    capture
}

/// The writing thread has no event to wait for: the question is asked again and again.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn own_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[tokio::test]
async fn lines_reach_memory_follower_and_file_with_a_stamp() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::open(dir.path(), "chat", Limits::default());
    let mut follower = logs.follow();
    let capture = run(&logs, "echo one; echo two").await;
    assert_eq!(capture.lines(), ["one", "two"]);
    assert_eq!(&*follower.recv().await.unwrap().text, "one");
    until("both lines are in the file", || read(logs.path()).lines().count() == 2).await;
    let file = read(logs.path());
    let (stamp, text) = file.lines().next().unwrap().split_once(' ').unwrap();
    assert_eq!(text, "one");
    humantime::parse_rfc3339(stamp).unwrap();
    assert_eq!(stamp.len(), "2026-01-01T00:00:00.000Z".len());
    assert_eq!(logs.recent()[0].to_string(), format!("{stamp} one"));
}

#[tokio::test]
async fn only_the_last_two_hundred_lines_stay_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let logs = Logs::open(dir.path(), "chat", Limits::default());
    let capture = run(&logs, "seq 1 1000").await;
    let lines = capture.lines();
    assert_eq!((lines.len(), lines[0].as_str(), lines[199].as_str()), (200, "801", "1000"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_flood_grows_neither_memory_nor_disk() {
    // In a process of its own: tests beside it would grow this one.
    let flooded = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "launch::logs::tests::flood_of_one_process", "--ignored"])
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&flooded.stdout);
    assert!(flooded.status.success() && report.contains("1 passed"), "{report}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "is run by the test above, alone in its process"]
async fn flood_of_one_process() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { file: Bytes::mib(1), rotated: 3 };
    let logs = Logs::open(dir.path(), "chat", limits);
    let _slow_follower = logs.follow();
    let before = own_memory();
    let flood = "yes 'the same line of a log again and again and again, a hundred bytes of it, or so it was planned' | head -c 104857600";
    let endless = "head -c 20000000 /dev/zero | tr '\\0' x";
    let capture = run(&logs, &format!("{flood}; echo; {endless}; echo; echo end")).await;
    assert_eq!(capture.lines().last().unwrap(), "end");
    let grown = own_memory().saturating_sub(before);
    assert!(grown < 48 << 20, "grew by {}", Bytes(grown));
    let on_disk: u64 =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    // A batch is never split, so each file may pass its limit by one.
    assert!(on_disk <= 4 * Bytes::mib(1).0 + 4 * 64 * Bytes::KIB, "{}", Bytes(on_disk));
}

#[tokio::test]
async fn a_log_that_can_not_be_written_stays_in_memory_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let not_a_folder = dir.path().join("file");
    std::fs::write(&not_a_folder, "").unwrap();
    let logs = Logs::open(&not_a_folder, "chat", Limits::default());
    let capture = run(&logs, "echo still here").await;
    assert_eq!(capture.lines(), ["still here"]);
    until("the fault is known", || logs.fault().is_some()).await;
}

#[tokio::test]
async fn a_full_disk_costs_lines_of_the_file_and_recovery_notes_the_loss() {
    let Some(disk) = SmallDisk::mount() else { return };
    let logs = Logs::open(&disk.dir.path().join("logs"), "chat", Limits::default());
    run(&logs, "echo before").await;
    until("the first line is on disk", || read(logs.path()).contains("before")).await;
    let filler = disk.dir.path().join("filler");
    assert!(std::fs::write(&filler, vec![0; 4 << 20]).is_err(), "the disk must be full now");

    let capture = run(&logs, "seq 1 20000").await;
    assert_eq!(capture.lines().last().unwrap(), "20000");
    until("the fault is known", || logs.fault().is_some()).await;

    std::fs::remove_file(&filler).unwrap();
    run(&logs, "echo after").await;
    until("lines are written again", || read(logs.path()).contains("after")).await;
    assert!(read(logs.path()).contains("of log were lost here"));
    assert_eq!(logs.fault(), None);
}

#[test]
fn a_name_can_not_leave_the_folder() {
    assert_eq!(file_name("../../etc/chat model:7b"), ".._.._etc_chat_model_7b.log");
}

/// A tmpfs of 1 MiB; needs root.
struct SmallDisk {
    dir: tempfile::TempDir,
}

impl SmallDisk {
    fn mount() -> Option<SmallDisk> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "edgeorch-test"])
            .arg(dir.path())
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(SmallDisk { dir });
        }
        eprintln!("skipped: a small tmpfs can't be mounted here (needs root)");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let dir: PathBuf = self.dir.path().to_owned();
        // Lazily: the log's writing thread may still hold its file.
        let _ = Command::new("umount").arg("--lazy").arg(dir).status();
    }
}
