//! Who is who: each GPU once, with all that is said of it.
//!
//! The functions on the PCI bus come first, whether a driver serves them or not. A report's GPU belongs to the function of
//! its address; one without an address is the chip's own, if the machine has such a chip; one that was lost from the bus,
//! and so tells no address, is the function of which nothing else is heard.

use super::jetson::{Board, Soc};
use super::report::Gpu;
use super::{OURS, Teller};
use crate::accelerators::pci::Function;

/// One GPU.
#[derive(Debug, Default)]
pub struct Known<'a> {
    pub function: Option<&'a Function>,
    pub soc: Option<&'static Soc>,
    /// The most trusted first.
    pub tellers: Vec<Teller>,
}

/// `reports` have their source with them, the most trusted first.
pub fn call<'a>(
    functions: &[&'a Function],
    board: Option<Board>,
    reports: Vec<(&str, Vec<Gpu>)>,
) -> Vec<Known<'a>> {
    let mut all: Vec<Known> =
        functions.iter().map(|function| Known { function: Some(function), ..Known::default() }).collect();
    if let Some(board) = &board {
        let is_its = |function: &Function| has_ids(board.soc, function.vendor, function.device);
        let on_bus = |known: &&mut Known| known.function.is_some_and(is_its);
        match all.iter_mut().find(on_bus) {
            Some(known) => known.soc = Some(board.soc),
            None => all.push(Known { soc: Some(board.soc), ..Known::default() }),
        }
    }
    for (source, gpus) in reports {
        let (lost, there): (Vec<Gpu>, Vec<Gpu>) =
            gpus.into_iter().partition(|gpu| gpu.lost.is_some() && gpu.address.is_none());
        for gpu in there {
            let known = place(&mut all, &gpu);
            known.tellers.push(Teller::new(source.to_owned(), gpu));
        }
        place_lost(&mut all, source, lost);
    }
    if let Some(board) = board
        && let Some(known) = all.iter_mut().find(|known| known.soc.is_some())
    {
        known.tellers.extend(board.tellers);
    }
    all
}

fn has_ids(soc: &Soc, vendor: u16, device: u16) -> bool {
    soc.pci.as_deref() == Some(&format!("{vendor:04x}:{device:04x}"))
}

/// Where it belongs: to one that is known, or to a new one.
fn place<'k, 'a>(all: &'k mut Vec<Known<'a>>, gpu: &Gpu) -> &'k mut Known<'a> {
    let mut known = all.iter();
    let position = match &gpu.address {
        Some(_) => known.position(|known| known.has_address(gpu)),
        None => known.position(|known| known.is_called(gpu)),
    };
    let chip_s = || all.iter().position(|known| known.is_the_chip_s(gpu));
    let position = position.or_else(chip_s).unwrap_or_else(|| {
        all.push(Known::default());
        all.len() - 1
    });
    &mut all[position]
}

/// The library numbers GPUs in the order of the bus, so that the lost ones are, in order, those that it doesn't speak of:
/// if the counts agree. If not, they are told as they are, on no known place.
fn place_lost(all: &mut Vec<Known>, source: &str, lost: Vec<Gpu>) {
    let is_unheard = |known: &&mut Known| {
        let bound = known.function.and_then(|function| function.driver.as_deref());
        bound.is_some_and(|driver| OURS.contains(&driver))
            && known.tellers.iter().all(|teller| teller.source != source)
    };
    let mut unheard: Vec<&mut Known> = all.iter_mut().filter(is_unheard).collect();
    let tellers = lost.into_iter().map(|gpu| Teller::new(source.to_owned(), gpu));
    if unheard.len() == tellers.len() {
        unheard.iter_mut().zip(tellers).for_each(|(known, teller)| known.tellers.push(teller));
    } else {
        all.extend(tellers.map(|teller| Known { tellers: vec![teller], ..Known::default() }));
    }
}

impl Known<'_> {
    fn has_address(&self, gpu: &Gpu) -> bool {
        let own = self.function.map(|function| &function.address);
        own.into_iter()
            .chain(self.tellers.iter().filter_map(|teller| teller.gpu.address.as_ref()))
            .any(|address| Some(address) == gpu.address.as_ref())
    }

    fn is_called(&self, gpu: &Gpu) -> bool {
        let uuid = gpu.uuid.value();
        uuid.is_some() && self.tellers.iter().any(|teller| teller.gpu.uuid.value() == uuid)
    }

    /// The chip's own GPU, for which no function was seen: it has no address, or that of a bus which is not shown here.
    fn is_the_chip_s(&self, gpu: &Gpu) -> bool {
        let Some(soc) = self.soc.filter(|_| self.function.is_none()) else { return false };
        gpu.address.is_none() || gpu.ids.is_some_and(|ids| has_ids(soc, ids.vendor, ids.device))
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Said;
    use super::*;
    use crate::accelerators::pci;

    fn function(address: &str, driver: &str) -> Function {
        Function {
            address: address.to_owned(),
            vendor: pci::NVIDIA,
            device: 0x2204,
            class: 0x030000,
            subsystem: None,
            revision: None,
            driver: Some(driver.to_owned()),
        }
    }

    fn gpu(index: u32, address: Option<&str>) -> Gpu {
        Gpu { index: Said::Value(index), address: address.map(str::to_owned), ..Gpu::default() }
    }

    fn lost(index: u32) -> Gpu {
        Gpu { lost: Some("gone".to_owned()), ..gpu(index, None) }
    }

    fn indices(known: &[Known]) -> Vec<Vec<u32>> {
        let of = |known: &Known| {
            known.tellers.iter().filter_map(|teller| teller.gpu.index.value().copied()).collect()
        };
        known.iter().map(of).collect()
    }

    #[test]
    fn a_report_s_gpu_is_the_function_of_its_address() {
        let (one, two) = (function("0000:01:00.0", "nvidia"), function("0000:02:00.0", "vfio-pci"));
        let reports = vec![
            ("nvml", vec![gpu(0, Some("0000:01:00.0"))]),
            ("smi", vec![gpu(0, Some("0000:01:00.0")), gpu(1, Some("0000:09:00.0"))]),
        ];
        let known = call(&[&one, &two], None, reports);
        assert_eq!(indices(&known), [vec![0, 0], vec![], vec![1]]);
        assert!(known[2].function.is_none());
    }

    #[test]
    fn one_that_was_lost_keeps_its_index_and_its_place() {
        let functions = [
            function("0000:01:00.0", "nvidia"),
            function("0000:02:00.0", "nvidia"),
            function("0000:03:00.0", "vfio-pci"),
        ];
        let known =
            call(&functions.each_ref(), None, vec![("nvml", vec![lost(0), gpu(1, Some("0000:02:00.0"))])]);
        assert_eq!(indices(&known), [vec![0], vec![1], vec![]]);
        // Where two are unheard of and one is lost, nobody can say which it is.
        let known = call(&functions.each_ref(), None, vec![("nvml", vec![lost(0)])]);
        assert_eq!(indices(&known), [vec![], vec![], vec![], vec![0]]);
    }

    #[test]
    fn two_reports_without_addresses_meet_in_the_uuid() {
        let named = |index| Gpu { uuid: Said::Value("GPU-a".to_owned()), ..gpu(index, None) };
        let known = call(&[], None, vec![("nvml", vec![named(0)]), ("smi", vec![named(0)])]);
        assert_eq!(indices(&known), [vec![0, 0]]);
    }
}
