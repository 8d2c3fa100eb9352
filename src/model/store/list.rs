//! What is in the store: entries, partials, and whatever is wrong, so that every byte on disk is accounted for.

use std::collections::BTreeSet;
use std::fs;

use edgeorch_engines::Bytes;

use super::reference::Reference;
use super::{
    Damage, Damaged, Digest, Entry, Listing, Orphan, Partial, Store, StoreError, disk, names_in, spool,
    verify,
};

/// A reference, or why it is none, by its file's name.
pub(super) type NamedReference = (String, Result<Reference, Damage>);

impl Store {
    /// Everything that lies here. Sizes are compared, contents are not.
    ///
    /// # Errors
    /// A folder of the store can't be read.
    pub fn list(&self) -> Result<Listing, StoreError> {
        let mut listing = Listing { partials: self.partial_list()?, ..Listing::default() };
        let mut named = BTreeSet::new();
        for (file, read) in self.references()? {
            let damaged = |damage| Damaged { what: file.clone(), damage };
            match read.and_then(|reference| {
                named.extend(reference.blobs());
                self.checked(reference)
            }) {
                Ok((entry, None)) => listing.entries.push(entry),
                Ok((entry, Some(damage))) => {
                    listing.damaged.push(Damaged { what: entry.source.to_string(), damage });
                }
                Err(damage) => listing.damaged.push(damaged(damage)),
            }
        }
        listing.orphans = self.blob_list()?.into_iter().filter(|o| !named.contains(&o.digest)).collect();
        Ok(listing)
    }

    /// Every reference; half-written ones of a killed process are no references.
    pub(super) fn references(&self) -> Result<Vec<NamedReference>, StoreError> {
        let names = names_in(&self.refs())?;
        let json = names.into_iter().filter(|name| name.ends_with(".json"));
        Ok(json
            .map(|name| {
                let read = Reference::read(&self.refs().join(&name));
                (name, read)
            })
            .collect())
    }

    fn checked(&self, reference: Reference) -> Result<(Entry, Option<Damage>), Damage> {
        let source = reference.source.clone();
        let entry = self.entry(reference).ok_or_else(|| Damage::Reference {
            path: self.refs(),
            why: format!("`{source}` is no source that this edgeorch knows"),
        })?;
        let damage = verify::check_size(&entry).err();
        Ok((entry, damage))
    }

    pub(super) fn partial_list(&self) -> Result<Vec<Partial>, StoreError> {
        let keys = names_in(&self.partials())?;
        let partial = |key: String| {
            let path = self.partials().join(&key);
            // Without a note nobody knows what it was; its key still allows to remove it.
            let (source, expected) = spool::note_of(&path).unwrap_or_else(|| (key.clone(), None));
            Partial { source, bytes: disk::size_of(&path), expected, busy: self.is_claimed(&key), path }
        };
        let mut partials: Vec<Partial> = keys.into_iter().map(partial).collect();
        partials.sort_by(|a, b| a.source.cmp(&b.source));
        Ok(partials)
    }

    pub(super) fn blob_list(&self) -> Result<Vec<Orphan>, StoreError> {
        let names = names_in(&self.blobs())?;
        Ok(names
            .into_iter()
            .filter_map(|name| {
                let facts = fs::symlink_metadata(self.blobs().join(&name)).ok()?;
                let digest: Digest = name.parse().ok()?;
                Some(Orphan { digest, bytes: Bytes(facts.len()) })
            })
            .collect())
    }
}
