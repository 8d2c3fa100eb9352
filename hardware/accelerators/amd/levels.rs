//! Clock levels as `pp_dpm_sclk` and `pp_dpm_mclk` list them, the one in use with a star.
//!
//! ```text
//! 0: 500Mhz
//! 1: 1235Mhz *
//! 2: 2500Mhz
//! ```
//!
//! A level `S` in front is deep sleep.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    pub now: Option<u32>,
    pub best: Option<u32>,
}

impl Levels {
    pub fn parse(text: &str) -> Levels {
        let levels = text.lines().filter_map(level);
        levels.fold(Levels::default(), |so_far, (mhz, in_use)| Levels {
            now: if in_use { Some(mhz) } else { so_far.now },
            best: so_far.best.max(Some(mhz)),
        })
    }
}

fn level(line: &str) -> Option<(u32, bool)> {
    let (_, rest) = line.split_once(':')?;
    let mut words = rest.split_whitespace();
    let clock = words.next()?.to_ascii_lowercase();
    let mhz = clock.strip_suffix("mhz")?.parse().ok()?;
    Some((mhz, words.any(|word| word == "*")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_starred_level_is_in_use_and_the_highest_is_the_best() {
        let text = "0: 500Mhz \n1: 1235Mhz *\n2: 2500Mhz \n";
        assert_eq!(Levels::parse(text), Levels { now: Some(1235), best: Some(2500) });
        assert_eq!(Levels::parse("S: 19Mhz *\n0: 500Mhz\n"), Levels { now: Some(19), best: Some(500) });
    }

    #[test]
    fn what_is_no_level_is_left_out() {
        assert_eq!(Levels::parse(""), Levels::default());
        assert_eq!(Levels::parse("0: N/A\n1: 99999999999Mhz *\nx\n"), Levels::default());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "([0-9S]: ?[0-9]{0,12}M?[hH]?z? ?\\*?\n)*|.*") {
            Levels::parse(&text);
        }
    }
}
