//! `vm_stat`: how many pages of memory are in which state.

use edgeorch_engines::contract::Bytes;

use crate::root::Command;

pub const VM_STAT: Command = Command::new("vm_stat", "vm_stat", &[]);

/// Pages, and their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VmStat {
    page: u64,
    free: u64,
    speculative: u64,
    inactive: u64,
    purgeable: u64,
    file_backed: Option<u64>,
}

impl VmStat {
    pub fn parse(text: &str) -> Result<VmStat, VmStatError> {
        Ok(VmStat {
            page: page_size(text)?,
            free: pages(text, "Pages free")?,
            speculative: pages(text, "Pages speculative")?,
            inactive: pages(text, "Pages inactive")?,
            purgeable: pages(text, "Pages purgeable").unwrap_or(0),
            file_backed: pages(text, "File-backed pages").ok(),
        })
    }

    /// Holding nothing. What `vm_stat` calls free leaves out the pages that were read ahead and not used yet.
    pub fn free(&self) -> Bytes {
        self.bytes(&[self.free, self.speculative])
    }

    /// What can be given out without compressing or swapping anything: free pages, those that hold a file's content and
    /// those whose owner said that they may go. That is what Activity Monitor does not count as used.
    ///
    /// Inactive pages are no measure of it: they hold what programs wrote, too, and that must be kept somewhere. They stand
    /// in only where an old `vm_stat` does not tell the file-backed ones, which include the speculative ones.
    pub fn available(&self) -> (Bytes, &'static str) {
        match self.file_backed {
            Some(file_backed) => (
                self.bytes(&[self.free, file_backed, self.purgeable]),
                "vm_stat: free, file-backed and purgeable pages",
            ),
            None => (
                self.bytes(&[self.free, self.speculative, self.inactive]),
                "vm_stat: free, speculative and inactive pages; it does not tell the file-backed ones",
            ),
        }
    }

    fn bytes(&self, pages: &[u64]) -> Bytes {
        let pages = pages.iter().fold(0u64, |sum, pages| sum.saturating_add(*pages));
        Bytes(pages.saturating_mul(self.page))
    }
}

/// `Mach Virtual Memory Statistics: (page size of 16384 bytes)`.
fn page_size(text: &str) -> Result<u64, VmStatError> {
    let rest = text.lines().next().and_then(|line| line.split_once("page size of "));
    let number = rest.and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
    number.filter(|size: &u64| size.is_power_of_two() && *size <= 1 << 20).ok_or(VmStatError::PageSize)
}

/// `Pages free:                                     9436.`
fn pages(text: &str, name: &'static str) -> Result<u64, VmStatError> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let value = value.ok_or(VmStatError::Missing(name))?;
    value.trim().trim_end_matches('.').parse().map_err(|_| VmStatError::NoNumber(name))
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum VmStatError {
    #[error("vm_stat does not tell the size of a page")]
    PageSize,
    #[error("vm_stat tells no {0}")]
    Missing(&'static str),
    #[error("vm_stat gives no number of {0}")]
    NoNumber(&'static str),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "Mach Virtual Memory Statistics: (page size of 16384 bytes)\n\
        Pages free:                   1000.\nPages active:               774260.\nPages inactive:     500.\n\
        Pages speculative:              30.\nPages purgeable:                 7.\n\
        \"Translation faults\":        37287533.\nFile-backed pages:              400.\n";

    #[test]
    fn what_holds_files_is_available_and_what_programs_wrote_is_not() {
        let stat = VmStat::parse(TEXT).unwrap();
        assert_eq!(stat.available().0, Bytes((1000 + 400 + 7) * 16_384));
        assert_eq!(stat.free(), Bytes(1030 * 16_384));
    }

    #[test]
    fn an_old_one_that_tells_no_files_is_taken_by_its_inactive_pages() {
        let text = TEXT.replace("File-backed", "Filed").replace("16384", "4096");
        assert_eq!(VmStat::parse(&text).unwrap().available().0, Bytes((1000 + 30 + 500) * 4096));
    }

    #[test]
    fn what_is_missing_or_no_number_is_named() {
        let fault = |text: &str| VmStat::parse(text).unwrap_err();
        assert_eq!(fault(""), VmStatError::PageSize);
        assert_eq!(fault(&TEXT.replace("16384", "12345")), VmStatError::PageSize);
        assert_eq!(fault(&TEXT.replace("1000.", "N/A")), VmStatError::NoNumber("Pages free"));
        assert_eq!(fault(&TEXT.replace("Pages spec", "spec")), VmStatError::Missing("Pages speculative"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "Mach.\\(page size of [0-9]{0,20} b\n(Pages (free|inactive|speculative): *[0-9]{0,21}\\.?\n)*|.*") {
            let _ = VmStat::parse(&text).map(|stat| (stat.available(), stat.free()));
        }
    }
}
