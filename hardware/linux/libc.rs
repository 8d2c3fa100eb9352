//! Which C library programs of this machine get.
//!
//! The question is about the machine, not about edgeorch, which may be linked statically: so the file that the loader would
//! map is found and its banner read, without running anything.

use edgeorch_engines::contract::Architecture;

use crate::Root;
use crate::root::ReadError;

/// glibc prints this when it is run; the version ends the sentence (glibc: csu/version.c).
const BANNER: &[u8] = b"GNU C Library ";
const VERSION: &[u8] = b" release version ";

/// `glibc 2.36` or `musl`, and the file that says so.
pub fn probe(root: &Root, architecture: Architecture) -> Result<(String, String), LibcError> {
    for folder in folders(architecture) {
        match root.read_bytes(&format!("{folder}/libc.so.6")) {
            Ok(bytes) => {
                return glibc_version(&bytes)
                    .map(|version| (format!("glibc {version}"), format!("/{folder}/libc.so.6")))
                    .ok_or(LibcError::NoBanner(folder));
            }
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error.into()),
        }
    }
    let loaders = root.list("lib").unwrap_or_default();
    let musl = loaders.into_iter().find(|name| name.starts_with("ld-musl-"));
    musl.map(|loader| ("musl".to_owned(), format!("/lib/{loader}"))).ok_or(LibcError::NotFound)
}

/// Where the default loader looks: Debian's multiarch folder, then the other distributions'.
fn folders(architecture: Architecture) -> Vec<String> {
    let multiarch = match architecture {
        Architecture::X86_64 => Some("x86_64-linux-gnu"),
        Architecture::Aarch64 => Some("aarch64-linux-gnu"),
        Architecture::Armv7 => Some("arm-linux-gnueabihf"),
        Architecture::Riscv64 => Some("riscv64-linux-gnu"),
        Architecture::Other => None,
    };
    let own = multiarch.into_iter().flat_map(|name| [format!("lib/{name}"), format!("usr/lib/{name}")]);
    own.chain(["lib64", "usr/lib64", "lib", "usr/lib"].map(str::to_owned)).collect()
}

/// `2.36` out of `GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.`
fn glibc_version(library: &[u8]) -> Option<String> {
    let start = memchr::memmem::find(library, BANNER)?;
    let sentence = &library[start..library.len().min(start + 200)];
    let version = &sentence[memchr::memmem::find(sentence, VERSION)? + VERSION.len()..];
    let end = version.iter().position(|b| !b.is_ascii_digit() && *b != b'.').unwrap_or(version.len());
    let text = std::str::from_utf8(&version[..end]).ok()?.trim_end_matches('.');
    (!text.is_empty()).then(|| text.to_owned())
}

#[derive(Debug, thiserror::Error)]
pub enum LibcError {
    #[error("neither libc.so.6 nor a musl loader is where the default loader looks")]
    NotFound,
    #[error("/{0}/libc.so.6 names no version")]
    NoBanner(String),
    #[error(transparent)]
    Read(#[from] ReadError),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_version_ends_the_banner() {
        let library = b"\x7fELF\0\0GNU C Library (Ubuntu GLIBC 2.39-0ubuntu8.4) stable release version 2.39.\nCopyright";
        assert_eq!(glibc_version(library).as_deref(), Some("2.39"));
        assert_eq!(
            glibc_version(b"GNU C Library (x) development release version 2.42.9000.\n").as_deref(),
            Some("2.42.9000")
        );
        assert_eq!(glibc_version(b"GNU C Library without a version"), None);
    }

    #[test]
    fn a_musl_loader_alone_means_musl() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("lib")).unwrap();
        std::fs::write(folder.path().join("lib/ld-musl-x86_64.so.1"), "").unwrap();
        assert_eq!(probe(&Root::at(folder.path()), Architecture::X86_64).unwrap().0, "musl");
    }

    #[test]
    fn this_machine_tells_what_it_runs_on() {
        if !cfg!(target_env = "gnu") {
            eprintln!("skipped: this test binary is not built for glibc");
            return;
        }
        match probe(&Root::live(), Architecture::X86_64) {
            Ok((name, _)) => assert!(name.starts_with("glibc 2."), "{name}"),
            Err(error) => eprintln!("skipped: {error}"),
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(tail in proptest::collection::vec(any::<u8>(), 0..300)) {
            glibc_version(&tail);
            glibc_version(&[BANNER, VERSION, &tail].concat());
        }
    }
}
