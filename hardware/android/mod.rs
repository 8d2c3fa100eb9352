//! Android: Linux, with what `getprop` and `dumpsys` print.

use edgeorch_engines::contract::host::{Power, Thermal};

use crate::Root;
use crate::findings::Findings;
use crate::linux;
use crate::platform::System;

pub fn system(root: &Root, findings: &mut Findings) -> System {
    linux::system(root, findings)
}

pub fn power(root: &Root, findings: &mut Findings) -> (Power, Thermal) {
    linux::power(root, findings)
}
