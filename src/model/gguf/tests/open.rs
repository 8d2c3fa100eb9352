//! What is no regular file is refused at once, and never waited for.

use std::os::unix::net::UnixListener;
use std::path::Path;

use super::super::build::Gguf;
use super::*;

fn refusal(path: &Path) -> String {
    read(path).expect_err("no regular file").to_string()
}

#[test]
fn only_regular_files_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    assert!(refusal(folder.path()).contains("from a directory"));

    let fifo = folder.path().join("fifo.gguf");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // Nobody writes: a blocking open would wait for ever, and the test with it.
    assert!(refusal(&fifo).contains("from a FIFO"));

    let socket = folder.path().join("socket.gguf");
    let _listener = UnixListener::bind(&socket).unwrap();
    assert!(refusal(&socket).contains("from a socket"));

    assert!(refusal(Path::new("/dev/zero")).contains("from a device"));
}

#[test]
fn a_link_stands_for_what_it_points_to() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file.gguf"), folder.path().join("link.gguf"));
    std::fs::write(&file, Gguf::model("llama").bytes()).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert_eq!(read(&link).unwrap(), read(&file).unwrap());

    let dangling = folder.path().join("dangling.gguf");
    std::os::unix::fs::symlink(folder.path().join("nothing"), &dangling).unwrap();
    assert!(refusal(&dangling).contains("check that it is there"));
}

#[test]
fn empty_and_missing_files_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.gguf");
    std::fs::write(&empty, []).unwrap();
    assert!(refusal(&empty).contains("empty file"));

    let error = read(&folder.path().join("missing.gguf")).expect_err("missing");
    let cause = std::error::Error::source(&error).expect("a cause").to_string();
    assert!(!error.to_string().contains(&cause), "the cause is printed twice: {error}");
}
