//! An engine that is no engine: exit code 1, with what is wrong with it and with each other way to get one.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use crate::program::write_program;
use crate::support::daemon::profile;
use crate::support::{Engine, Home};

/// A home with nothing on PATH but its own folder: no pip, no compiler; and no way to other machines.
struct Bare {
    home: Home,
    program: PathBuf,
}

impl Bare {
    fn new() -> Bare {
        let mut home = Home::new(&Engine::None);
        let programs = home.outside().join("bin");
        home.set("PATH", &programs);
        // Nothing listens on the discard port: what would be downloaded is out of reach at once.
        home.set("HTTPS_PROXY", "http://127.0.0.1:9");
        Bare { home, program: programs.join("llama-server") }
    }

    fn with(bytes: &[u8]) -> Bare {
        let bare = Bare::new();
        write_program(&bare.program, bytes);
        bare
    }

    fn refuses(&self, says: &[&str]) {
        let model = Engine::None.source(&self.home);
        self.home.refuses_up(&profile(&model, 0, ""), 1, says);
    }
}

#[test]
fn without_an_engine_each_way_to_get_one_is_told_with_what_stands_against_it() {
    Bare::new().refuses(&[
        "no llama.cpp that runs was found",
        "- prebuilt wheel",
        "- official release",
        "- built here from source",
        "it needs cmake",
        "Put llama-server on PATH",
    ]);
}

#[test]
fn a_program_that_is_not_executable_does_not_count() {
    let bare = Bare::with(b"#!/bin/sh\n");
    std::fs::set_permissions(&bare.program, Permissions::from_mode(0o644)).unwrap();
    bare.refuses(&["no llama.cpp that runs was found"]);
}

#[test]
fn a_folder_of_its_name_does_not_count() {
    let bare = Bare::new();
    std::fs::create_dir(&bare.program).unwrap();
    bare.refuses(&["no llama.cpp that runs was found"]);
}

#[test]
fn a_text_file_is_told_and_never_given_to_a_shell() {
    let bare = Bare::with(b"");
    let trace = bare.home.outside().join("trace");
    std::fs::write(&bare.program, format!("echo run > {}\n", trace.display())).unwrap();
    bare.refuses(&["it is neither an ELF program nor a script", "install the engine again"]);
    assert!(!trace.exists(), "the text was run as a shell script");
}

#[test]
fn a_program_for_another_architecture_is_told_with_both() {
    // An ELF header of 64 bits whose e_machine is PowerPC's, which no build of this is for.
    let mut elf = [0; 64];
    elf[..8].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0]);
    (elf[16], elf[18]) = (2, 21);
    Bare::with(&elf).refuses(&["llama-server is a program for", "install a build for"]);
}

#[test]
fn a_program_that_prints_no_flags_is_told() {
    Bare::with(b"#!/bin/sh\necho hello\n").refuses(&["`--help` prints no flags"]);
}

#[test]
fn a_program_that_dies_by_sigill_is_told() {
    Bare::with(b"#!/bin/sh\nkill -ILL $$\n").refuses(&["it is not built for this CPU"]);
}

#[test]
fn a_program_that_dies_by_sigill_only_when_it_serves_is_passed_over_by_the_next_up() {
    let mut bare = Bare::new();
    symlink(env!("CARGO_BIN_EXE_edgeorch-fake-engine"), &bare.program).unwrap();
    bare.home.set("EDGEORCH_FAKE", "sigill");
    bare.refuses(&["chat died of an illegal instruction", "is passed over from now on"]);
    bare.refuses(&[
        "it died of an illegal instruction here: it is not built for this CPU; passed over",
        "no llama.cpp that runs was found",
    ]);
}
