//! Starting children. One thread per daemon starts them all and lives as long as any of them:
//!
//! ```text
//! spawn() ──order──▶ [thread edgeorch-spawn: record, cgroup, fork+exec, record] ──Child──▶ caller
//! ```
//!
//! The parent-death signal, which kills a child when the daemon is killed, is really tied to the *thread* that forked
//! it. A runtime's worker threads come and go; started from one of them, an engine would die with it for no visible
//! reason. For the same cause nothing else may fork an engine.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc;

use edgeorch_engines::LaunchSpec;
use nix::unistd::{Pid, getpid, getppid};
use tokio::process::Command;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::cgroup::{Cgroup, NoCgroup, Parent};
use super::child::{Child, Containment, Parts};
use super::error::SpawnError;
use super::logs::Logs;
use super::memory::OomWatch;
use super::nonce::Nonce;
use super::process::{self, MARK};
use super::program;
use super::record::{Leader, Record, Records};
use super::sweep::release_now;

/// Starts children. Clones share the thread, and so does every child: it ends after the last of them.
#[derive(Clone, Debug)]
pub struct Launcher {
    orders: mpsc::Sender<Order>,
}

struct Order {
    spec: LaunchSpec,
    name: String,
    logs: Logs,
    nonce: Nonce,
    launcher: Launcher,
    reply: oneshot::Sender<Result<Child, SpawnError>>,
}

impl Launcher {
    /// Children are read and awaited on `runtime`, and recorded in `records`. Fails where no thread can be had.
    pub fn start(records: Records, runtime: Handle) -> io::Result<Launcher> {
        Launcher::start_below(Parent::locate(), records, runtime)
    }

    /// The same, with the children's cgroups below `parent`.
    pub(super) fn start_below(
        parent: Result<Parent, NoCgroup>,
        records: Records,
        runtime: Handle,
    ) -> io::Result<Launcher> {
        let (orders, incoming) = mpsc::channel::<Order>();
        std::thread::Builder::new().name("edgeorch-spawn".to_owned()).spawn(move || {
            let workshop = Workshop { records, parent };
            let _entered = runtime.enter();
            for order in incoming {
                let child = workshop.launch(&order);
                // If the caller has gone meanwhile, the child comes back here and is dropped, which kills it.
                drop(order.reply.send(child));
            }
        })?;
        Ok(Launcher { orders })
    }

    /// Starts `spec` as `name`, marked with `nonce`. A caller that stops waiting leaves nothing running.
    pub async fn spawn(
        &self,
        spec: &LaunchSpec,
        name: &str,
        logs: Logs,
        nonce: Nonce,
    ) -> Result<Child, SpawnError> {
        let (reply, answer) = oneshot::channel();
        let (spec, name, launcher) = (spec.clone(), name.to_owned(), self.clone());
        self.orders
            .send(Order { spec, name, logs, nonce, launcher, reply })
            .map_err(|_| SpawnError::ShuttingDown)?;
        answer.await.map_err(|_| SpawnError::ShuttingDown)?
    }
}

/// What the thread works with.
struct Workshop {
    records: Records,
    parent: Result<Parent, NoCgroup>,
}

impl Workshop {
    fn launch(&self, order: &Order) -> Result<Child, SpawnError> {
        let program = program::check(&order.spec.program)?;
        let mut record = Record::new(order.nonce.clone(), &order.name, &program);
        let cgroup = self.parent.clone().and_then(|parent| parent.create(&order.nonce));
        record.cgroup = cgroup.as_ref().ok().map(|cgroup| cgroup.dir().to_owned());
        let started = self.fork(order, &program, &mut record, &cgroup);
        if started.is_err() {
            // Nothing runs: what was prepared goes. The error that matters is the one already in hand.
            let _ = release_now(&record, &self.records);
        }
        started
    }

    fn fork(
        &self,
        order: &Order,
        program: &Path,
        record: &mut Record,
        cgroup: &Result<Cgroup, NoCgroup>,
    ) -> Result<Child, SpawnError> {
        self.records.write(record)?;
        let oom = OomWatch::start(cgroup.as_ref().ok());
        let mut command = command(&order.spec, program, &order.nonce);
        contain(&mut command, cgroup.as_ref().ok());
        let process = command.spawn().map_err(|source| SpawnError::from_exec(program, source))?;
        let pid = process.id().unwrap_or_default();
        let leader = Leader { pid, start_time: process::read(pid).map(|process| process.start_time) };
        let containment = entered(cgroup, pid);
        record.leader = Some(leader);
        record.cgroup = containment.cgroup().map(PathBuf::from);
        // From here on dropping the child is what ends it, also if the record can't be completed.
        let child = Child::new(Parts {
            process,
            leader,
            record: record.clone(),
            records: self.records.clone(),
            containment,
            oom,
            logs: order.logs.clone(),
            launcher: order.launcher.clone(),
        });
        self.records.write(record)?;
        Ok(child)
    }
}

/// Program, arguments and environment, as the spec says.
fn command(spec: &LaunchSpec, program: &Path, nonce: &Nonce) -> Command {
    let mut command = Command::new(program);
    command.args(spec.argv()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    scrub(&mut command, &spec.scrub);
    command.envs(&spec.env).env(MARK, nonce.as_str());
    command
}

/// Takes inherited variables that start with one of these from the child.
pub(crate) fn scrub(command: &mut Command, prefixes: &[String]) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if prefixes.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
}

/// Puts the child into a process group and the cgroup, and ties its life to the daemon's, before its first
/// instruction. A cgroup that can't be entered is no reason not to start: [`entered`] looks afterwards.
fn contain(command: &mut Command, cgroup: Option<&Cgroup>) {
    command.process_group(0);
    let entry = cgroup.and_then(|cgroup| cgroup.entry().ok());
    let daemon = getpid();
    let before_exec = move || {
        if let Some(mut entry) = entry.as_ref() {
            let _ = entry.write_all(b"0");
        }
        tie_to(daemon)
    };
    // SAFETY: runs between fork and exec, where only async-signal-safe calls are sound: it calls write, prctl and
    // getppid, allocates nothing and takes no lock.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(before_exec);
    }
}

#[cfg(target_os = "linux")]
fn tie_to(daemon: Pid) -> io::Result<()> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    // It may have died before the line above; then no signal will come any more.
    if getppid() == daemon {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(nix::errno::Errno::ESRCH as i32))
    }
}

/// No parent-death signal here; the records make up for it at the next start.
#[cfg(not(target_os = "linux"))]
fn tie_to(_daemon: Pid) -> io::Result<()> {
    Ok(())
}

/// What holds the child in the end.
fn entered(cgroup: &Result<Cgroup, NoCgroup>, pid: u32) -> Containment {
    match cgroup {
        Ok(cgroup) if cgroup.contains(pid) => Containment::Cgroup(cgroup.dir().to_owned()),
        Ok(cgroup) => {
            let _ = cgroup.remove();
            Containment::GroupOnly(NoCgroup::NotEntered { dir: cgroup.dir().to_owned() })
        }
        Err(reason) => Containment::GroupOnly(reason.clone()),
    }
}
