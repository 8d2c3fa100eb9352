//! Which flags a binary lists in its own `--help`.
//!
//! Version numbers are not trusted: llama.cpp removed five common flags within two months, and builds of shallow
//! clones all call themselves `build 1`.

use std::collections::BTreeSet;

/// The flags that a help text lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Help {
    flags: BTreeSet<String>,
}

/// Said by llama.cpp of flags that it still parses, in order to refuse them.
const REMOVED: &str = "argument has been removed";

impl Help {
    /// Reads lines such as `-c,    --ctx-size N     size of the prompt context`: the flags are what stands, comma or
    /// blank separated, before the first word that is no flag. A flag that is described as removed is not listed.
    pub fn parse(text: &str) -> Help {
        let mut flags = BTreeSet::new();
        for line in text.lines().map(str::trim_start).filter(|line| line.starts_with('-')) {
            if line.contains(REMOVED) {
                continue;
            }
            for word in line.split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
                let is_flag = word.len() > 1
                    && word.starts_with('-')
                    && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
                    && word.chars().any(|c| c.is_ascii_alphabetic());
                if !is_flag {
                    break;
                }
                flags.insert(word.to_owned());
            }
        }
        Help { flags }
    }

    pub fn lists(&self, flag: &str) -> bool {
        self.flags.contains(flag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_from_their_column_and_nowhere_else() {
        let help = Help::parse(
            "----- common params -----\n\
             -c,    --ctx-size N      size of the context, see also --parallel\n\
             -kvo,  --kv-offload, -nkvo, --no-kv-offload\n\
             \x20                         whether --swa-full matters\n\
             --draft, --draft-n N     the argument has been removed. use --spec-draft-n-max\n\
             --metrics                enable metrics",
        );
        for flag in ["-c", "--ctx-size", "--no-kv-offload", "--metrics"] {
            assert!(help.lists(flag), "{flag}");
        }
        for flag in ["--parallel", "--swa-full", "--draft", "-----", "N"] {
            assert!(!help.lists(flag), "{flag}");
        }
    }
}
