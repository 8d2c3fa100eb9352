//! Numbers in the small files of sysfs, and where they stood.

use crate::Root;
use crate::findings::Findings;
use crate::root::{ReadError, shown};
use edgeorch_engines::chain;

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Told<T> {
    pub value: T,
    pub source: String,
}

impl<T> Told<T> {
    pub fn by(source: impl Into<String>, value: T) -> Told<T> {
        Told { value, source: source.into() }
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Told<U> {
        Told { value: change(self.value), source: self.source }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Untold {
    #[error("the driver does not tell it: {0}")]
    Missing(ReadError),
    #[error(transparent)]
    Read(ReadError),
    #[error("{0} holds no number that makes sense")]
    Malformed(String),
    /// No file to look into: the device was seen by other means.
    #[error("{0}")]
    Elsewhere(&'static str),
}

impl From<ReadError> for Untold {
    fn from(error: ReadError) -> Untold {
        if error.is_missing() { Untold::Missing(error) } else { Untold::Read(error) }
    }
}

impl Untold {
    pub fn is_missing(&self) -> bool {
        matches!(self, Untold::Missing(_))
    }
}

/// A field from its file, else by other means.
pub fn learn<T>(
    findings: &mut Findings,
    field: &str,
    first: Result<Told<T>, Untold>,
    second: Option<Told<T>>,
) -> Option<T> {
    match (first, second) {
        (Ok(told), _) | (Err(_), Some(told)) => {
            findings.known(field, told.source);
            Some(told.value)
        }
        (Err(untold), None) => {
            findings.unknown(field, chain(&untold));
            None
        }
    }
}

/// One whole number, as most of these files hold.
pub fn number(root: &Root, path: &str) -> Result<Told<u64>, Untold> {
    let text = root.read(path)?;
    let value = text.trim().parse().map_err(|_| Untold::Malformed(shown(path)))?;
    Ok(Told::by(shown(path), value))
}

/// A clock in MHz or a temperature: a number whose unit is a fraction of ours.
pub fn scaled(root: &Root, path: &str, per_unit: f64) -> Result<Told<f64>, Untold> {
    let text = root.read(path)?;
    let value: i64 = text.trim().parse().map_err(|_| Untold::Malformed(shown(path)))?;
    Ok(Told::by(shown(path), value as f64 / per_unit))
}

/// Megahertz: what is larger than any clock is no clock.
pub fn megahertz(root: &Root, path: &str, per_megahertz: u64) -> Result<Told<u32>, Untold> {
    let told = number(root, path)?;
    let value = u32::try_from(told.value / per_megahertz).ok().filter(|mhz| *mhz < 1_000_000);
    value.map(|value| Told::by(told.source, value)).ok_or_else(|| Untold::Malformed(shown(path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::{Node, Tree};

    fn root(text: &str) -> Root {
        let mut tree = Tree::default();
        tree.put("sys/x", Node::File(text.into()));
        Root::of(tree)
    }

    #[test]
    fn a_number_comes_with_the_file_it_stood_in() {
        assert_eq!(number(&root("42\n"), "sys/x").unwrap(), Told::by("/sys/x", 42));
        assert_eq!(scaled(&root("-1500\n"), "sys/x", 1000.0).unwrap().value, -1.5);
        assert_eq!(megahertz(&root("500000000\n"), "sys/x", 1_000_000).unwrap().value, 500);
    }

    #[test]
    fn what_is_no_number_is_told_as_such() {
        for text in ["", "N/A", "[Not Supported]", "99999999999999999999", "0x10"] {
            assert!(matches!(number(&root(text), "sys/x"), Err(Untold::Malformed(_))), "{text}");
        }
        assert!(matches!(megahertz(&root("18446744073709551615"), "sys/x", 1), Err(Untold::Malformed(_))));
        assert!(number(&root("1"), "sys/y").unwrap_err().is_missing());
    }
}
