//! A model of several files: each is downloaded as a single one is, on its own partial and against its own digest.

use edgeorch_engines::Bytes;

use super::hf::Wanted;
use super::{FetchError, Fetcher, Room, https};
use crate::model::store::{Claim, Gathered, Member, Store};
use crate::progress::{Progress, metered};

impl Fetcher {
    /// Brings all files here that are not. Together they must fit before the first one begins.
    pub(super) async fn gather(
        &self,
        files: &[Wanted],
        claim: Claim,
        store: &Store,
        progress: &dyn Progress,
    ) -> Result<Gathered, FetchError> {
        let total = files.iter().map(|file| file.bytes).fold(0, u64::saturating_add);
        let mut gathered = claim.gather(Bytes(total))?;
        let is_here = |gathered: &Gathered, member: &Member| gathered.has(member) || store.holds(member);
        let missing =
            files.iter().filter(|file| member(file).is_none_or(|member| !is_here(&gathered, &member)));
        let missing = Bytes(missing.map(|file| file.bytes).fold(0, u64::saturating_add));
        let room = Room { dir: store.dir().to_owned(), reserve: store.reserve() };
        room.ensure(missing.saturating_sub(gathered.begun()))?;
        for (index, file) in files.iter().enumerate() {
            if let Some(member) = member(file).filter(|member| is_here(&gathered, member)) {
                gathered.count(member);
                continue;
            }
            let name = format!("{} ({} of {})", file.name, index + 1, files.len());
            progress.started(&name, Some(Bytes(file.bytes)));
            // A file that was replaced at its source is another one.
            let what = file.digest.as_ref().map_or(file.url.to_string(), ToString::to_string);
            let (spool, back) =
                metered(progress, move |meter| (gathered.spool(&what, meter), gathered)).await;
            gathered = back;
            let known = https::Known { digest: file.digest.as_ref(), bytes: Some(file.bytes) };
            let whole = https::fetch(self, &file.url, known, spool?, &room, progress).await?;
            let name = file.name.clone();
            let kept = metered(progress, move |_| gathered.keep(&name, whole).map(|()| gathered));
            gathered = kept.await?;
            progress.finished();
        }
        Ok(gathered)
    }
}

/// The file as the store knows it, where its content is known beforehand.
fn member(file: &Wanted) -> Option<Member> {
    let digest = file.digest.clone()?;
    Some(Member { name: file.name.clone(), digest, size: Bytes(file.bytes) })
}
