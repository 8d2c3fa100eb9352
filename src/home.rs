//! Where edgeorch keeps things on this machine, and the lock that allows one daemon a home.
//!
//! State (models, engines, logs, records of children) lies in `$EDGEORCH_HOME`, else `$XDG_STATE_HOME/edgeorch`, else
//! `~/.local/state/edgeorch`; for root in `/var/lib/edgeorch`. The control socket lies in `$XDG_RUNTIME_DIR/edgeorch`,
//! for root in `/run/edgeorch`; with `$EDGEORCH_HOME` set it lies in that home, so that two homes never share one.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    pub state: PathBuf,
    pub runtime: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    #[error(
        "no home for edgeorch: neither EDGEORCH_HOME, XDG_STATE_HOME nor HOME is set; set EDGEORCH_HOME to a folder"
    )]
    Nowhere,
    #[error("can't write to {}; make it writable, or set EDGEORCH_HOME to another folder", path.display())]
    NotWritable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("an edgeorch daemon{} already serves {}; `edgeorch ps` shows what it runs, `edgeorch down` stops it", pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default(), home.display())]
    Taken { home: PathBuf, pid: Option<u32> },
    #[error("the control socket's path {} is {length} bytes long, {} at most: set EDGEORCH_HOME to a shorter folder", path.display(), Home::LONGEST_SOCKET)]
    SocketPath { path: PathBuf, length: usize },
}

impl Home {
    /// `sun_path` of unix(7) holds 108 bytes, the last one NUL.
    const LONGEST_SOCKET: usize = 107;

    /// The home of this user and environment. Makes nothing.
    pub fn find() -> Result<Home, HomeError> {
        let var = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Home::of(
            var("EDGEORCH_HOME"),
            var("XDG_STATE_HOME"),
            var("XDG_RUNTIME_DIR"),
            var("HOME"),
            nix::unistd::geteuid().is_root(),
        )
    }

    fn of(
        own: Option<PathBuf>,
        xdg_state: Option<PathBuf>,
        xdg_runtime: Option<PathBuf>,
        user: Option<PathBuf>,
        root: bool,
    ) -> Result<Home, HomeError> {
        if let Some(state) = own {
            let state = std::path::absolute(&state).unwrap_or(state);
            return Ok(Home { runtime: state.join("run"), state });
        }
        if root {
            return Ok(Home { state: "/var/lib/edgeorch".into(), runtime: "/run/edgeorch".into() });
        }
        let state = xdg_state
            .or_else(|| user.map(|user| user.join(".local/state")))
            .map(|base| base.join("edgeorch"))
            .ok_or(HomeError::Nowhere)?;
        let runtime = xdg_runtime.map_or_else(|| state.join("run"), |base| base.join("edgeorch"));
        Ok(Home { state, runtime })
    }

    pub fn models(&self) -> PathBuf {
        self.state.join("models")
    }

    pub fn engines(&self) -> PathBuf {
        self.state.join("engines")
    }

    pub fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }

    /// Records of running children, for the daemon that comes after a killed one.
    pub fn children(&self) -> PathBuf {
        self.state.join("children")
    }

    pub fn socket(&self) -> PathBuf {
        self.runtime.join("control.sock")
    }

    /// Makes the folders, private to the user.
    pub fn prepare(&self) -> Result<(), HomeError> {
        let length = self.socket().as_os_str().len();
        if length > Home::LONGEST_SOCKET {
            return Err(HomeError::SocketPath { path: self.socket(), length });
        }
        for folder in
            [&self.state, &self.runtime, &self.models(), &self.engines(), &self.logs(), &self.children()]
        {
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|source| HomeError::NotWritable { path: folder.clone(), source })?;
        }
        Ok(())
    }

    /// Takes the home for this process. The lock ends with the process, however it ends.
    pub fn lock(&self) -> Result<Lock, HomeError> {
        self.prepare()?;
        let path = self.state.join("daemon.lock");
        let not_writable = |source| HomeError::NotWritable { path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(not_writable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let _ = file.read_to_string(&mut pid);
                return Err(HomeError::Taken { home: self.state.clone(), pid: pid.trim().parse().ok() });
            }
            Err(TryLockError::Error(source)) => return Err(not_writable(source)),
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(not_writable)?;
        Ok(Lock { _file: file })
    }

    /// Blocks until no daemon's process holds this home any more.
    pub fn wait_until_free(&self) -> Result<(), HomeError> {
        let path = self.state.join("daemon.lock");
        match File::open(&path).and_then(|file| file.lock()) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(HomeError::NotWritable { path, source })
            }
            _ => Ok(()),
        }
    }
}

/// Held for as long as the daemon lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// `~/…` instead of the whole path where it lies in the user's home: shorter to read.
pub fn display(path: &Path) -> String {
    match std::env::var_os("HOME").map(PathBuf::from) {
        Some(user) if user != Path::new("/") => match path.strip_prefix(&user) {
            Ok(rest) => format!("~/{}", rest.display()),
            Err(_) => path.display().to_string(),
        },
        _ => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_has_a_place_and_an_own_home_has_its_own_socket() {
        let own = Home::of(Some("/srv/e".into()), None, Some("/run/user/1".into()), None, true).unwrap();
        assert_eq!(own.socket(), Path::new("/srv/e/run/control.sock"));
        let root = Home::of(None, None, None, Some("/root".into()), true).unwrap();
        assert_eq!(
            (root.state.as_path(), root.runtime.as_path()),
            (Path::new("/var/lib/edgeorch"), Path::new("/run/edgeorch"))
        );
        let user =
            Home::of(None, None, Some("/run/user/1000".into()), Some("/home/a".into()), false).unwrap();
        assert_eq!(user.state, Path::new("/home/a/.local/state/edgeorch"));
        assert_eq!(user.socket(), Path::new("/run/user/1000/edgeorch/control.sock"));
        assert!(matches!(Home::of(None, None, None, None, false), Err(HomeError::Nowhere)));
    }

    #[test]
    fn a_home_is_taken_once_and_told_by_whom() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::of(Some(folder.path().join("h")), None, None, None, false).unwrap();
        let lock = home.lock().unwrap();
        let HomeError::Taken { pid, .. } = home.lock().unwrap_err() else { panic!("it is taken") };
        assert_eq!(pid, Some(std::process::id()));
        drop(lock);
        assert!(home.lock().is_ok());
    }
}
