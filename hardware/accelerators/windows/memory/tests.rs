use super::*;

const ARC: &str = r"PCI\VEN_8086&DEV_56A1&SUBSYS_10218086&REV_08\6&1";
const XE: &str = r"PCI\VEN_8086&DEV_7D55&SUBSYS_0B2A1028&REV_08\3&1";

fn memory(id: &str, own: Option<u64>, json: &str) -> (DeviceMemory, Findings) {
    let mut findings = Findings::default();
    let answer = Answer::parse(json).unwrap();
    let memory = probe(&Identity::parse(id).unwrap(), own, Some(&answer), &mut findings);
    (memory, findings)
}

fn entry(device: u16, board: u32, luid: u64, dedicated: u64) -> String {
    format!(
        r#"{{"VendorId": 32902, "DeviceId": {device}, "SubSysId": {board}, "AdapterLuid": {luid},
            "DedicatedVideoMemory": {dedicated}, "SharedSystemMemory": 1000}}"#
    )
}

#[test]
fn an_adapter_s_entry_is_the_one_that_is_in_use() {
    let json = format!(
        r#"{{"directx": [{}, {}], "usage": [{{"Name": "luid_0x00000000_0x0000000A_phys_0", "DedicatedUsage": 7, "SharedUsage": 1}}]}}"#,
        entry(0x56a1, 0x1021_8086, 9, 300),
        entry(0x56a1, 0x1021_8086, 10, 400)
    );
    let (memory, _) = memory(ARC, None, &json);
    assert_eq!((memory.total, memory.free), (Some(Bytes(400)), Some(Bytes(393))));
    assert_eq!(memory.kind, Some(MemoryKind::Dedicated));
}

#[test]
fn of_two_equal_cards_nobody_knows_whose_use_is_whose() {
    let json = format!(
        r#"{{"directx": [{}, {}], "usage": [{{"Name": "luid_0x00000000_0x00000009_phys_0", "DedicatedUsage": 7, "SharedUsage": 1}},
            {{"Name": "luid_0x00000000_0x0000000A_phys_0", "DedicatedUsage": "8", "SharedUsage": 1}}]}}"#,
        entry(0x56a1, 0x1021_8086, 9, 400),
        entry(0x56a1, 0x1021_8086, 10, 400)
    );
    let (memory, findings) = memory(ARC, Some(500), &json);
    assert_eq!((memory.total, memory.free), (Some(Bytes(500)), None));
    assert!(findings.unknown_fields().contains(&"memory.free"));
}

#[test]
fn a_graphics_unit_of_the_processor_shares_its_memory() {
    let json = format!(r#"{{"directx": {}, "usage": null}}"#, entry(0x7d55, 0x0b2a_1028, 9, 128));
    let (memory, _) = memory(XE, Some(2 << 30), &json);
    assert_eq!(
        (memory.kind, memory.total, memory.free),
        (Some(MemoryKind::Unified), Some(Bytes(1128)), None)
    );
    assert_eq!(memory.parts.len(), 2);
}

#[test]
fn an_unlisted_device_is_neither() {
    let (memory, findings) =
        memory(r"PCI\VEN_8086&DEV_FFFE\1", Some(1 << 30), r#"{"directx": null, "usage": {"failed": "x"}}"#);
    assert_eq!((memory.kind, memory.total), (None, None));
    assert_eq!(memory.parts[0].total, Bytes::gib(1));
    assert!(findings.unknown_fields().contains(&"memory.kind"));
}

#[test]
fn identities_of_counters_are_two_halves() {
    assert_eq!(luid("luid_0x00000001_0x00013164_phys_0"), Some(0x1_0001_3164));
    for name in ["", "luid_0x1", "_Total", "luid_0xffffffffff_0x1_phys_0"] {
        assert_eq!(luid(name), None, "{name}");
    }
}
