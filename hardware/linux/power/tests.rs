use edgeorch_engines::contract::host::{PowerSupply, UnderVoltage};

use super::*;
use crate::linux::pi;
use crate::root::{Node, Tree};
use crate::tests::{captured, machines::machine};

fn machine_with(files: &[(&str, &str)]) -> Root {
    let mut tree = Tree::default();
    tree.put("sys/class/power_supply", Node::Folder);
    for (path, text) in files {
        tree.put(&format!("sys/class/{path}"), Node::File((*text).into()));
    }
    Root::of(tree)
}

fn power(root: &Root) -> (Power, Findings) {
    let mut findings = Findings::default();
    (probe(root, &pi::read(root), &mut findings), findings)
}

const AC: [(&str, &str); 2] = [("power_supply/AC/type", "Mains\n"), ("power_supply/AC/online", "0\n")];

#[test]
fn nothing_is_known_of_the_supply_where_nothing_reports_one() {
    let (power, findings) = power(&machine_with(&[]));
    assert_eq!(power.supply, None);
    assert_eq!(findings.unknown_fields(), ["power.supply"]);
    assert!(findings.tells_of("power.batteries") && findings.tells_of("power.rapl"));
}

#[test]
fn a_mouse_powers_nothing() {
    let (power, _) = power(&machine_with(&[
        ("power_supply/hidpp_battery_0/type", "Battery\n"),
        ("power_supply/hidpp_battery_0/scope", "Device\n"),
        ("power_supply/hidpp_battery_0/status", "Discharging\n"),
    ]));
    assert_eq!((power.supply, power.batteries), (None, vec![]));
}

#[test]
fn the_supply_is_the_one_that_is_online_or_what_the_battery_implies() {
    let supply = |files: &[(&str, &str)]| power(&machine_with(files)).0.supply;
    let status = |status| [("power_supply/BAT1/type", "Battery\n"), ("power_supply/BAT1/status", status)];
    assert_eq!(supply(&[&AC[..], &status("Discharging\n")].concat()), Some(PowerSupply::Battery));
    assert_eq!(supply(&[&AC[..], &status("Unknown\n")].concat()), Some(PowerSupply::Battery));
    assert_eq!(supply(&status("Not charging\n")), Some(PowerSupply::Mains));
    assert_eq!(supply(&status("Unknown\n")), None);
    assert_eq!(supply(&AC), None, "offline, and no battery: one of them is wrong");
    let usb = [("power_supply/usb/type", "USB_PD\n"), ("power_supply/usb/online", "1\n")];
    assert_eq!(supply(&[&usb[..], &status("Discharging\n")].concat()), Some(PowerSupply::Mains));
}

#[test]
fn a_battery_tells_only_what_makes_sense() {
    let (power, findings) = power(&machine_with(&[
        ("power_supply/BAT0/type", "Battery"),
        ("power_supply/BAT0/capacity", "250"),
        ("power_supply/BAT0/energy_now", "x"),
        ("power_supply/BAT0/charge_now", "30"),
        ("power_supply/BAT0/charge_full", "60"),
        ("power_supply/BAT0/charge_full_design", "0"),
        ("power_supply/BAT0/cycle_count", "-1"),
        ("power_supply/BAT0/status", "\u{fffd}\u{7}"),
        ("power_supply/BAT1/type", "Battery"),
        ("power_supply/BAT1/present", "0"),
    ]));
    let [battery] = power.batteries.as_slice() else { panic!("{:?}", power.batteries) };
    let facts = (battery.percent, battery.status.as_deref(), battery.health_percent, battery.cycles);
    assert_eq!(facts, (Some(50), None, None, None));
    for field in ["status", "health_percent", "cycles"] {
        assert!(findings.tells_of(&format!("power.batteries[0].{field}")), "{field}");
    }
}

