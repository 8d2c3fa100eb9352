//! Under-voltage: Raspberry Pis notice when their supply or cable is too weak, and slow down.

use edgeorch_engines::contract::host::UnderVoltage;

use crate::Root;
use crate::findings::Findings;
use crate::linux::class;
use crate::linux::pi::Firmware;
use crate::root::shown;

const FIELD: &str = "power.under_voltage";

pub fn probe(root: &Root, firmware: &Firmware, findings: &mut Findings) -> Option<UnderVoltage> {
    if let Firmware::Told { throttled, source } = firmware {
        findings.known(FIELD, source);
        let (now, since_boot) = (throttled.low_voltage_now(), Some(throttled.low_voltage_since_boot()));
        return Some(UnderVoltage { now, since_boot });
    }
    if let Some(path) = sensor(root)
        && let Some(alarm) = class::number(root, &path)
    {
        findings.known(FIELD, shown(&path));
        // Linux's own driver asks and forgets every two seconds.
        let since_boot = (alarm != 0).then_some(true);
        if since_boot.is_none() {
            let reason = "the kernel's sensor tells of the last seconds only";
            findings.unknown_but("power.under_voltage.since_boot", reason, "look for Undervoltage in dmesg");
        }
        return Some(UnderVoltage { now: alarm != 0, since_boot });
    }
    match firmware {
        Firmware::Silent { reason } => {
            findings.unknown_but(FIELD, reason, "vcgencmd get_throttled, as a member of the group video");
        }
        _ if root.exists("sys/class") => {
            findings.none(FIELD, "no detector of the kind that Raspberry Pis have");
        }
        _ => findings.unknown(FIELD, "/sys is not there"),
    }
    None
}

/// The alarm file of the sensor that the kernel's driver raspberrypi-hwmon makes.
fn sensor(root: &Root) -> Option<String> {
    let names = class::entries(root, "hwmon").unwrap_or_default();
    let folder = names
        .into_iter()
        .map(|name| format!("sys/class/hwmon/{name}"))
        .find(|folder| class::word(root, &format!("{folder}/name")).as_deref() == Some("rpi_volt"))?;
    Some(format!("{folder}/in0_lcrit_alarm"))
}
