//! A size as a profile writes it: `6GiB`. The number of bytes is exact, and so is the text that it is written back as.

use std::fmt;
use std::str::FromStr;

use edgeorch_engines::Bytes;
use edgeorch_engines::contract::units::SizeError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::text_value;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("format" = "size"))]
pub struct Size(pub Bytes);

text_value!(Size);

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Size, SizeError> {
        text.parse().map(Size)
    }
}

/// The largest unit that divides the size: `Bytes` itself is displayed rounded, and would not survive a round trip.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bytes(bytes) = self.0;
        let units = [(Bytes::TIB, "TiB"), (Bytes::GIB, "GiB"), (Bytes::MIB, "MiB"), (Bytes::KIB, "KiB")];
        let unit = units.into_iter().find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit));
        let (unit, name) = unit.unwrap_or((1, "B"));
        f.pad(&format!("{}{name}", bytes / unit))
    }
}
