//! Every shape that AMD's tools have had.

use edgeorch_engines::contract::Bytes;
use proptest::prelude::*;

use super::*;
use crate::root::{Node, Tree};
use crate::tests::captured::captures;

fn captured(name: &str) -> Option<Vec<Reading>> {
    let text = std::fs::read_to_string(captures("amd")?.join(name)).unwrap();
    Some(rocm_smi::parse(&text).unwrap())
}

#[test]
fn one_card_is_the_same_in_four_versions_of_rocm() {
    let versions = [
        ("rx6700xt_rocm430.json", None, None, Some(6.0)),
        ("rx6700xt_rocm571.json", Some("Navi 22 [Radeon RX 6700/6700 XT / 6800M]"), None, Some(6.0)),
        ("rx6700xt_rocm602.json", Some("Navi 22 [Radeon RX 6700/6700 XT / 6800M]"), None, None),
        (
            "rx6700xt_rocm612.json",
            Some("Navi 22 [Radeon RX 6700/6700 XT / 6800M]"),
            Some("gfx1031"),
            Some(6.0),
        ),
    ];
    for (file, name, target, draw) in versions {
        let Some(cards) = captured(file) else { return };
        let [card] = cards.as_slice() else { panic!("{file}: {} cards", cards.len()) };
        assert_eq!((card.device, card.address.as_deref()), (Some(0x73df), Some("0000:07:00.0")), "{file}");
        assert_eq!((card.name.as_deref(), card.target.as_deref()), (name, target), "{file}");
        assert_eq!((card.draw_watts, card.limit_watts), (draw, Some(211.0)), "{file}");
        assert_eq!(
            (card.vram.unwrap().total, card.gtt.unwrap().total),
            (Bytes(12_868_124_672), Bytes(16_792_432_640))
        );
        assert_eq!((card.celsius, card.memory_mhz), (Some(45.0), Some(96)), "{file}");
        assert_eq!(card.link, Some(LaneRate { generation: 4, width: 16 }), "{file}");
        assert_eq!((card.unique_id, card.driver_version.as_deref()), (None, Some("6.3.6")), "{file}");
    }
}

#[test]
fn servers_have_several_cards_each_with_its_address() {
    let Some(cards) = captured("mi100_rocm602.json") else { return };
    assert_eq!(cards[0].device, Some(0x738c));
    assert_eq!((cards[0].limit_watts, cards[0].draw_watts), (Some(290.0), Some(36.0)));
    assert_eq!(cards[0].unique_id, Some(0x79cc_d551_67a2_124a));
    let addresses: std::collections::BTreeSet<_> = cards.iter().map(|card| &card.address).collect();
    assert_eq!(addresses.len(), cards.len());

    let older = captured("mi100_rocm571.json").unwrap();
    assert_eq!(older[0].address.as_deref(), Some("0000:1e:00.0"));
    assert_eq!((older[0].limit_watts, older[0].draw_watts), (Some(290.0), Some(39.0)));
}

#[test]
fn older_cards_without_some_fields_still_have_the_others() {
    let Some(cards) = captured("vega-10-XT.json") else { return };
    assert_eq!((cards[0].device, cards[0].name.as_deref()), (Some(0x6861), None));
    assert_eq!(cards[0].vram.unwrap().used, Some(Bytes(17_776_640)));
    let cards = captured("vega-20-WKS-GL-XE.json").unwrap();
    assert_eq!(cards[0].name.as_deref(), Some("Radeon Instinct MI50 32GB"));
    assert_eq!((cards[0].device, cards[0].core_mhz), (Some(0x66a1), Some(1725)));
}

const STATIC: &str = r#"[{"gpu": 0, "asic": {"market_name": "AMD Radeon RX 7900 XTX", "device_id": "0x744c", "rev_id": "0xc8",
  "asic_serial": "0x1F2E3D4C5B6A7988", "target_graphics_version": "gfx1100",
  "num_compute_units": 96}, "bus": {"bdf": "0000:0c:00.0"},
  "vram": {"type": "GDDR6", "size": {"value": 24560, "unit": "MB"}}, "driver": {"name": "amdgpu", "version": "6.12.12"},
  "limit": {"max_power": {"value": 339, "unit": "W"}, "socket_power": {"value": 339, "unit": "W"}}}]"#;
