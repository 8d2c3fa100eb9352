//! Arm's Mali below its own driver, as Android phones have it: `/sys/class/misc/mali0/device`.

use edgeorch_engines::contract::host::{AcceleratorKind, Driver, Vendor};

use super::super::Sighting;
use crate::Root;
use crate::findings::{Findings, printable};

const DEVICE: &str = "sys/class/misc/mali0/device";

pub fn probe(root: &Root) -> Option<Sighting> {
    if !root.exists("sys/class/misc/mali0") && !root.exists("dev/mali0") {
        return None;
    }
    let mut findings = Findings::default();
    let mut gpu = super::begin(AcceleratorKind::Gpu, Vendor::Arm, "the mali driver", &mut findings);
    if let Some(text) = findings.take("name", root.read(&format!("{DEVICE}/gpuinfo"))) {
        let info = Info::parse(&text);
        let source = format!("/{DEVICE}/gpuinfo");
        gpu.name = findings.learn("name", &source, printable(info.name));
        gpu.cores = info.cores;
    }
    match gpu.cores {
        Some(_) => findings.known("cores", format_args!("/{DEVICE}/gpuinfo")),
        None => findings.unknown("cores", "the driver does not tell, or not to this user"),
    }
    gpu.driver = Some(Driver { name: "mali".to_owned(), version: None });
    findings.known("driver", "/sys/class/misc/mali0");
    findings.none("driver.version", "a part of the kernel");
    // Its platform device, such as 1f000000.mali, names its clocks too.
    let link = root.link(DEVICE).ok();
    let place = link.as_deref().and_then(|target| target.rsplit('/').next()).unwrap_or("mali0");
    let clock = |name: &str| format!("sys/class/devfreq/{place}/{name}");
    gpu.clocks = super::clocks(root, &clock("cur_freq"), &clock("max_freq"), &mut findings);
    gpu.apis = super::android_apis(root, "vulkan.mali.so", &mut findings);
    super::unknown_all(
        &mut findings,
        &["target", "temperature_celsius", "throttling"],
        "the driver does not tell",
    );
    Some(Sighting { accelerator: gpu, findings })
}

/// `Mali-G715 7 cores r1p0 0xA8020010`.
#[derive(Debug, PartialEq)]
struct Info<'a> {
    name: &'a str,
    cores: Option<u32>,
}

impl Info<'_> {
    fn parse(text: &str) -> Info<'_> {
        let text = text.trim();
        let before = text.split_once(" cores").map(|(before, _)| before);
        match before.and_then(|before| before.rsplit_once(' ')) {
            Some((name, count)) => {
                Info { name: name.trim(), cores: count.parse().ok().filter(|count| *count > 0) }
            }
            None => Info { name: text.split(' ').next().unwrap_or_default(), cores: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn name_and_cores_come_in_one_line() {
        let info = Info::parse("Mali-G57 2 cores r0p1 0x9093\n");
        assert_eq!(info, Info { name: "Mali-G57", cores: Some(2) });
        assert_eq!(Info::parse("Mali-T604 0x6956"), Info { name: "Mali-T604", cores: None });
        assert_eq!(Info::parse("Mali-G78 many cores").cores, None);
        assert_eq!(Info::parse("").name, "");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[A-Za-z0-9 \\-]{0,20}( cores)?.{0,9}") {
            Info::parse(&text);
        }
    }
}
