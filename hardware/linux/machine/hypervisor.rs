//! Whether a hypervisor lies below this system, and which.
//!
//! On x86 the CPU itself says that there is one; what it is called is told by firmware, by the kernel's clocks, or by nobody.
//! Elsewhere only firmware and the device tree can tell.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::dmi::Dmi;
use crate::Root;
use crate::linux::cpu::cpuinfo::CpuInfo;
use crate::linux::device_tree;

/// What a layer is called that nothing names.
pub const UNNAMED: &str = "unnamed";
const FLAG: &str = "the hypervisor flag in /proc/cpuinfo";
const CLOCKS: &str = "sys/devices/system/clocksource/clocksource0/available_clocksource";

/// A layer and what tells of it.
pub type Layer = (String, String);

/// `None` on bare metal, and where nothing tells of one.
pub fn below(root: &Root, info: &CpuInfo, dmi: &Dmi) -> Option<Layer> {
    // Xen's first domain is the machine's own system, though it has a hypervisor below.
    if root.read("proc/xen/capabilities").is_ok_and(|text| text.contains("control_d")) {
        return None;
    }
    let flags = info.first("flags");
    let says = flags.map(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor"));
    let firmware = by_firmware(dmi, says);
    match says {
        Some(true) => {
            let clock = by_clock(root);
            // QEMU is what lends its firmware to others; a product's own firmware knows best.
            let product = firmware.clone().filter(|(name, _)| name != "qemu");
            let named = product.or_else(|| by_xen(root)).or(clock).or(firmware);
            Some(match named {
                Some((name, source)) => (name, format!("{FLAG}, named by {source}")),
                None => (UNNAMED.to_owned(), FLAG.to_owned()),
            })
        }
        _ => {
            firmware.or_else(|| by_xen(root)).or_else(|| by_device_tree(root)).or_else(|| by_mainframe(root))
        }
    }
}

fn by_firmware(dmi: &Dmi, says: Option<bool>) -> Option<Layer> {
    let found = TABLE.dmi.iter().find(|row| row.fits(dmi))?;
    // Where the CPU has no such flag, the clouds' own names of sizes tell.
    let metal = dmi.text("product_name").is_some_and(|name| name.ends_with(".metal"));
    let doubtful = found.also_metal && (says == Some(false) || metal);
    (!doubtful).then(|| (found.name.clone(), "/sys/class/dmi/id".to_owned()))
}

fn by_xen(root: &Root) -> Option<Layer> {
    const TYPE: &str = "sys/hypervisor/type";
    (root.read(TYPE).ok()?.trim() == "xen").then(|| ("xen".to_owned(), format!("/{TYPE}")))
}

fn by_clock(root: &Root) -> Option<Layer> {
    let text = root.read(CLOCKS).ok()?;
    let name = text.split_whitespace().find_map(|clock| TABLE.clocks.get(clock))?;
    Some((name.clone(), format!("/{CLOCKS}")))
}

fn by_device_tree(root: &Root) -> Option<Layer> {
    let listed = |property: &str| {
        let name =
            device_tree::list(root, property).iter().find_map(|text| TABLE.device_tree.get(text).cloned())?;
        Some((name, device_tree::shown(property)))
    };
    let node = "hypervisor/compatible";
    let unlisted = || device_tree::has(root, node).then(|| (UNNAMED.to_owned(), device_tree::shown(node)));
    listed(node).or_else(|| listed("compatible")).or_else(unlisted)
}

/// `VM00 Control Program: KVM/Linux`. Without such a line the system has a partition of an IBM Z for itself.
fn by_mainframe(root: &Root) -> Option<Layer> {
    let text = root.read("proc/sysinfo").ok()?;
    let program = text.lines().find_map(|line| line.strip_prefix("VM00 Control Program:"))?.trim();
    let name = match program {
        "KVM/Linux" => "kvm",
        program if program.starts_with("z/VM") => "z/vm",
        _ => UNNAMED,
    };
    Some((name.to_owned(), "/proc/sysinfo".to_owned()))
}

static TABLE: LazyLock<Table> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("hypervisors.yaml")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    dmi: Vec<Row>,
    clocks: BTreeMap<String, String>,
    device_tree: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    sys_vendor: Option<String>,
    product_name: Option<String>,
    bios_vendor: Option<String>,
    name: String,
    #[serde(default)]
    also_metal: bool,
}

