//! What every refusal has in common, whatever was wrong: the documented exit code, the cause and the next step in
//! words, told once, no panic, and nothing left running.

use super::home::{Home, Ran};
use super::processes;

impl Home {
    /// Runs a command that is to be refused, and gives what it said.
    pub fn refuses(&self, arguments: &[&str], code: i32, says: &[&str]) -> Ran {
        let ran = self.run(arguments);
        ran.is_refusal(code, says);
        let left = processes::of_home(&self.path());
        assert!(left.is_empty(), "left running: {left:?}");
        ran
    }

    /// `up` with a profile that is to be refused.
    pub fn refuses_up(&self, profile: &str, code: i32, says: &[&str]) -> Ran {
        let profile = self.profile(profile);
        self.refuses(&["up", "-f", profile.to_str().unwrap()], code, says)
    }
}

impl Ran {
    /// Each text is there, and the first one, the cause, is there once.
    pub fn is_refusal(&self, code: i32, says: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        for text in says {
            assert!(self.stderr.contains(text), "it does not say `{text}`: {self:#?}");
        }
        if let Some(cause) = says.first() {
            assert_eq!(self.stderr.matches(cause).count(), 1, "it says `{cause}` more than once: {self:#?}");
        }
    }
}
