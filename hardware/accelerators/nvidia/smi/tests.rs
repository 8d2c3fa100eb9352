use edgeorch_engines::contract::host::{LaneRate, Throttle};
use proptest::prelude::*;

use super::super::report::Ids;
use super::*;

fn report(gpus: &str) -> String {
    format!(
        "<?xml version=\"1.0\" ?>\n<!DOCTYPE nvidia_smi_log SYSTEM \"nvsmi_device_v12.dtd\">\n<nvidia_smi_log><driver_version>535.183.01</driver_version><cuda_version>12.2</cuda_version><attached_gpus>1</attached_gpus>{gpus}</nvidia_smi_log>"
    )
}

fn only(gpu: &str) -> Gpu {
    let [gpu] =
        read(&report(&format!("<gpu id=\"00000000:01:00.0\">{gpu}</gpu>"))).unwrap().try_into().unwrap();
    gpu
}

#[test]
fn a_gpu_of_which_nothing_is_said_is_there_all_the_same() {
    let gpu = only("");
    assert_eq!((gpu.index, gpu.address.as_deref()), (Said::Value(0), Some("0000:01:00.0")));
    assert_eq!((gpu.driver, gpu.runtime), (Said::Value("535.183.01".into()), Said::Value("12.2".into())));
    assert_eq!((gpu.name, gpu.memory_total, gpu.throttling), (Said::Nothing, Said::Nothing, Said::Nothing));
    assert_eq!(gpu.lost, None);
}

#[test]
fn the_index_is_the_place_only_if_none_is_missing() {
    let two = "<gpu id=\"00000000:01:00.0\"/><gpu id=\"00000000:02:00.0\"/>";
    let gpus = read(&report(two)).unwrap();
    assert_eq!(gpus.iter().map(|gpu| gpu.index.clone()).collect::<Vec<_>>(), [Said::Nothing, Said::Nothing]);
}

#[test]
fn reasons_of_both_names_are_read_and_idleness_is_none() {
    for kind in ["throttle", "event"] {
        let gpu = only(&format!(
            "<clocks_{kind}_reasons><clocks_{kind}_reason_gpu_idle>Active</clocks_{kind}_reason_gpu_idle>\
             <clocks_{kind}_reason_sw_power_cap>Not Active</clocks_{kind}_reason_sw_power_cap>\
             <clocks_{kind}_reason_hw_slowdown>N/A</clocks_{kind}_reason_hw_slowdown>\
             <clocks_{kind}_reason_sw_thermal_slowdown>Active</clocks_{kind}_reason_sw_thermal_slowdown></clocks_{kind}_reasons>"
        ));
        assert_eq!(gpu.throttling, Said::Value(vec![Throttle::Thermal]), "{kind}");
    }
    let none = only("<clocks_throttle_reasons>N/A</clocks_throttle_reasons>");
    assert_eq!(none.throttling, Said::Refused("N/A".into()));
    let idle_only = "<clocks_event_reasons><clocks_event_reason_gpu_idle>Active</clocks_event_reason_gpu_idle><clocks_event_reason_sw_power_cap>[N/A]</clocks_event_reason_sw_power_cap></clocks_event_reasons>";
    assert_eq!(only(idle_only).throttling, Said::Refused("N/A".into()));
}

#[test]
fn power_is_read_in_every_generation_and_never_the_module_s() {
    let old = only(
        "<power_readings><power_draw>26.78 W</power_draw><power_limit>80.00 W</power_limit><enforced_power_limit>70.00 W</enforced_power_limit><max_power_limit>75.00 W</max_power_limit></power_readings>",
    );
    let new = only(
        "<gpu_power_readings><average_power_draw>N/A</average_power_draw><instant_power_draw>26.78 W</instant_power_draw><current_power_limit>70.00 W</current_power_limit><max_power_limit>75.00 W</max_power_limit></gpu_power_readings><module_power_readings><average_power_draw>400.00 W</average_power_draw></module_power_readings>",
    );
    for gpu in [old, new] {
        let power = (gpu.power_draw, gpu.power_limit, gpu.power_limit_max);
        assert_eq!(power, (Said::Value(26.78), Said::Value(70.0), Said::Value(75.0)));
    }
    let module = only(
        "<gpu_power_readings><average_power_draw>N/A</average_power_draw></gpu_power_readings><module_power_readings><average_power_draw>400.00 W</average_power_draw></module_power_readings>",
    );
    assert_eq!(module.power_draw, Said::Refused("N/A".into()));
}