const METRIC: &str = r#"[{"gpu": 0, "power": {"socket_power": {"value": 18, "unit": "W"}}, "clock": {
  "gfx_0": {"clk": {"value": 41, "unit": "MHz"}, "max_clk": {"value": 3220, "unit": "MHz"}},
  "mem_0": {"clk": "N/A"}}, "temperature": {"edge": "N/A", "hotspot": {"value": 47, "unit": "C"}},
  "mem_usage": {"total_vram": {"value": 24560, "unit": "MB"}, "used_vram": {"value": 560, "unit": "MB"},
  "total_gtt": {"value": 15943, "unit": "MB"}, "used_gtt": "N/A"}}]"#;

#[test]
fn amd_smi_is_read_with_and_without_its_wrapping() {
    let wrap = |text: &str| format!("WARNING: no group\n{{\"gpu_data\": {text}}}\n");
    let plain = amd_smi::parse(STATIC, Some(METRIC)).unwrap();
    assert_eq!(plain, amd_smi::parse(&wrap(STATIC), Some(&wrap(METRIC))).unwrap());
    let card = &plain[0];
    assert_eq!(
        (card.device, card.revision, card.address.as_deref()),
        (Some(0x744c), Some(0xc8), Some("0000:0c:00.0"))
    );
    assert_eq!((card.unique_id, card.target.as_deref()), (Some(0x1f2e_3d4c_5b6a_7988), Some("gfx1100")));
    assert_eq!(card.vram, Some(Pool { total: Bytes(24560 << 20), used: Some(Bytes(560 << 20)) }));
    assert_eq!(card.gtt, Some(Pool { total: Bytes(15943 << 20), used: None }));
    assert_eq!(
        (card.draw_watts, card.limit_watts, card.limit_max_watts),
        (Some(18.0), Some(339.0), Some(339.0))
    );
    assert_eq!((card.core_mhz, card.core_max_mhz, card.memory_mhz), (Some(41), Some(3220), None));
    assert_eq!((card.celsius, card.compute_units), (Some(47.0), Some(96)));
}

#[test]
fn without_metrics_the_size_of_memory_still_stands() {
    for metric in [None, Some(""), Some("[]"), Some("not json")] {
        let card = &amd_smi::parse(STATIC, metric).unwrap()[0];
        assert_eq!(card.vram, Some(Pool { total: Bytes(24560 << 20), used: None }), "{metric:?}");
    }
}

#[test]
fn what_is_no_json_is_an_error_and_what_is_empty_holds_no_cards() {
    assert!(matches!(rocm_smi::parse("WARNING: {no"), Err(SmiError::Json { .. })));
    for nothing in ["", "null", "[]", "{}", "{\"card0\": 1, \"cardx\": {}, \"system\": []}", "No AMD GPUs"] {
        assert!(rocm_smi::parse(nothing).map_or(true, |cards| cards.is_empty()), "{nothing}");
        assert!(amd_smi::parse(nothing, None).map_or(true, |cards| cards.is_empty()), "{nothing}");
    }
}

fn machine(commands: &[(&str, &str)]) -> Root {
    let mut tree = Tree::default();
    for (name, text) in commands {
        tree.put(&format!(".edgeorch/commands/{name}"), Node::File((*text).into()));
    }
    Root::of(tree)
}

#[test]
fn the_newer_tool_is_asked_where_the_older_one_fails_but_not_where_it_hangs() {
    let neither = ask(&machine(&[])).unwrap_err();
    assert_eq!(neither.to_string(), "rocm-smi is not installed");
    let newer = machine(&[("amd-smi-static.json", STATIC), ("amd-smi-metric.json", METRIC)]);
    assert_eq!(ask(&newer).unwrap()[0].core_mhz, Some(41));
    let hangs = machine(&[
        ("rocm-smi.json.failed", r#"{"timed_out": {"program": "rocm-smi"}}"#),
        ("amd-smi-static.json", STATIC),
    ]);
    assert!(matches!(ask(&hangs), Err(SmiError::Run(RunError::TimedOut { .. }))));
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "[\\[{]?(\"(card0|gpu|asic|gpu_data)\": ?[\\[{\"0-9]*,?)*.*") {
        let _ = rocm_smi::parse(&text);
        let _ = amd_smi::parse(&text, Some(&text));
    }
}
