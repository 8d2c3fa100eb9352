//! Programs that tests write and run.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes an executable file, by another process: the kernel runs no program that is open for writing (ETXTBSY), and a
/// child that another test starts at that moment has this process's open files until its own exec.
pub fn write_program(path: &Path, content: impl AsRef<[u8]>) {
    let mut install = Command::new("/usr/bin/install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("coreutils' install");
    install.stdin.take().unwrap().write_all(content.as_ref()).unwrap();
    assert!(install.wait().unwrap().success(), "install can't write {}", path.display());
}
