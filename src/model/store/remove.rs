//! Removing by what a person has at hand: the source, the file's name, or the start of the digest.

use std::collections::{BTreeMap, BTreeSet};

use edgeorch_engines::Bytes;
use serde::Serialize;

use super::list::NamedReference;
use super::{Digest, Store, StoreError, disk, folder, names_in, near};

/// Shorter prefixes would too easily mean more than was meant.
const SHORTEST_PREFIX: usize = 6;
const NEAR: usize = 3;

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Sources that are no longer here, whole or partial; unreadable references by their file's name.
    pub sources: Vec<String>,
    /// Disk space that came back. Zero where another source still names the same blob.
    pub freed: Bytes,
}

/// What `remove` will do, decided before anything is touched.
#[derive(Debug, Default, PartialEq, Eq)]
struct Doomed {
    /// File names of references.
    references: BTreeSet<String>,
    /// Folders of partials, with their sources.
    partials: BTreeMap<String, String>,
    /// Blobs, whatever references they have had.
    blobs: BTreeSet<Digest>,
}

/// One reference, as far as removing cares.
struct Known {
    file: String,
    source: Option<String>,
    name: Option<String>,
    digest: Option<Digest>,
    /// Those that it needs; of a model of one file its digest.
    blobs: Vec<Digest>,
}

impl Known {
    /// By its own digest, or by that of one of its files.
    fn has(&self, digest: &Digest) -> bool {
        self.digest.as_ref() == Some(digest) || self.blobs.contains(digest)
    }

    /// The digest of its folder, where it has one.
    fn folder(&self) -> Option<&Digest> {
        self.digest.as_ref().filter(|digest| !self.blobs.contains(digest))
    }
}

impl Store {
    /// Removes what `asked` names: a source, a file name, or a digest's first digits (at least 6). A blob goes with
    /// its last reference; an engine that has it open keeps what it opened.
    ///
    /// # Errors
    /// Nothing or more than one thing has that name; it is being fetched; the store can't be written.
    pub fn remove(&self, asked: &str) -> Result<Removed, StoreError> {
        let _layout = self.lock_layout()?;
        let known = self.known()?;
        let partials: BTreeMap<String, String> = self
            .partial_list()?
            .into_iter()
            .filter_map(|partial| Some((partial.path.file_name()?.to_str()?.to_owned(), partial.source)))
            .collect();
        let blobs: BTreeSet<Digest> = self.blob_list()?.into_iter().map(|blob| blob.digest).collect();
        let doomed = decide(asked, &known, &partials, &blobs)?;
        self.carry_out(&doomed, &known)
    }

    fn known(&self) -> Result<Vec<Known>, StoreError> {
        let known = |(file, read): NamedReference| match read {
            Ok(reference) => Known {
                file,
                blobs: reference.blobs(),
                source: Some(reference.source),
                name: Some(reference.name),
                digest: Some(reference.digest),
            },
            Err(_) => Known { file, source: None, name: None, digest: None, blobs: Vec::new() },
        };
        Ok(self.references()?.into_iter().map(known).collect())
    }

