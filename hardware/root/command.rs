//! A command that a probe may run: data, so that a capture can hold its output under a name.

use std::borrow::Cow;

/// A program with its arguments. Nothing goes through a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Under which a capture keeps the output: one file name, such as `nvidia-smi.xml`.
    pub name: Cow<'static, str>,
    /// A name to look for on the search path, or an absolute path.
    pub program: Cow<'static, str>,
    pub args: Cow<'static, [&'static str]>,
    /// Environment variables that are set for it.
    pub env: &'static [(&'static str, &'static str)],
    /// Whether what it says on its standard error belongs to the output, after the rest: some print their version there.
    pub complaints: bool,
}

impl Command {
    pub const fn new(name: &'static str, program: &'static str, args: &'static [&'static str]) -> Command {
        Command {
            name: Cow::Borrowed(name),
            program: Cow::Borrowed(program),
            args: Cow::Borrowed(args),
            env: &[],
            complaints: false,
        }
    }

    /// A program that was found on this machine.
    pub fn found(name: String, program: String, args: &'static [&'static str]) -> Command {
        Command {
            name: Cow::Owned(name),
            program: Cow::Owned(program),
            args: Cow::Borrowed(args),
            env: &[],
            complaints: false,
        }
    }
}