#[test]
fn power_limits_are_told_without_those_that_are_broken() {
    let (power, _) = power(&machine_with(&[
        ("powercap/intel-rapl:0/name", "package-0"),
        ("powercap/intel-rapl:0/constraint_0_power_limit_uw", "N/A"),
        ("powercap/intel-rapl:0/constraint_1_power_limit_uw", "25000000"),
        ("powercap/intel-rapl:1/constraint_0_power_limit_uw", "1"),
        ("powercap/dtpm/enabled", "0"),
    ]));
    let [domain] = power.rapl.as_slice() else { panic!("{:?}", power.rapl) };
    assert_eq!((domain.limits.len(), domain.limits[0].watts, domain.energy_readable), (1, 25.0, None));
}

#[test]
fn the_kernel_s_own_sensor_tells_of_now_alone() {
    let sensor = |alarm| {
        let root =
            machine_with(&[("hwmon/hwmon1/name", "rpi_volt\n"), ("hwmon/hwmon1/in0_lcrit_alarm", alarm)]);
        power(&root).0.under_voltage
    };
    assert_eq!(sensor("0\n"), Some(UnderVoltage { now: false, since_boot: None }));
    assert_eq!(sensor("1\n"), Some(UnderVoltage { now: true, since_boot: Some(true) }));
    assert_eq!(sensor("?\n"), None);
}

#[test]
fn an_old_laptop_in_its_saving_mode() {
    let power = machine("laptop-on-battery-power-saver").power;
    assert_eq!(power.supply, Some(PowerSupply::Battery));
    assert_eq!((power.batteries.len(), power.batteries[0].health_percent), (1, Some(61)));
    let saving: Vec<_> = power.modes.iter().filter(|mode| mode.saves_power == Some(true)).collect();
    let names: Vec<_> = saving.iter().map(|mode| (mode.interface.as_str(), mode.value.as_str())).collect();
    assert_eq!(names, [("platform_profile", "low-power"), ("energy_performance_preference", "power")]);
    let domains: Vec<_> = power.rapl.iter().map(|domain| domain.name.as_str()).collect();
    assert_eq!(domains, ["package-0", "core", "uncore", "dram", "psys"]);
}

#[test]
fn a_weak_supply_is_told_and_a_jetson_s_mode_by_name() {
    let told = machine("raspberry-pi-5-under-voltage").power.under_voltage;
    assert_eq!(told, Some(UnderVoltage { now: true, since_boot: Some(true) }));
    let modes = machine("jetson-orin-nano-15w").power.modes;
    let mode = modes.iter().find(|mode| mode.interface == "nvpmodel").unwrap();
    assert_eq!((mode.value.as_str(), mode.saves_power), ("15W", Some(true)));
}

#[test]
fn energy_counters_that_are_root_s_are_said_to_be() {
    let host = machine("server-rapl-denied");
    assert_eq!(host.power.rapl.len(), 4);
    for (i, domain) in host.power.rapl.iter().enumerate() {
        assert_eq!(domain.energy_readable, Some(false));
        let field = format!("power.rapl[{i}].energy_readable");
        let unknown = host.unknown.iter().find(|unknown| unknown.field == field).unwrap();
        assert_eq!(unknown.remedy.as_deref(), Some("run the audit as root"));
    }
    assert_eq!(host.power.modes[0].saves_power, Some(true));
}

/// The values are those that node_exporter's own tests expect of this tree.
#[test]
fn the_tree_of_node_exporter_is_read() {
    let Some(folder) = captured::captures("trees") else { return };
    let root = Root::of(crate::capture::open(&folder.join("node_exporter-sys.ttar")).unwrap());
    let (power, _) = power(&root);
    assert_eq!(power.supply, Some(PowerSupply::Battery));
    let battery = &power.batteries[0];
    let facts = (battery.name.as_str(), battery.percent, battery.health_percent, battery.cycles);
    assert_eq!(facts, ("BAT0", Some(81), Some(95), None));
    let rapl: Vec<_> = power.rapl.iter().map(|domain| (domain.name.as_str(), domain.limits.len())).collect();
    assert_eq!(rapl, [("package-0", 2), ("core", 1)]);
    assert_eq!(power.rapl[0].limits[0].watts, 4090.0);
    assert_eq!(power.rapl[0].limits[0].window_seconds, Some(0.999424));
    assert_eq!(power.rapl[0].energy_readable, Some(true));
    assert_eq!((power.rapl[1].limits[0].enabled, power.under_voltage), (Some(false), None));
}