    fn carry_out(&self, doomed: &Doomed, known: &[Known]) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        for (key, source) in &doomed.partials {
            let dir = self.partials().join(key);
            let bytes = disk::size_of(&dir);
            match self.try_claim(key, source)? {
                Some(claim) => claim.discard()?,
                None => return Err(StoreError::Busy { what: source.clone() }),
            }
            removed.freed = removed.freed + bytes;
            removed.sources.push(source.clone());
        }
        let stays = |known: &&Known| !doomed.references.contains(&known.file);
        let folders: BTreeSet<&Digest> = known.iter().filter(stays).filter_map(Known::folder).collect();
        for reference in known.iter().filter(|known| !stays(known)) {
            // Before its reference: one that is left over would keep the bytes, and nobody could name it.
            if let Some(folder) = reference.folder().filter(|folder| !folders.contains(folder)) {
                disk::remove(&self.folder(folder))?;
            }
            disk::remove(&self.refs().join(&reference.file))?;
            removed.sources.push(reference.source.clone().unwrap_or_else(|| reference.file.clone()));
        }
        let named: BTreeSet<&Digest> = known.iter().filter(stays).flat_map(|known| &known.blobs).collect();
        for digest in doomed.blobs.iter().filter(|digest| !named.contains(digest)) {
            let blob = self.blob(digest);
            removed.freed =
                removed.freed + blob.metadata().map(|facts| Bytes(facts.len())).unwrap_or_default();
            disk::remove(&blob)?;
        }
        self.sweep_folders(&folders, known.iter().filter(stays))?;
        removed.sources.sort();
        removed.sources.dedup();
        Ok(removed)
    }

    /// Folders that no reference names hold bytes that nobody could free: those of unreadable references, and those that were
    /// being laid out when the power went.
    fn sweep_folders<'a>(
        &self,
        named: &BTreeSet<&Digest>,
        mut staying: impl Iterator<Item = &'a Known>,
    ) -> Result<(), StoreError> {
        // One that can't be read may name a folder.
        if staying.any(|known| known.source.is_none()) {
            return Ok(());
        }
        let stray = names_in(&self.folders())?.into_iter().filter(|name| {
            name.parse().is_ok_and(|digest: Digest| !named.contains(&digest)) || name.starts_with(folder::NEW)
        });
        stray.into_iter().try_for_each(|name| disk::remove(&self.folders().join(name)))
    }
}

fn decide(
    asked: &str,
    known: &[Known],
    partials: &BTreeMap<String, String>,
    blobs: &BTreeSet<Digest>,
) -> Result<Doomed, StoreError> {
    let matching =
        |test: &dyn Fn(&Known) -> bool| -> Vec<&Known> { known.iter().filter(|known| test(known)).collect() };
    let exact = matching(&|known| known.source.as_deref() == Some(asked) || known.file == asked);
    let partial: BTreeMap<_, _> = partials
        .iter()
        .filter(|(_, source)| *source == asked)
        .map(|(key, source)| (key.clone(), source.clone()))
        .collect();
    if !exact.is_empty() || !partial.is_empty() {
        return Ok(Doomed { partials: partial, ..doom(&exact) });
    }
    let by_name = matching(&|known| known.name.as_deref() == Some(asked));
    match by_name.as_slice() {
        [] => {}
        [one] => return Ok(doom(&[one])),
        several => return Err(ambiguous(asked, several.iter().filter_map(|known| known.source.clone()))),
    }
    let prefix = asked.strip_prefix("sha256:").unwrap_or(asked).to_ascii_lowercase();
    if prefix.len() >= SHORTEST_PREFIX {
        let mut digests: BTreeSet<Digest> = blobs.clone();
        digests.extend(known.iter().filter_map(|known| known.digest.clone()));
        digests.retain(|digest| digest.as_str().starts_with(&prefix));
        if digests.len() > 1 {
            return Err(ambiguous(asked, digests.iter().map(Digest::to_string)));
        }
        if let Some(digest) = digests.pop_first() {
            let mut doomed = doom(&matching(&|known| known.has(&digest)));
            doomed.blobs.insert(digest);
            return Ok(doomed);
        }
    }
    Err(StoreError::NotFound { asked: asked.to_owned(), near: nearest(asked, known, partials) })
}

fn doom(known: &[&Known]) -> Doomed {
    Doomed {
        references: known.iter().map(|known| known.file.clone()).collect(),
        partials: BTreeMap::new(),
        blobs: known.iter().flat_map(|known| known.blobs.iter().cloned()).collect(),
    }
}

fn ambiguous(asked: &str, candidates: impl Iterator<Item = String>) -> StoreError {
    StoreError::Ambiguous { asked: asked.to_owned(), candidates: candidates.collect() }
}

fn nearest(asked: &str, known: &[Known], partials: &BTreeMap<String, String>) -> Vec<String> {
    let names = known
        .iter()
        .flat_map(|known| [known.name.as_deref(), known.source.as_deref()])
        .flatten()
        .chain(partials.values().map(String::as_str));
    near::nearest(asked, names, NEAR)
}
