//! Sensors of a GPU as its kernel driver shows them: `hwmon/hwmonN/` below the device.
//!
//! Names and units are the kernel's (Documentation/hwmon/sysfs-interface): power in microwatts, temperatures in
//! thousandths of a degree, frequencies in hertz. Which sensor is which is told by its label.

use super::pci::Function;
use super::sysfs::{self, Told, Untold};
use crate::Root;

/// No GPU has more sensors of one kind; a capture could claim any number.
const MOST: u8 = 16;

pub struct Hwmon<'a> {
    root: &'a Root,
    folder: String,
}

impl<'a> Hwmon<'a> {
    /// A driver registers one; a second would be that of a part, after it.
    pub fn of(root: &'a Root, function: &Function) -> Result<Hwmon<'a>, Untold> {
        let parent = function.file("hwmon");
        let names = root.list(&parent)?;
        let name = names.into_iter().find(|name| name.starts_with("hwmon"));
        let name = name.ok_or(Untold::Elsewhere("the driver shows no sensors"))?;
        Ok(Hwmon { root, folder: format!("{parent}/{name}") })
    }

    pub fn watts(&self, name: &str) -> Result<Told<f64>, Untold> {
        sysfs::scaled(self.root, &self.file(name), 1e6)
    }

    /// A limit: drivers write 0 where there is none.
    pub fn limit_watts(&self, name: &str) -> Result<Told<f64>, Untold> {
        let told = self.watts(name)?;
        (told.value > 0.0)
            .then_some(told)
            .ok_or(Untold::Elsewhere("the driver gives 0, which stands for none"))
    }

    /// The temperature with the first of these labels that has one.
    pub fn celsius(&self, labels: &[&str]) -> Result<Told<f64>, Untold> {
        let sensor = |wanted: &str| {
            (1..=MOST).find(|n| {
                let label = self.root.read(&self.file(&format!("temp{n}_label")));
                label.is_ok_and(|label| label.trim() == wanted)
            })
        };
        let found = labels.iter().find_map(|label| Some((label, sensor(label)?)));
        let (note, n) = match found {
            Some((label, n)) => (format!(" ({label})"), n),
            // Older drivers give the one sensor no label.
            None => (String::new(), 1),
        };
        let told = sysfs::scaled(self.root, &self.file(&format!("temp{n}_input")), 1e3)?;
        Ok(Told { source: format!("{}{note}", told.source), ..told })
    }

    pub fn megahertz(&self, name: &str) -> Result<Told<u32>, Untold> {
        sysfs::megahertz(self.root, &self.file(name), 1_000_000)
    }

    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::super::pci::{self, fixture};
    use super::*;
    use crate::root::{Node, Tree};

    fn machine(files: &[(&str, &str)]) -> Root {
        let mut tree = Tree::default();
        fixture::function(&mut tree, "0000:03:00.0", "0x030000", ("0x1002", "0x744c"));
        for (name, text) in files {
            tree.put(&format!("sys/bus/pci/devices/0000:03:00.0/hwmon/{name}"), Node::File((*text).into()));
        }
        Root::of(tree)
    }

    #[test]
    fn the_temperature_is_that_of_the_first_label_found() {
        let files = [
            ("hwmon4/temp1_label", "junction\n"),
            ("hwmon4/temp1_input", "51000\n"),
            ("hwmon4/temp2_label", "edge\n"),
            ("hwmon4/temp2_input", "46500\n"),
        ];
        let root = machine(&files);
        let function = &pci::functions(&root)[0];
        let told = Hwmon::of(&root, function).unwrap().celsius(&["edge", "junction"]).unwrap();
        assert_eq!(told.value, 46.5);
        assert!(told.source.ends_with("hwmon4/temp2_input (edge)"), "{}", told.source);
    }

    #[test]
    fn a_device_without_sensors_says_so() {
        let root = machine(&[]);
        assert!(Hwmon::of(&root, &pci::functions(&root)[0]).is_err());
        let root = machine(&[("hwmon0/name", "amdgpu\n")]);
        let function = &pci::functions(&root)[0];
        let hwmon = Hwmon::of(&root, function).unwrap();
        assert!(hwmon.celsius(&["edge"]).unwrap_err().is_missing());
        assert!(hwmon.watts("power1_average").unwrap_err().is_missing());
        let root = machine(&[("hwmon0/power1_rated_max", "0\n"), ("hwmon0/power1_max", "190000000\n")]);
        let function = &pci::functions(&root)[0];
        let hwmon = Hwmon::of(&root, function).unwrap();
        assert!(hwmon.limit_watts("power1_rated_max").is_err());
        assert_eq!(hwmon.limit_watts("power1_max").unwrap().value, 190.0);
    }
}
