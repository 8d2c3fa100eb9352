//! The power mode of NVIDIA's boards: nvpmodel keeps the number in a status file and the names in its configuration.

use edgeorch_engines::contract::host::PowerMode;

use crate::Root;
use crate::root::{Command, shown};

const STATUS: &str = "var/lib/nvpmodel/status";
const CONFIGURATION: &str = "etc/nvpmodel.conf";
const QUERY: Command = Command::new("nvpmodel-q", "nvpmodel", &["-q"]);

/// Modes without any cap, by NVIDIA's names.
const UNCAPPED: [&str; 2] = ["MAXN", "MAXN_SUPER"];

/// The mode and where it was found.
pub fn probe(root: &Root) -> Option<(PowerMode, String)> {
    let configuration = root.read(CONFIGURATION).ok()?;
    let modes = modes(&configuration);
    let by_number = root.read(STATUS).ok().and_then(|status| number(&status)).and_then(|number| {
        let (_, name) = modes.iter().find(|(id, _)| *id == number)?;
        Some((name.to_string(), shown(STATUS)))
    });
    let (value, source) = by_number.or_else(|| {
        let text = root.run(&QUERY).ok()?;
        let name = text.lines().find_map(|line| line.trim().strip_prefix("NV Power Mode:"))?.trim();
        (!name.is_empty()).then(|| (name.to_owned(), "nvpmodel -q".to_owned()))
    })?;
    let names: Vec<&str> = modes.iter().map(|(_, name)| *name).collect();
    let saves_power = saves_power(&value, &names);
    Some((PowerMode { interface: "nvpmodel".to_owned(), value, saves_power }, source))
}

/// `pmode:0002` or `pmode:0002 fmode:quiet`.
fn number(status: &str) -> Option<u32> {
    status.split_whitespace().find_map(|word| word.strip_prefix("pmode:"))?.parse().ok()
}

/// `< POWER_MODEL ID=2 NAME=MODE_15W_6CORE >` → number and name.
fn modes(configuration: &str) -> Vec<(u32, &str)> {
    configuration.lines().filter_map(mode).collect()
}

fn mode(line: &str) -> Option<(u32, &str)> {
    let mut words = line.trim().strip_prefix('<')?.strip_suffix('>')?.split_whitespace();
    if words.next() != Some("POWER_MODEL") {
        return None;
    }
    let (mut id, mut name) = (None, None);
    for (key, value) in words.filter_map(|word| word.split_once('=')) {
        match key {
            "ID" => id = value.parse().ok(),
            "NAME" => name = Some(value),
            _ => {}
        }
    }
    id.zip(name)
}

/// A mode saves power if another is uncapped, or has more watts in its name. Boards have several modes of the same watts
/// that differ in cores and clocks: of those nothing is said.
fn saves_power(name: &str, names: &[&str]) -> Option<bool> {
    let uncapped: Vec<&&str> = names.iter().filter(|name| UNCAPPED.contains(name)).collect();
    if UNCAPPED.contains(&name) {
        return (uncapped.len() < 2 || name == "MAXN_SUPER").then_some(false);
    }
    if !uncapped.is_empty() {
        return Some(true);
    }
    let most = names.iter().filter_map(|name| watts(name)).max()?;
    match watts(name)? {
        watts if watts < most => Some(true),
        _ if names.iter().filter(|other| watts(other) == Some(most)).count() == 1 => Some(false),
        _ => None,
    }
}

/// `MODE_15W_6CORE` → 15.
fn watts(name: &str) -> Option<u32> {
    name.split('_').find_map(|word| word.strip_suffix('W')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn modes_are_read_from_their_headings_alone() {
        let text = "# < POWER_MODEL ID=9 NAME=OLD >\n< PARAM TYPE=FILE NAME=CPU_ONLINE >\n\
                    < POWER_MODEL ID=0 NAME=15W >\nCPU_ONLINE CORE_0 1\n< POWER_MODEL ID=x NAME=y >\n\
                    < POWER_MODEL ID=1 NAME=7W >\n< PM_CONFIG DEFAULT=0 >\n";
        assert_eq!(modes(text), [(0, "15W"), (1, "7W")]);
        assert_eq!(number("pmode:0002 fmode:quiet\n"), Some(2));
        assert_eq!(number("fmode:quiet"), None);
    }

    #[test]
    fn a_mode_saves_power_if_another_may_take_more() {
        assert_eq!(saves_power("MAXN", &["MAXN", "15W"]), Some(false));
        assert_eq!(saves_power("25W", &["15W", "25W", "MAXN_SUPER"]), Some(true));
        assert_eq!(saves_power("15W", &["15W", "7W"]), Some(false));
        assert_eq!(saves_power("7W", &["15W", "7W"]), Some(true));
        assert_eq!(saves_power("MODE_15W_2CORE", &["MODE_15W_2CORE", "MODE_15W_6CORE"]), None);
        assert_eq!(saves_power("CUSTOM", &["CUSTOM"]), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(<? ?POWER_MODEL( ?(ID|NAME)=[0-9A-Z]{0,4}){0,2} ?>?\n)*|.*") {
            let names: Vec<&str> = modes(&text).into_iter().map(|(_, name)| name).collect();
            saves_power(&text, &names);
            number(&text);
        }
    }
}
