//! `pmset`: where the power comes from and how it is spent.

use crate::findings::printable;
use crate::root::Command;

pub const BATTERY: Command = Command::new("pmset-batt", "pmset", &["-g", "batt"]);
pub const SETTINGS: Command = Command::new("pmset", "pmset", &["-g"]);
pub const HEAT: Command = Command::new("pmset-therm", "pmset", &["-g", "therm"]);

/// What `pmset -g batt` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supply {
    pub drawing_from: Source,
    pub batteries: Vec<Charge>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Mains,
    Battery,
    /// A battery that stands beside the machine.
    Ups,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// `InternalBattery-0`, or the name that a UPS gives itself.
    pub name: String,
    pub percent: Option<u32>,
    /// `charging`, `discharging`, `charged`, `not charging`, `finishing charge`.
    pub status: Option<String>,
}

/// ```text
/// Now drawing from 'Battery Power'
///  -InternalBattery-0 (id=4653155) 72%; discharging; 3:15 remaining present: true
/// ```
pub fn supply(text: &str) -> Result<Supply, PmsetError> {
    let named = text.lines().find_map(|line| line.split_once("drawing from '")?.1.split_once('\''));
    let drawing_from = match named.ok_or(PmsetError::NoSource)?.0 {
        "AC Power" => Source::Mains,
        "Battery Power" => Source::Battery,
        "UPS Power" => Source::Ups,
        _ => return Err(PmsetError::NoSource),
    };
    Ok(Supply { drawing_from, batteries: text.lines().filter_map(charge).take(MOST_BATTERIES).collect() })
}

const MOST_BATTERIES: usize = 16;

fn charge(line: &str) -> Option<Charge> {
    let (name, rest) = line.trim_start().strip_prefix('-')?.split_once(" (id=")?;
    let mut facts = rest.split_once(')')?.1.split(';').map(str::trim);
    let percent = facts.next().and_then(|fact| fact.strip_suffix('%')?.parse().ok());
    // On the mains the second fact says so, and the third is the status.
    let status = facts.find(|fact| *fact != "AC attached").map(first_words);
    Some(Charge {
        name: printable(name).ok()?,
        percent: percent.filter(|percent| *percent <= 100),
        status: status.and_then(|status| printable(status).ok()),
    })
}

/// The last fact has ` present: true` behind it.
fn first_words(fact: &str) -> &str {
    fact.split(" present:").next().unwrap_or(fact).trim()
}

/// A setting of those that are in use now: `pmset -g` prints ` lowpowermode         1`.
pub fn setting<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == name).then(|| words.next()).flatten()
    })
}

/// A limit of `pmset -g therm` in percent: `CPU_Speed_Limit = 100`.
pub fn limit(text: &str, name: &str) -> Option<u32> {
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == name).then(|| value.trim())
    });
    value?.parse().ok()
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PmsetError {
    #[error("pmset does not say what the power is drawn from")]
    NoSource,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_source_and_each_battery_are_told() {
        let text = "Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1)\t72%; discharging; 3:15 remaining present: true\n";
        let found = supply(text).unwrap();
        let status = Some("discharging".to_owned());
        let charge = Charge { name: "InternalBattery-0".into(), percent: Some(72), status };
        assert_eq!(found, Supply { drawing_from: Source::Battery, batteries: vec![charge] });
    }

    #[test]
    fn a_battery_that_is_kept_from_charging_says_so_third() {
        let text = "Now drawing from 'AC Power'\n -InternalBattery-0 (id=35848291)\t80%; AC attached; not charging present: true\n";
        let found = supply(text).unwrap();
        assert_eq!(found.drawing_from, Source::Mains);
        assert_eq!(found.batteries[0].status.as_deref(), Some("not charging"));
    }

    #[test]
    fn a_desktop_has_no_battery_and_a_ups_is_one() {
        assert_eq!(supply("Now drawing from 'AC Power'\n").unwrap().batteries, []);
        let text = "Now drawing from 'UPS Power'\n -Back-UPS XS 1500 (id=9)\t98%; discharging; 0:41 remaining present: true\n";
        assert_eq!(supply(text).unwrap().batteries[0].name, "Back-UPS XS 1500");
    }

    #[test]
    fn what_is_no_number_and_no_source_is_told_as_unknown() {
        assert_eq!(supply(""), Err(PmsetError::NoSource));
        assert_eq!(supply("Now drawing from 'Warp Core'"), Err(PmsetError::NoSource));
        let text = "Now drawing from 'AC Power'\n -B (id=1)\t900%; charged\n -C (id=2)\n -D\n";
        let batteries = supply(text).unwrap().batteries;
        let told: Vec<_> =
            batteries.iter().map(|b| (b.name.as_str(), b.percent, b.status.as_deref())).collect();
        assert_eq!(told, [("B", None, Some("charged")), ("C", None, None)]);
    }

    #[test]
    fn settings_and_limits_are_read_by_their_whole_name() {
        let text = "Currently in use:\n standby              1\n lowpowermode         0\n powermode 1\n sleep 1 (prevented by x)\n";
        assert_eq!(setting(text, "lowpowermode"), Some("0"));
        assert_eq!(setting(text, "sleep"), Some("1"));
        assert_eq!(setting(text, "low"), None);
        assert_eq!(limit("\tCPU_Speed_Limit \t= 62\n", "CPU_Speed_Limit"), Some(62));
        assert_eq!(limit("CPU_Speed_Limit = N/A", "CPU_Speed_Limit"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(Now drawing from 'AC Power'\n)?( -B(-0)? ?\\(?id=1\\)?\t[0-9]{0,12}%?;.{0,9}\n)*|.*") {
            let _ = (supply(&text), setting(&text, "sleep"), limit(&text, "CPU_Speed_Limit"));
        }
    }
}
