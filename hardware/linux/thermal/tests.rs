use super::*;
use crate::linux::pi;
use crate::root::{Node, Tree};
use crate::tests::{captured, machines::machine};

fn thermal(root: &Root) -> (Thermal, Findings) {
    let mut findings = Findings::default();
    (probe(root, &pi::read(root), &mut findings), findings)
}

fn root_with(files: &[(&str, &str)]) -> Root {
    let mut tree = Tree::default();
    for (path, text) in files {
        tree.put(&format!("sys/{path}"), Node::File((*text).into()));
    }
    Root::of(tree)
}

#[test]
fn trip_points_that_mean_none_are_none() {
    let zone = "class/thermal/thermal_zone0";
    let files: Vec<(String, &str)> = [
        ("type", "pch\n"),
        ("temp", "-274000\n"),
        ("trip_point_0_type", "passive\n"),
        ("trip_point_0_temp", "-274000\n"),
        ("trip_point_1_type", "passive\n"),
        ("trip_point_1_temp", "0\n"),
        ("trip_point_2_type", "passive\n"),
        ("trip_point_2_temp", "95000\n"),
        ("trip_point_3_type", "passive\n"),
        ("trip_point_3_temp", "85000\n"),
        ("trip_point_4_type", "critical\n"),
        ("trip_point_4_temp", "2147483647\n"),
        ("trip_point_5_type", "hot\n"),
        ("trip_point_5_temp", "90000\n"),
    ]
    .map(|(name, text)| (format!("{zone}/{name}"), text))
    .into();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let (thermal, findings) = thermal(&root_with(&files));
    let expected = ThermalZone {
        name: "pch".into(),
        celsius: None,
        slows_at_celsius: Some(85.0),
        critical_celsius: None,
    };
    assert_eq!(thermal.zones, [expected]);
    assert_eq!(
        findings.source("thermal.zones[0].critical_celsius"),
        Some("/sys/class/thermal/thermal_zone0: none is set")
    );
    assert!(findings.unknown_fields().contains(&"thermal.zones[0].celsius"));
}

#[test]
fn the_kernel_s_brake_on_the_clock_tells_of_now_and_a_fan_does_not() {
    let now = |kind, state| {
        let files = [
            ("class/thermal/cooling_device0/type", kind),
            ("class/thermal/cooling_device0/cur_state", state),
        ];
        thermal(&root_with(&files)).0.throttled_now
    };
    assert_eq!(now("cpufreq-cpu0\n", "3\n"), Some(true));
    assert_eq!(now("thermal-cpufreq-1\n", "0\n"), Some(false));
    assert_eq!(now("pwm-fan\n", "3\n"), None);
    assert_eq!(now("Processor\n", "0\n"), None, "the hardware may slow itself down");
}

#[test]
fn threads_of_a_core_have_counted_the_same_events() {
    let cpu = |cpu: u32, core: &'static str, package: &'static str, counts: [&'static str; 2]| {
        let folder = format!("devices/system/cpu/cpu{cpu}");
        [
            (format!("{folder}/topology/core_id"), core),
            (format!("{folder}/topology/physical_package_id"), package),
            (format!("{folder}/thermal_throttle/core_throttle_count"), counts[0]),
            (format!("{folder}/thermal_throttle/package_throttle_count"), counts[1]),
        ]
    };
    let files: Vec<(String, &str)> = [
        cpu(0, "0", "0", ["5", "30"]),
        cpu(1, "0", "0", ["4", "29"]),
        cpu(2, "0", "1", ["1", "2"]),
        cpu(3, "1", "1", ["", "x"]),
    ]
    .into_iter()
    .flatten()
    .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let counts: Vec<_> = thermal(&root_with(&files))
        .0
        .throttle_counts
        .into_iter()
        .map(|count| (count.name, count.count))
        .collect();
    assert_eq!(counts, [("core".to_owned(), 6), ("package".to_owned(), 32)]);
}

#[test]
fn a_raspberry_pi_s_firmware_tells_of_heat_and_does_not_count() {
    let cool = machine("raspberry-pi-5-hailo-8l").thermal;
    assert_eq!((cool.throttled_now, cool.throttle_counts[0].count), (Some(false), 0));
    let host = machine("raspberry-pi-5-hailo-10h");
    assert_eq!((host.thermal.throttled_now, host.thermal.throttle_counts.len()), (Some(false), 0));
    assert!(host.unknown.iter().any(|unknown| unknown.field == "thermal.throttle_counts"));
    assert_eq!(machine("raspberry-pi-5-under-voltage").thermal.throttled_now, None);
}

#[test]
fn a_laptop_s_processor_is_one_zone_and_zones_without_sensors_give_no_temperature() {
    let thermal = machine("laptop-on-battery-power-saver").thermal;
    let zones: Vec<_> = thermal.zones.iter().map(|zone| (zone.name.as_str(), zone.celsius)).collect();
    let expected = [
        ("acpitz", None),
        ("pch_cometlake", Some(44.5)),
        ("iwlwifi_1", None),
        ("coretemp Package id 0", Some(52.0)),
    ];
    assert_eq!(zones, expected);
    assert_eq!(thermal.zones[3].slows_at_celsius, Some(100.0));
    let counts: Vec<u64> = thermal.throttle_counts.iter().map(|count| count.count).collect();
    assert_eq!(counts, [22, 96]);
}

/// The values are those that node_exporter's own tests expect of this tree.
#[test]
fn the_tree_of_node_exporter_is_read() {
    let Some(folder) = captured::captures("trees") else { return };
    let root = Root::of(crate::capture::open(&folder.join("node_exporter-sys.ttar")).unwrap());
    let (thermal, _) = thermal(&root);
    let zones: Vec<_> =
        thermal.zones.iter().map(|zone| (zone.name.as_str(), zone.celsius, zone.slows_at_celsius)).collect();
    let sensor = ("coretemp Physical id 0", Some(55.0), Some(100.0));
    assert_eq!(zones, [("cpu-thermal", Some(12.4), None), sensor, sensor]);
    let counts: Vec<_> =
        thermal.throttle_counts.iter().map(|count| (count.name.as_str(), count.count)).collect();
    assert_eq!(counts, [("core", 14), ("package", 36)]);
    assert_eq!(thermal.throttled_now, None, "its cooling device is ACPI's");
}
