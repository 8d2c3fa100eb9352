//! What a Raspberry Pi's firmware says of voltage and heat: one word of bits, `get_throttled`.
//!
//! Raspberry Pi's kernel has it as a file, `vcgencmd get_throttled` prints it elsewhere. Bits as the documentation of
//! vcgencmd gives them: those of now in the low half, those since boot in the high one.

use crate::root::{Command, Root, shown};

const PLATFORM: &str = "sys/bus/platform/devices";
const VCGENCMD: Command = Command::new("vcgencmd-get-throttled", "vcgencmd", &["get_throttled"]);

const LOW_VOLTAGE: u32 = 0x1;
const CLOCK_CAPPED: u32 = 0x2;
const THROTTLED: u32 = 0x4;
const SOFT_LIMIT: u32 = 0x8;

/// The firmware's word. Heat and low voltage both cap the clock, so that not every word tells which of them it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled(u32);

impl Throttled {
    pub fn low_voltage_now(self) -> bool {
        self.0 & LOW_VOLTAGE != 0
    }

    pub fn low_voltage_since_boot(self) -> bool {
        self.0 >> 16 & LOW_VOLTAGE != 0
    }

    /// Whether heat slows it now; `None` if it is slow and its voltage low.
    pub fn heat_now(self) -> Option<bool> {
        heat(self.0 & 0xffff)
    }

    pub fn heat_since_boot(self) -> Option<bool> {
        heat(self.0 >> 16)
    }

    /// `50005` or `0x50005`.
    fn parse(text: &str) -> Option<Throttled> {
        let digits = text.trim();
        u32::from_str_radix(digits.strip_prefix("0x").unwrap_or(digits), 16).ok().map(Throttled)
    }
}

fn heat(bits: u32) -> Option<bool> {
    if bits & SOFT_LIMIT != 0 {
        return Some(true);
    }
    match (bits & (CLOCK_CAPPED | THROTTLED) != 0, bits & LOW_VOLTAGE != 0) {
        (false, _) => Some(false),
        (true, false) => Some(true),
        (true, true) => None,
    }
}

/// What there is of it on this machine.
#[derive(Debug)]
pub enum Firmware {
    Other,
    Told { throttled: Throttled, source: String },
    Silent { reason: String },
}

pub fn read(root: &Root) -> Firmware {
    let names = root.list(PLATFORM).unwrap_or_default();
    let paths = names.iter().filter(|name| name.ends_with(":firmware"));
    for path in paths.map(|name| format!("{PLATFORM}/{name}/get_throttled")) {
        if let Some(throttled) = root.read(&path).ok().and_then(|text| Throttled::parse(&text)) {
            return Firmware::Told { throttled, source: shown(&path) };
        }
    }
    let compatible = root.read("proc/device-tree/compatible").unwrap_or_default();
    if !compatible.split('\0').any(|board| board.starts_with("raspberrypi,")) {
        return Firmware::Other;
    }
    match root.run(&VCGENCMD) {
        Err(error) => Firmware::Silent { reason: error.to_string() },
        Ok(text) => match text.trim().strip_prefix("throttled=").and_then(Throttled::parse) {
            Some(throttled) => Firmware::Told { throttled, source: "vcgencmd get_throttled".to_owned() },
            None => Firmware::Silent { reason: "vcgencmd get_throttled prints no number".to_owned() },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::{Node, Tree};

    #[test]
    fn low_voltage_and_heat_are_told_apart_where_the_word_does() {
        let word = |bits: u32| (Throttled(bits).low_voltage_now(), Throttled(bits).heat_now());
        assert_eq!(word(0), (false, Some(false)));
        assert_eq!(word(0x1), (true, Some(false)));
        assert_eq!(word(0x2), (false, Some(true)));
        assert_eq!(word(0x5), (true, None));
        assert_eq!(word(0xd), (true, Some(true)));
        let earlier = Throttled(0x80000);
        assert_eq!((earlier.heat_now(), earlier.heat_since_boot()), (Some(false), Some(true)));
        assert!(Throttled(0x50000).low_voltage_since_boot());
    }

    #[test]
    fn the_file_comes_before_the_command_and_only_a_pi_is_asked() {
        let mut tree = Tree::default();
        tree.put(".edgeorch/commands/vcgencmd-get-throttled", Node::File("throttled=0x50000\n".into()));
        assert!(matches!(read(&Root::of(tree.clone())), Firmware::Other));
        tree.put("proc/device-tree/compatible", Node::File("raspberrypi,5-model-b\0brcm,bcm2712\0".into()));
        let Firmware::Told { throttled, source } = read(&Root::of(tree.clone())) else { panic!("not told") };
        assert_eq!((throttled, source.as_str()), (Throttled(0x50000), "vcgencmd get_throttled"));
        tree.put(&format!("{PLATFORM}/soc:firmware/get_throttled"), Node::File("5\n".into()));
        let Firmware::Told { throttled, .. } = read(&Root::of(tree)) else { panic!("not told") };
        assert_eq!(throttled, Throttled(5));
    }

    #[test]
    fn what_is_no_number_is_not_read_as_one() {
        for text in ["", "0x", "yes", "1ffffffff", "-1"] {
            assert_eq!(Throttled::parse(text), None, "{text}");
        }
    }
}
