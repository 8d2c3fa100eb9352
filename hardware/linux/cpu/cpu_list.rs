//! The kernel's lists of CPU numbers, such as `0-3,8,10-11`.

use std::fmt;
use std::ops::RangeInclusive;

/// A set of CPU numbers, kept as sorted ranges that don't touch: `0-4294967295` must cost no memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuList(Vec<RangeInclusive<u32>>);

impl CpuList {
    /// Reads a list; `None` if it is none. An empty text is an empty list, as the kernel writes it.
    pub fn parse(text: &str) -> Option<CpuList> {
        // Some kernels of 2020 and 2021 end the list with a zero byte.
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        if text.is_empty() {
            return Some(CpuList(Vec::new()));
        }
        Some(CpuList::merge(text.split(',').map(parse_range).collect::<Option<Vec<_>>>()?))
    }

    fn merge(mut ranges: Vec<RangeInclusive<u32>>) -> CpuList {
        ranges.sort_by_key(|range| *range.start());
        let mut merged: Vec<RangeInclusive<u32>> = Vec::new();
        for range in ranges {
            match merged.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => merged.push(range),
            }
        }
        CpuList(merged)
    }

    /// Reads a mask as the kernel writes it: hexadecimal words of 32 bits, the lowest CPUs last.
    pub fn from_mask(text: &str) -> Option<CpuList> {
        let mut numbers = Vec::new();
        for (i, word) in text.trim().rsplit(',').enumerate() {
            let base = u32::try_from(i).ok()?.checked_mul(32)?;
            let word = u32::from_str_radix(word, 16).ok()?;
            numbers.extend((0..32).filter(|bit| word & (1 << bit) != 0).map(|bit| base + bit));
        }
        Some(CpuList::merge(numbers.into_iter().map(|n| n..=n).collect()))
    }

    pub fn contains(&self, number: u32) -> bool {
        self.0.iter().any(|range| range.contains(&number))
    }

    pub fn count(&self) -> u32 {
        let count: u64 = self.0.iter().map(|range| u64::from(range.end() - range.start()) + 1).sum();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    pub fn intersect(&self, other: &CpuList) -> CpuList {
        let mut common = Vec::new();
        for a in &self.0 {
            for b in &other.0 {
                let (start, end) = (*a.start().max(b.start()), *a.end().min(b.end()));
                if start <= end {
                    common.push(start..=end);
                }
            }
        }
        CpuList(common)
    }

    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(Clone::clone)
    }
}

/// As the kernel writes it.
impl fmt::Display for CpuList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, range) in self.0.iter().enumerate() {
            let (start, end) = (range.start(), range.end());
            f.write_str(if i == 0 { "" } else { "," })?;
            match start == end {
                true => write!(f, "{start}")?,
                false => write!(f, "{start}-{end}")?,
            }
        }
        Ok(())
    }
}

fn parse_range(text: &str) -> Option<RangeInclusive<u32>> {
    let (start, end) = text.split_once('-').unwrap_or((text, text));
    let (start, end) = (start.trim().parse().ok()?, end.trim().parse().ok()?);
    (start <= end).then_some(start..=end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_counted_once_however_they_are_written() {
        let list = CpuList::parse("8,0-3,2-5\n").unwrap();
        assert_eq!(list.count(), 7);
        assert_eq!(list.iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 8]);
        assert_eq!(CpuList::parse("").unwrap().count(), 0);
        assert_eq!(CpuList::parse("0-31\n\0").unwrap().count(), 32);
        assert_eq!(CpuList::parse("0-4294967295").unwrap().count(), u32::MAX);
    }

    #[test]
    fn an_affinity_wider_than_the_machine_shrinks_to_what_is_online() {
        let allowed = CpuList::parse("0-127").unwrap();
        let online = CpuList::parse("0-1,4").unwrap();
        assert_eq!(allowed.intersect(&online), online);
    }

    #[test]
    fn a_mask_is_read_from_its_end() {
        let list = |text: &str| CpuList::from_mask(text).map(|list| list.to_string());
        assert_eq!(list("00000001,0000000f\n").as_deref(), Some("0-3,32"));
        assert_eq!(list("fff").as_deref(), Some("0-11"));
        assert_eq!(list("0").as_deref(), Some(""));
        assert_eq!(list("x"), None);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in ["3-1", "a", "1,,2", "-1", "4294967296"] {
            assert_eq!(CpuList::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[0-9,\\- \\n]{0,40}|.*") {
            CpuList::from_mask(&text);
            if let Some(list) = CpuList::parse(&text) {
                prop_assert_eq!(list.intersect(&list).count(), list.count());
                prop_assert_eq!(CpuList::parse(&list.to_string()), Some(list));
            }
        }
    }
}
