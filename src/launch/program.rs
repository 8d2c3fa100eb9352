//! What kind of file a program is, told before it is started. It can't be left to exec: on ENOEXEC the C library
//! feeds the file to a shell, so a program for another CPU would come back as a puzzling syntax error.
//!
//! Only native programs pass; one that would need an emulator (binfmt_misc) would be no use as an engine.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::error::SpawnError;

/// e_machine of this build, and its name (gabi, "ELF Header").
const NATIVE: u16 = if cfg!(target_arch = "x86_64") {
    62
} else if cfg!(target_arch = "aarch64") {
    183
} else if cfg!(target_arch = "arm") {
    40
} else {
    243
};

/// The program as an absolute path, once it can be expected to start.
pub(crate) fn check(program: &Path) -> Result<PathBuf, SpawnError> {
    let program = std::path::absolute(program)
        .map_err(|source| SpawnError::Other { program: program.into(), source })?;
    let not_executable = |why: &'static str| SpawnError::NotExecutable { program: program.clone(), why };
    let metadata = std::fs::metadata(&program).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => SpawnError::NotFound { program: program.clone() },
        _ => SpawnError::Other { program: program.clone(), source: error },
    })?;
    if metadata.is_dir() {
        return Err(not_executable("it is a folder"));
    }
    if !metadata.is_file() {
        return Err(not_executable("it is no ordinary file"));
    }
    if access(&program, AccessFlags::X_OK).is_err() {
        return Err(not_executable("this user has no permission to execute it"));
    }
    // An executable may be unreadable; then exec alone can judge it.
    if let (true, Ok(mut file)) = (cfg!(target_os = "linux"), File::open(&program)) {
        match kind(&mut file) {
            Kind::Elf { machine } if machine != NATIVE => {
                return Err(SpawnError::WrongArchitecture {
                    program,
                    found: machine_name(machine),
                    expected: machine_name(NATIVE),
                });
            }
            Kind::Elf { .. } | Kind::Script => {}
            Kind::Unknown => {
                return Err(not_executable("it is neither an ELF program nor a script with `#!`"));
            }
        }
    }
    Ok(program)
}

/// The loader or script interpreter that the program names; exec reports its absence as if the program were absent.
pub(super) fn interpreter(program: &Path) -> Option<String> {
    let mut file = File::open(program).ok()?;
    match kind(&mut file) {
        Kind::Elf { .. } => elf_loader(&file),
        Kind::Script => {
            let mut line = vec![0; 256];
            let length = file.read_at(&mut line, 2).ok()?;
            let text = String::from_utf8_lossy(&line[..length]);
            Some(text.lines().next()?.split_whitespace().next()?.to_owned())
        }
        Kind::Unknown => None,
    }
}

enum Kind {
    Elf { machine: u16 },
    Script,
    Unknown,
}

fn kind(file: &mut File) -> Kind {
    let mut header = Vec::with_capacity(20);
    if file.take(20).read_to_end(&mut header).is_err() {
        return Kind::Unknown;
    }
    if header.starts_with(b"#!") {
        return Kind::Script;
    }
    match header.as_slice() {
        // EI_DATA at 5: 2 is big-endian. e_machine at 18.
        [0x7f, b'E', b'L', b'F', _, 2, .., high, low] if header.len() == 20 => {
            Kind::Elf { machine: u16::from_be_bytes([*high, *low]) }
        }
        [0x7f, b'E', b'L', b'F', .., low, high] if header.len() == 20 => {
            Kind::Elf { machine: u16::from_le_bytes([*low, *high]) }
        }
        _ => Kind::Unknown,
    }
}

/// PT_INTERP of a 64-bit little-endian program; the others are refused before this is asked.
fn elf_loader(file: &File) -> Option<String> {
    const PT_INTERP: u32 = 3;
    let bytes = |offset: u64, length: usize| -> Option<Vec<u8>> {
        let mut buffer = vec![0; length];
        file.read_exact_at(&mut buffer, offset).ok()?;
        Some(buffer)
    };
    let number = |offset: u64, width: usize| -> Option<u64> {
        Some(bytes(offset, width)?.iter().rev().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
    };
    let (table, entry_size, entries) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    let entry = (0..entries)
        .filter_map(|index| table.checked_add(index * entry_size))
        .find(|entry| number(*entry, 4) == Some(u64::from(PT_INTERP)))?;
    // A path: 4096 is the kernel's own limit.
    let length = usize::try_from(number(entry.checked_add(32)?, 8)?).ok().filter(|length| *length <= 4096)?;
    let path = bytes(number(entry.checked_add(8)?, 8)?, length)?;
    Some(String::from_utf8_lossy(&path).trim_end_matches('\0').to_owned())
}

fn machine_name(machine: u16) -> String {
    let name = match machine {
        3 => "x86 (32 bit)",
        20 | 21 => "PowerPC",
        22 => "S/390",
        40 => "ARM (32 bit)",
        62 => "x86-64",
        183 => "ARM64",
        243 => "RISC-V",
        258 => "LoongArch",
        other => return format!("ELF machine {other}"),
    };
    name.to_owned()
}

// The formats are Linux's, so other systems have nothing to test here.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn executable(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("engine");
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        (dir, path)
    }

    #[test]
    fn the_shell_passes_and_names_its_loader() {
        check(Path::new("/bin/sh")).unwrap();
        let loader = interpreter(Path::new("/bin/sh")).unwrap();
        assert!(Path::new(&loader).exists(), "{loader}");
    }

    #[test]
    fn a_folder_is_not_executable() {
        let error = check(Path::new("/tmp")).unwrap_err();
        assert!(matches!(error, SpawnError::NotExecutable { why: "it is a folder", .. }), "{error}");
    }

    #[test]
    fn a_text_file_without_shebang_is_refused_instead_of_fed_to_a_shell() {
        let (_dir, path) = executable(b"echo hello\n");
        assert!(matches!(check(&path), Err(SpawnError::NotExecutable { .. })));
    }

    #[test]
    fn an_empty_file_is_refused() {
        let (_dir, path) = executable(b"");
        assert!(matches!(check(&path), Err(SpawnError::NotExecutable { .. })));
    }

    #[test]
    fn a_program_for_another_cpu_is_named_as_such() {
        let mut header = std::fs::read("/bin/sh").unwrap();
        let foreign: u16 = if NATIVE == 183 { 62 } else { 183 };
        header[18..20].copy_from_slice(&foreign.to_le_bytes());
        let (_dir, path) = executable(&header);
        let error = check(&path).unwrap_err();
        assert!(error.to_string().contains(&machine_name(foreign)), "{error}");
        assert!(matches!(error, SpawnError::WrongArchitecture { .. }));
    }

    #[test]
    fn a_program_without_the_execute_bit_is_refused_for_everyone() {
        let (_dir, path) = executable(b"#!/bin/sh\n");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = check(&path).unwrap_err();
        assert!(error.to_string().contains("permission"), "{error}");
    }

    #[test]
    fn a_missing_program_is_told_from_a_missing_interpreter() {
        assert!(matches!(check(Path::new("/no/such/engine")), Err(SpawnError::NotFound { .. })));
        let (_dir, path) = executable(b"#! /no/such/interpreter -x\n");
        check(&path).unwrap();
        assert_eq!(interpreter(&path).as_deref(), Some("/no/such/interpreter"));
    }
}
