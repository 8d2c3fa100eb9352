use std::fs::{self, OpenOptions};
use std::os::unix::fs::symlink;
use std::time::Instant;

use super::*;

fn folder_with(name: &str, bytes: &[u8]) -> (tempfile::TempDir, Root) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    let root = Root::at(folder.path());
    (folder, root)
}

fn shell(script: &'static str) -> Result<String, RunError> {
    Root::live().run(&Command::found("test".into(), "sh".into(), Box::leak(Box::new(["-c", script]))))
}

#[test]
fn a_file_without_end_is_refused_instead_of_read() {
    assert!(matches!(Root::live().read("dev/zero"), Err(ReadError::NotAFile { .. })));
    let (folder, root) = folder_with("huge", b"");
    let huge = OpenOptions::new().write(true).open(folder.path().join("huge")).unwrap();
    huge.set_len(Root::READ_LIMIT + 1).unwrap();
    assert_eq!(root.read("huge").unwrap_err().to_string(), "/huge is larger than 16 MiB");
    huge.set_len(Root::READ_LIMIT).unwrap();
    assert!(root.read_bytes("huge").is_ok());
}

#[test]
fn a_fifo_without_a_writer_does_not_block() {
    let (folder, root) = folder_with("other", b"");
    nix::unistd::mkfifo(&folder.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(matches!(root.read("pipe"), Err(ReadError::NotAFile { .. })));
}

#[test]
fn broken_utf8_keeps_the_rest_of_the_text() {
    let (_folder, root) = folder_with("text", b"a: \xff\nb: 2\n");
    assert_eq!(root.read("text").unwrap(), "a: \u{fffd}\nb: 2\n");
}

#[test]
fn paths_stay_inside_and_are_shown_as_the_machine_calls_them() {
    let (_folder, root) = folder_with("text", b"");
    assert!(matches!(root.read("a/../../etc/passwd"), Err(ReadError::Outside { .. })));
    assert_eq!(root.read("proc/meminfo").unwrap_err().to_string(), "/proc/meminfo does not exist");
    assert!(root.read("text/below").unwrap_err().is_missing());
}

#[test]
fn links_of_a_captured_machine_lead_to_its_own_files() {
    let (folder, root) = folder_with("text", b"its own");
    symlink("/text", folder.path().join("absolute")).unwrap();
    symlink("../../../text", folder.path().join("upwards")).unwrap();
    symlink("/etc/hostname", folder.path().join("elsewhere")).unwrap();
    symlink("round", folder.path().join("round")).unwrap();
    assert_eq!(root.read("absolute").unwrap(), "its own");
    assert_eq!(root.read("upwards").unwrap(), "its own");
    assert!(root.read("elsewhere").unwrap_err().is_missing());
    assert!(matches!(root.read("round"), Err(ReadError::Loop { .. })));
    assert_eq!(root.link("upwards").unwrap(), "../../../text");
}

#[test]
fn a_tree_in_memory_reads_like_a_folder() {
    let mut tree = Tree::default();
    tree.put("sys/devices/gpu/vendor", Node::File(b"0x10de".to_vec()));
    tree.put("sys/devices/gpu/secret", Node::Denied);
    tree.put("/sys/class/drm/card0", Node::Link("../../devices/gpu".into()));
    assert!(!tree.put("../etc/passwd", Node::Folder));
    let root = Root::of(tree);
    assert_eq!(root.read("sys/class/drm/card0/vendor").unwrap(), "0x10de");
    assert_eq!(root.list("sys/class/drm/card0").unwrap(), ["secret", "vendor"]);
    assert_eq!(root.list("").unwrap(), ["sys"]);
    assert!(root.read("sys/class/drm/card0/secret").unwrap_err().is_denied());
    assert_eq!(root.real_path("sys/class/drm/card0/vendor").unwrap(), "/sys/devices/gpu/vendor");
    assert!(root.exists("sys/class") && !root.exists("sys/clas"));
}

#[test]
fn what_was_asked_of_the_live_machine_can_be_asked_again() {
    let live = Root::recording();
    let echo = Command::new("echo", "sh", &["-c", "echo out; echo err >&2"]);
    let fails = Command::new("fails", "sh", &["-c", "echo no such device >&2; exit 9"]);
    let text = live.read("proc/self/status").unwrap();
    let names = live.list("sys/devices/system/cpu").unwrap();
    let (printed, failed) = (live.run(&echo).unwrap(), live.run(&fails).unwrap_err());
    assert_eq!(live.answer("seven", || 7u32).unwrap(), 7);

    let again = Root::of(live.recorded());
    assert_eq!(again.read("proc/self/status").unwrap(), text);
    assert_eq!(again.list("sys/devices/system/cpu").unwrap(), names);
    assert_eq!(again.run(&echo).unwrap(), printed);
    assert_eq!(again.run(&fails).unwrap_err(), failed);
    assert_eq!(again.answer("seven", || 8u32).unwrap(), 7);
    assert!(again.answer("eight", || 8u32).is_err());
    assert_eq!(failed.to_string(), "sh ended with exit status: 9: no such device");
}

#[test]
fn a_command_that_hangs_ends_with_all_that_it_started() {
    let start = Instant::now();
    let error = shell("sleep 7133 & sleep 7133").unwrap_err();
    assert_eq!(error.to_string(), "sh did not end within 2 s");
    eprintln!("gave up after {:?}", start.elapsed());
    // SIGKILL takes a moment to be carried out.
    let left = || {
        fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            line == b"sleep\x007133\0"
        })
    };
    let deadline = Instant::now() + std::time::Duration::from_secs(20);
    while left() {
        assert!(Instant::now() < deadline, "a process of the command is left");
        std::thread::yield_now();
    }
}

#[test]
fn output_without_end_is_refused() {
    assert_eq!(shell("yes").unwrap_err(), RunError::TooMuch { program: "sh".into() });
}

#[test]
fn what_a_command_complains_belongs_to_its_output_where_that_is_asked_for() {
    let script = &["-c", "echo out; echo $GREETING >&2"];
    let mut command = Command::new("test", "sh", script);
    command.env = &[("GREETING", "hello")];
    assert_eq!(Root::live().run(&command).unwrap(), "out\n");
    command.complaints = true;
    assert_eq!(Root::live().run(&command).unwrap(), "out\nhello\n");
}

#[test]
fn a_program_that_is_not_there_is_told_by_name() {
    let error = Root::live().run(&Command::new("x", "edgeorch-no-such-program", &[])).unwrap_err();
    assert!(error.is_not_found());
}

#[test]
fn windows_text_is_read_in_its_own_encoding() {
    assert_eq!(shell("printf '\\377\\376a\\000b\\000'").unwrap(), "ab");
    assert_eq!(shell("printf '\\357\\273\\277ab'").unwrap(), "ab");
}

#[test]
fn a_folder_says_which_platform_it_is() {
    let (folder, root) = folder_with("text", b"");
    assert_eq!(root.platform(), OsFamily::Linux);
    fs::create_dir(folder.path().join(".edgeorch")).unwrap();
    fs::write(folder.path().join(".edgeorch/platform"), "macos\n").unwrap();
    assert_eq!(root.platform(), OsFamily::Macos);
}
