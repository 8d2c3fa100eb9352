//! `sysctl`: the kernel's own numbers, a `name: value` per line.
//!
//! Named subtrees and not `sysctl -a`, which prints host names and UUIDs too. A name that a kernel lacks fails the whole
//! command, so those that not every Mac has stand in a command of their own.

use std::collections::BTreeMap;
use std::str::FromStr;

use edgeorch_engines::contract::Bytes;

use super::together;
use crate::findings::{Unprintable, printable};
use crate::root::{Command, Root, RunError};

const HW: Command = Command::new("sysctl-hw", "sysctl", &["hw"]);
const CPU: Command = Command::new("sysctl-cpu", "sysctl", &["machdep.cpu"]);
/// On every macOS since 11.
const KERNEL: Command = Command::new(
    "sysctl-kernel",
    "sysctl",
    &["kern.osrelease", "kern.osproductversion", "kern.hv_vmm_present", "vm.swapusage"],
);
/// Apple's GPU driver; Intel Macs and virtual machines have none.
pub const GPU: Command = Command::new("sysctl-gpu", "sysctl", &["iogpu"]);
/// Tells Apple's chips from Intel's: all have it.
pub const CPU_KIND: Command = Command::new("sysctl-cpu-kind", "sysctl", &["hw.cputype"]);
/// What the storage and the GPUs of a virtual machine are told by.
pub const GUEST: Command = Command::new("sysctl-guest", "sysctl", &["kern.hv_vmm_present"]);

/// Values by name. Of names that were asked for in vain, the error says why.
#[derive(Debug, Default)]
pub struct Sysctl {
    values: BTreeMap<String, String>,
    failure: Option<RunError>,
}

impl Sysctl {
    /// The three that all Macs have, and `others` beside them.
    pub fn read_with<const N: usize>(
        root: &Root,
        others: [&Command; N],
    ) -> (Sysctl, [Result<String, RunError>; N]) {
        std::thread::scope(|scope| {
            let running = scope.spawn(|| together(root, others));
            let mut sysctl = Sysctl::default();
            for output in together(root, [&HW, &CPU, &KERNEL]) {
                sysctl.add(output);
            }
            let failed = |program: &Command| RunError::NotStarted {
                program: program.program.to_string(),
                said: "the thread that ran it died".to_owned(),
            };
            let outputs = running.join().unwrap_or_else(|_| others.map(|command| Err(failed(command))));
            (sysctl, outputs)
        })
    }

    pub fn parse(output: Result<String, RunError>) -> Sysctl {
        let mut sysctl = Sysctl::default();
        sysctl.add(output);
        sysctl
    }

    pub fn add(&mut self, output: Result<String, RunError>) {
        match output {
            Ok(text) => self.values.extend(lines(&text)),
            Err(error) => self.failure = Some(error),
        }
    }

    pub fn raw(&self, name: &str) -> Result<&str, SysctlError> {
        match (self.values.get(name), &self.failure) {
            (Some(value), _) => Ok(value),
            (None, Some(error)) => Err(SysctlError::Failed(error.clone())),
            (None, None) => Err(SysctlError::Missing(name.to_owned())),
        }
    }

    pub fn text(&self, name: &str) -> Result<String, SysctlError> {
        let text = self.raw(name)?;
        printable(text).map_err(|source| SysctlError::Unprintable { name: name.to_owned(), source })
    }

    pub fn number<T: FromStr>(&self, name: &str) -> Result<T, SysctlError> {
        self.raw(name)?.parse().map_err(|_| SysctlError::NoNumber(name.to_owned()))
    }

    /// A number that stands for a thing that is there: zero is how the kernel says that it doesn't know.
    pub fn count(&self, name: &str) -> Result<u32, SysctlError> {
        match self.number(name)? {
            0 => Err(SysctlError::Zero(name.to_owned())),
            count => Ok(count),
        }
    }

