//! `/proc/cpuinfo` as it is: sections of `key : value` lines, one per hardware thread, whose keys differ by architecture.
//! What the keys mean is decided elsewhere.

use std::collections::BTreeMap;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct CpuInfo<'a> {
    processors: Vec<Fields<'a>>,
    /// Lines that belong to no processor: old Arm kernels put features and part numbers there, for all of them.
    common: Fields<'a>,
}

pub type Fields<'a> = BTreeMap<&'a str, &'a str>;

impl<'a> CpuInfo<'a> {
    /// Lines without a colon are passed over, and of a key given twice the first counts: no text is refused.
    pub fn parse(text: &'a str) -> CpuInfo<'a> {
        let mut info = CpuInfo::default();
        let mut in_processor = false;
        for line in text.lines() {
            if line.trim().is_empty() {
                in_processor = false;
                continue;
            }
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim(), value.trim());
            if key == "processor" {
                info.processors.push(Fields::new());
                in_processor = true;
            }
            let section = match info.processors.last_mut() {
                Some(processor) if in_processor => processor,
                _ => &mut info.common,
            };
            section.entry(key).or_insert(value);
        }
        info
    }

    /// Hardware threads that are listed, which are the online ones.
    pub fn threads(&self) -> Option<u32> {
        u32::try_from(self.processors.len()).ok().filter(|count| *count > 0)
    }

    /// What each processor's section says by itself.
    pub fn processors(&self) -> impl Iterator<Item = &Fields<'a>> {
        self.processors.iter()
    }

    /// The value that each processor has for `key`; where none has, the common one.
    pub fn values<'b>(&'b self, key: &'b str) -> impl Iterator<Item = &'a str> + 'b {
        let own = self.processors.iter().filter_map(move |processor| processor.get(key).copied());
        let common = if own.clone().next().is_none() { self.common.get(key).copied() } else { None };
        own.chain(common)
    }

    pub fn first(&self, key: &str) -> Option<&'a str> {
        self.values(key).next()
    }

    /// The pairs of values that each processor has for two keys; processors that lack one are left out.
    pub fn pairs<'b>(&'b self, a: &'b str, b: &'b str) -> impl Iterator<Item = (&'a str, &'a str)> + 'b {
        let sections = self.processors.iter().chain(std::iter::once(&self.common));
        sections.filter_map(move |section| Some((*section.get(a)?, *section.get(b)?)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_processor_keeps_its_own_values_and_the_tail_is_common() {
        let info = CpuInfo::parse(
            "Processor\t: x\nprocessor\t: 0\npart: a\n\nprocessor: 1\npart: b\n\nHardware : board\n",
        );
        assert_eq!(info.threads(), Some(2));
        assert_eq!(info.values("part").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(info.first("Hardware"), Some("board"));
        assert_eq!(info.first("Processor"), Some("x"));
        assert_eq!(info.pairs("processor", "part").collect::<Vec<_>>(), [("0", "a"), ("1", "b")]);
    }

    #[test]
    fn ragged_lines_are_passed_over() {
        let info = CpuInfo::parse("processor\nno colon here\n: empty key\nprocessor :\nflags");
        assert_eq!(info.threads(), Some(1));
        assert_eq!(info.first("flags"), None);
        assert_eq!(CpuInfo::parse("").threads(), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let text = String::from_utf8_lossy(&bytes);
            CpuInfo::parse(&text);
        }
    }
}