#[test]
fn a_link_without_a_generation_or_of_width_0_is_none() {
    let link = |generation: &str, width: &str| {
        only(&format!(
            "<pci><pci_device_id>268410DE</pci_device_id><pci_gpu_link_info><pcie_gen><current_link_gen>{generation}</current_link_gen></pcie_gen><link_widths><current_link_width>{width}</current_link_width></link_widths></pci_gpu_link_info></pci>"
        ))
    };
    let gpu = link("4", "8x");
    assert_eq!(gpu.link_now, Said::Value(LaneRate { generation: 4, width: 8 }));
    assert_eq!(gpu.ids, Some(Ids { vendor: 0x10de, device: 0x2684, subsystem: None }));
    assert_eq!(gpu.link_best, Said::Nothing);
    for (generation, width) in [("N/A", "16x"), ("4", "N/A"), ("0", "0x"), ("4", "16"), ("999", "16x")] {
        assert!(link(generation, width).link_now.refusal().is_some(), "{generation} {width}");
    }
}

#[test]
fn the_states_of_division_are_told_apart() {
    let mode = |words: &str| {
        only(&format!(
            "<mig_mode><current_mig>{words}</current_mig></mig_mode><mig_devices>None</mig_devices>"
        ))
    };
    assert_eq!(mode("N/A").mig, Said::Value(Mig::Impossible));
    assert_eq!(mode("Disabled").mig, Said::Value(Mig::Off));
    assert_eq!((mode("Enabled").mig, mode("Enabled").slices), (Said::Value(Mig::On), vec![]));
    assert_eq!(mode("[Unknown Error]").mig, Said::Refused("Unknown Error".into()));
    assert_eq!(only("").mig, Said::Value(Mig::Impossible));
}

#[test]
fn slices_have_their_names_only_where_both_lists_agree() {
    let slice = "<mig_device><index>0</index><device_attributes><shared><multiprocessor_count>60</multiprocessor_count></shared></device_attributes><fb_memory_usage><total>40448 MiB</total><free>N/A</free></fb_memory_usage></mig_device>";
    let gpu = only(&format!(
        "<uuid>GPU-a</uuid><mig_mode><current_mig>Enabled</current_mig></mig_mode><mig_devices>{slice}</mig_devices>"
    ));
    let named = |list: &str| {
        let mut gpus = [gpu.clone()];
        add_slices(&mut gpus, Ok(list.to_owned()));
        gpus[0].slices[0].clone()
    };
    let one = "GPU 0: A (UUID: GPU-a)\n  MIG 3g.40gb     Device  0: (UUID: MIG-1)\n";
    let part = named(one);
    assert_eq!((part.uuid, part.profile), (Said::Value("MIG-1".into()), Said::Value("3g.40gb".into())));
    assert_eq!((part.memory_total, part.multiprocessors), (Said::Value(40448 << 20), Said::Value(60)));
    assert_eq!(part.memory_free, Said::Refused("N/A".into()));
    let two = format!("{one}  MIG 1g.10gb     Device  1: (UUID: MIG-2)\n");
    assert_eq!(named(&two).uuid, Said::Nothing);
}

#[test]
fn a_gpu_lost_while_asked_is_told_as_lost() {
    let gpu = only(
        "<product_name>GPU is lost</product_name><uuid>GPU is lost</uuid><fb_memory_usage><total>GPU is lost</total></fb_memory_usage>",
    );
    assert_eq!(gpu.lost.as_deref(), Some("GPU is lost"));
}

#[test]
fn what_is_no_report_of_nvidia_smi_is_refused() {
    for text in ["", "No devices were found\n", "<html><body></body></html>", "<nvidia_smi_log><gpu>"] {
        assert!(matches!(read(text), Err(Silence::Unreadable { .. })), "{text}");
    }
}

#[test]
fn capabilities_find_their_gpu_by_address_and_a_chip_s_own_by_index() {
    let mut gpus = read(&report("<gpu id=\"00000000:02:00.0\"/><gpu id=\"N/A\"/>")).unwrap();
    gpus[1].index = Said::Value(0);
    add_capabilities(&mut gpus, Ok("0, [N/A], 8.7\n3, 00000000:02:00.0, [N/A]\n".to_owned()));
    assert_eq!((&gpus[0].index, &gpus[0].target), (&Said::Value(3), &Said::Refused("N/A".into())));
    assert_eq!((&gpus[1].index, &gpus[1].target), (&Said::Value(0), &Said::Value("8.7".into())));
}

proptest! {
    #[test]
    fn any_values_are_read_without_a_panic(words in "[0-9]{0,22}(\\.[0-9]*)?( MiB| W| C| MHz|x)?|\\[?[A-Z/a-z !]{0,12}\\]?") {
        let tags = ["pci/pci_bus_id", "pci/pci_device_id", "fb_memory_usage/total", "temperature/gpu_temp", "mig_mode/current_mig"];
        let elements: String = tags.iter().map(|path| {
            let (section, name) = path.split_once('/').unwrap();
            format!("<{section}><{name}>{words}</{name}></{section}>")
        }).collect();
        only(&elements);
    }
}