    pub fn bytes(&self, name: &str) -> Result<Bytes, SysctlError> {
        match self.number(name)? {
            0 => Err(SysctlError::Zero(name.to_owned())),
            bytes => Ok(Bytes(bytes)),
        }
    }

    /// Whether a flag is there and set.
    pub fn is_set(&self, name: &str) -> bool {
        self.number::<u64>(name).is_ok_and(|value| value != 0)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// One of Apple's own chips. A program below Rosetta is told the truth by the second name only.
    pub fn is_apple_chip(&self) -> Result<bool, SysctlError> {
        /// `CPU_TYPE_ARM64` of XNU's mach/machine.h.
        const ARM64: u32 = 0x0100_000c;
        if self.is_set("hw.optional.arm64") {
            return Ok(true);
        }
        Ok(self.number::<u32>("hw.cputype")? == ARM64)
    }

    /// Whether this is a virtual machine.
    pub fn is_guest(&self) -> Result<bool, SysctlError> {
        Ok(self.number::<u32>("kern.hv_vmm_present")? != 0)
    }
}

fn lines(text: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SysctlError {
    #[error("this kernel has no {0}")]
    Missing(String),
    #[error("{0} is no number")]
    NoNumber(String),
    #[error("{0} is 0")]
    Zero(String),
    #[error("{name} is no name")]
    Unprintable {
        name: String,
        #[source]
        source: Unprintable,
    },
    #[error(transparent)]
    Failed(RunError),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub fn of(text: &str) -> Sysctl {
        Sysctl::parse(Ok(text.to_owned()))
    }

    #[test]
    fn values_are_read_by_their_exact_names() {
        let sysctl = of("hw.ncpu: 8\nhw.model: Mac16,12\nhw.osenvironment: \nnonsense\nhw.l3cachesize: 0\n");
        assert_eq!(sysctl.count("hw.ncpu"), Ok(8));
        assert_eq!(sysctl.text("hw.model").as_deref(), Ok("Mac16,12"));
        assert_eq!(sysctl.count("hw.l3cachesize"), Err(SysctlError::Zero("hw.l3cachesize".into())));
        assert_eq!(sysctl.count("hw.nc"), Err(SysctlError::Missing("hw.nc".into())));
        assert!(matches!(sysctl.text("hw.osenvironment"), Err(SysctlError::Unprintable { .. })));
    }

    #[test]
    fn numbers_that_are_none_are_told_apart_from_missing_ones() {
        let sysctl = of("a: -1\nb: 99999999999999999999\nc: N/A\nd: 4096.00M\n");
        for name in ["a", "b", "c", "d"] {
            assert_eq!(sysctl.number::<u64>(name), Err(SysctlError::NoNumber(name.into())));
        }
    }

    #[test]
    fn a_command_that_failed_is_the_reason_for_what_it_would_have_said() {
        let mut sysctl = of("hw.ncpu: 8\n");
        let failure = RunError::TimedOut { program: "sysctl".into() };
        sysctl.add(Err(failure.clone()));
        assert_eq!(sysctl.count("hw.ncpu"), Ok(8));
        assert_eq!(sysctl.raw("vm.swapusage"), Err(SysctlError::Failed(failure)));
    }

    #[test]
    fn an_apple_chip_is_told_by_the_kernel_even_below_rosetta() {
        assert_eq!(of("hw.cputype: 16777228\n").is_apple_chip(), Ok(true));
        assert_eq!(of("hw.cputype: 16777223\nhw.optional.arm64: 1\n").is_apple_chip(), Ok(true));
        assert_eq!(of("hw.cputype: 16777223\n").is_apple_chip(), Ok(false));
        assert!(of("").is_apple_chip().is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(hw\\.[a-z]{0,4}:? ?[0-9a-z.-]{0,25}\n)*|.*") {
            let sysctl = of(&text);
            for name in sysctl.names().map(str::to_owned).collect::<Vec<_>>() {
                let _ = (sysctl.count(&name), sysctl.text(&name), sysctl.bytes(&name));
            }
        }
    }
}
