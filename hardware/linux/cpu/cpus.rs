//! The hardware threads that are online and have a folder below `/sys/devices/system/cpu`.

use super::cpu_list::CpuList;
use crate::Root;

pub const FOLDER: &str = "sys/devices/system/cpu";
/// Linux can be built for 8,192 at most. A longer list is not asked one by one.
const MOST: u32 = 8192;

/// The hardware threads that are online; `None` where sysfs doesn't say.
pub fn online(root: &Root) -> Option<CpuList> {
    CpuList::parse(&root.read(&format!("{FOLDER}/online")).ok()?).filter(|list| list.count() > 0)
}

/// The numbers of the online threads, if they are few enough to be real.
pub fn numbers(online: Option<&CpuList>) -> Vec<u32> {
    online.filter(|list| list.count() <= MOST).map(|list| list.iter().collect()).unwrap_or_default()
}

/// A file of one thread's folder, without the blanks at its ends.
pub fn read(root: &Root, cpu: u32, file: &str) -> Option<String> {
    root.read(&format!("{FOLDER}/cpu{cpu}/{file}")).ok().map(|text| text.trim().to_owned())
}

pub fn number(root: &Root, cpu: u32, file: &str) -> Option<u64> {
    read(root, cpu, file)?.parse().ok()
}