impl Row {
    fn fits(&self, dmi: &Dmi) -> bool {
        let wanted = [
            ("sys_vendor", &self.sys_vendor),
            ("product_name", &self.product_name),
            ("bios_vendor", &self.bios_vendor),
        ];
        wanted.iter().all(|(field, wanted)| wanted.is_none() || wanted.as_deref() == dmi.text(field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Node, Tree};

    fn below_is(files: &[(&str, &str)], cpuinfo: &str) -> Option<String> {
        let nodes =
            files.iter().map(|(path, text)| ((*path).to_owned(), Node::File(text.as_bytes().to_vec())));
        let root = Root::of(nodes.collect::<Tree>());
        below(&root, &CpuInfo::parse(cpuinfo), &Dmi::read(&root)).map(|(name, _)| name)
    }

    const GUEST: &str = "processor: 0\nflags: fpu lm hypervisor\n";
    const METAL: &str = "processor: 0\nflags: fpu lm\n";
    const VENDOR: &str = "sys/class/dmi/id/sys_vendor";
    const PRODUCT: &str = "sys/class/dmi/id/product_name";

    #[test]
    fn the_table_is_well_formed() {
        assert!(TABLE.dmi.len() > 15 && TABLE.clocks.len() > 3 && TABLE.device_tree.len() > 4, "not read");
        for row in &TABLE.dmi {
            assert!(row.sys_vendor.is_some() || row.product_name.is_some() || row.bios_vendor.is_some());
        }
    }

    #[test]
    fn a_guest_without_firmware_is_known_by_its_clock_or_left_unnamed() {
        assert_eq!(below_is(&[(CLOCKS, "tsc kvm-clock \n")], GUEST).as_deref(), Some("kvm"));
        assert_eq!(below_is(&[], GUEST).as_deref(), Some(UNNAMED));
        assert_eq!(below_is(&[(CLOCKS, "tsc hpet\n")], METAL), None);
    }

    #[test]
    fn a_product_s_firmware_knows_better_than_a_clock_that_it_borrowed() {
        let clock = (CLOCKS, "kvm-clock tsc\n");
        assert_eq!(below_is(&[(VENDOR, "innotek GmbH\n"), clock], GUEST).as_deref(), Some("virtualbox"));
        assert_eq!(below_is(&[(VENDOR, "QEMU\n"), clock], GUEST).as_deref(), Some("kvm"));
        assert_eq!(below_is(&[(VENDOR, "QEMU\n")], GUEST).as_deref(), Some("qemu"));
    }

    #[test]
    fn rented_metal_is_no_virtual_machine() {
        assert_eq!(below_is(&[(VENDOR, "Amazon EC2\n")], METAL), None);
        assert_eq!(below_is(&[(VENDOR, "Amazon EC2\n"), (PRODUCT, "c7g.metal\n")], ""), None);
        assert_eq!(
            below_is(&[(VENDOR, "Amazon EC2\n"), (PRODUCT, "c7g.large\n")], "").as_deref(),
            Some("kvm")
        );
        let surface = [(VENDOR, "Microsoft Corporation\n"), (PRODUCT, "Surface Laptop 7\n")];
        assert_eq!(below_is(&surface, METAL), None);
    }

    #[test]
    fn xen_s_own_domain_is_the_machine_and_its_guests_are_not() {
        let xen = ("sys/hypervisor/type", "xen\n");
        assert_eq!(below_is(&[xen], GUEST).as_deref(), Some("xen"));
        assert_eq!(below_is(&[xen, ("proc/xen/capabilities", "control_d\n")], GUEST), None);
    }

    #[test]
    fn other_architectures_ask_the_device_tree_and_the_mainframe() {
        let node = ("proc/device-tree/hypervisor/compatible", "xen,xen-4.17\0xen,xen\0");
        assert_eq!(below_is(&[node], "").as_deref(), Some("xen"));
        assert_eq!(
            below_is(&[("proc/device-tree/compatible", "linux,dummy-virt\0")], "").as_deref(),
            Some(UNNAMED)
        );
        assert_eq!(below_is(&[("proc/device-tree/compatible", "raspberrypi,5-model-b\0")], ""), None);
        let program = |text| below_is(&[("proc/sysinfo", text)], "");
        assert_eq!(program("VM00 Control Program: z/VM    7.2.0\n").as_deref(), Some("z/vm"));
        assert_eq!(program("Manufacturer:         IBM\n"), None);
    }
}
