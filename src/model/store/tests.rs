use std::fs;
use std::os::unix::fs::PermissionsExt;

use edgeorch_engines::{Bytes, Source};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::*;
use crate::progress::{Silent, metered};

/// A store in a folder of its own, with shorthands that read as steps.
struct Shelf {
    folder: TempDir,
    store: Store,
}

impl Shelf {
    fn new() -> Shelf {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("models")).unwrap();
        Shelf { folder, store }
    }

    async fn spool(&self, source: &Source) -> Spool {
        let claim = self.store.claim(source, &Silent).await.unwrap();
        metered(&Silent, move |meter| claim.spool(meter)).await.unwrap()
    }

    async fn put(&self, source: &Source, name: &str, content: &[u8]) -> Entry {
        let mut spool = self.spool(source).await;
        spool.append(content).unwrap();
        let whole = spool.finish(None).unwrap();
        self.store.commit(whole, source, name).unwrap()
    }
}

fn source(name: &str) -> Source {
    Source::Https { url: format!("https://models.example/{name}"), sha256: "0".repeat(64) }
}

fn digest_of(content: &[u8]) -> Digest {
    Digest::of(Sha256::new_with_prefix(content))
}

fn overwrite(entry: &Entry, content: &[u8]) {
    fs::set_permissions(&entry.path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&entry.path, content).unwrap();
}

#[tokio::test]
async fn what_was_committed_is_found_listed_and_verified() {
    let shelf = Shelf::new();
    assert_eq!(shelf.store.find(&source("a")), None);
    let entry = shelf.put(&source("a"), "a.gguf", b"weights").await;
    assert_eq!(entry.digest, Some(digest_of(b"weights")));
    assert_eq!(entry.path.metadata().unwrap().permissions().mode() & 0o777, 0o444);

    let found = shelf.store.find(&source("a")).unwrap();
    assert_eq!((&found.path, found.bytes, found.name.as_str()), (&entry.path, Bytes(7), "a.gguf"));
    assert!(found.fetched.is_some());
    let listing = shelf.store.list().unwrap();
    assert_eq!(listing, Listing { entries: vec![found.clone()], ..Listing::default() });
    assert_eq!(shelf.store.verify(&found, &Silent).await.unwrap(), digest_of(b"weights"));
}

#[tokio::test]
async fn a_fetch_killed_before_its_rename_is_no_entry_and_goes_on_later() {
    let shelf = Shelf::new();
    let mut spool = shelf.spool(&source("a")).await;
    spool.expect(Some(7), Some("\"v1\"".to_owned())).unwrap();
    spool.append(b"weig").unwrap();
    // As after a kill: nothing is finished, nothing tidied; the kernel drops the lock.
    drop(spool);

    assert_eq!(shelf.store.find(&source("a")), None);
    let partials = shelf.store.list().unwrap().partials;
    assert_eq!(partials.len(), 1);
    assert_eq!((partials[0].expected, partials[0].busy), (Some(Bytes(7)), false));

    let mut spool = shelf.spool(&source("a")).await;
    assert_eq!((spool.written(), spool.validator()), (4, Some("\"v1\"")));
    spool.append(b"hts").unwrap();
    let whole = spool.finish(Some(&digest_of(b"weights"))).unwrap();
    let entry = shelf.store.commit(whole, &source("a"), "a.gguf").unwrap();
    assert_eq!(fs::read(&entry.path).unwrap(), b"weights");
    assert_eq!(shelf.store.list().unwrap().partials, []);
}

#[tokio::test]
async fn a_crash_between_reference_and_rename_shows_as_missing_and_is_not_found() {
    let shelf = Shelf::new();
    let entry = shelf.put(&source("a"), "a.gguf", b"weights").await;
    fs::remove_file(&entry.path).unwrap();
    assert_eq!(shelf.store.find(&source("a")), None);
    let damaged = shelf.store.list().unwrap().damaged;
    assert_eq!(damaged[0].what, source("a").to_string());
    assert_eq!(damaged[0].damage, Damage::Missing { path: entry.path });
    assert_eq!(shelf.put(&source("a"), "a.gguf", b"weights").await.bytes, Bytes(7));
    assert_eq!(shelf.store.list().unwrap().damaged, []);
}

#[tokio::test]
async fn a_wrong_digest_names_both_and_leaves_nothing() {
    let shelf = Shelf::new();
    let mut spool = shelf.spool(&source("a")).await;
    spool.append(b"evil").unwrap();
    let failure = spool.finish(Some(&digest_of(b"good"))).unwrap_err();
    let text = failure.to_string();
    assert!(
        text.contains(digest_of(b"good").as_str()) && text.contains(digest_of(b"evil").as_str()),
        "{text}"
    );
    assert_eq!(shelf.store.list().unwrap(), Listing::default());
}

#[tokio::test]
async fn damage_of_every_kind_is_told_apart() {
    let shelf = Shelf::new();
    let entry = shelf.put(&source("a"), "a.gguf", b"weights").await;
    let damage = async || match shelf.store.verify(&entry, &Silent).await.unwrap_err() {
        StoreError::Damaged { damage, .. } => damage,
        other => panic!("{other}"),
    };
    let path = entry.path.clone();
    overwrite(&entry, &[0; 7]);
    // The same size: only the hash can tell, and `find` does not hash.
    assert!(shelf.store.find(&source("a")).is_some());
    assert_eq!(damage().await, Damage::Content { path: path.clone(), found: digest_of(&[0; 7]) });
    overwrite(&entry, b"wei");
    assert_eq!(damage().await, Damage::Size { path: path.clone(), expected: 7, found: 3 });
    assert_eq!(shelf.store.find(&source("a")), None);
    fs::remove_file(&path).unwrap();
    assert_eq!(damage().await, Damage::Missing { path: path.clone() });
    fs::create_dir(&path).unwrap();
    assert_eq!(damage().await, Damage::NotAFile { path: path.clone() });
    fs::remove_dir(&path).unwrap();
    // Another blob renamed to this one's name.
    let other = shelf.put(&source("b"), "b.gguf", b"WEIGHTS").await;
    fs::rename(&other.path, &path).unwrap();
    assert_eq!(damage().await, Damage::Content { path, found: digest_of(b"WEIGHTS") });
}

#[tokio::test]
async fn a_blob_goes_with_its_last_reference() {
    let shelf = Shelf::new();
    let entry = shelf.put(&source("a"), "a.gguf", b"weights").await;
    shelf.put(&source("b"), "b.gguf", b"weights").await;
    let first = shelf.store.remove(&source("a").to_string()).unwrap();
    assert_eq!(first, Removed { sources: vec![source("a").to_string()], freed: Bytes::ZERO });
    assert!(entry.path.exists());
    let second = shelf.store.remove("b.gguf").unwrap();
    assert_eq!(second.freed, Bytes(7));
    assert!(!entry.path.exists());
    assert_eq!(shelf.store.list().unwrap(), Listing::default());
}

#[tokio::test]
async fn a_digests_first_digits_remove_all_that_it_is_known_by() {
    let shelf = Shelf::new();
    shelf.put(&source("a"), "a.gguf", b"weights").await;
    shelf.put(&source("b"), "b.gguf", b"weights").await;
    let prefix = format!("sha256:{}", &digest_of(b"weights").as_str()[..12]);
    let removed = shelf.store.remove(&prefix).unwrap();
    assert_eq!((removed.sources.len(), removed.freed), (2, Bytes(7)));
    assert_eq!(shelf.store.list().unwrap(), Listing::default());
}

#[tokio::test]
async fn what_is_meant_must_be_clear_before_anything_is_removed() {
    let shelf = Shelf::new();
    shelf.put(&source("x/model.gguf"), "model.gguf", b"one").await;
    shelf.put(&source("y/model.gguf"), "model.gguf", b"two").await;
    let ambiguous = shelf.store.remove("model.gguf").unwrap_err().to_string();
    assert!(ambiguous.contains("x/model.gguf") && ambiguous.contains("y/model.gguf"), "{ambiguous}");
    let missing = shelf.store.remove("modle.gguf").unwrap_err().to_string();
    assert!(missing.contains("nearest: model.gguf"), "{missing}");
    assert_eq!(shelf.store.list().unwrap().entries.len(), 2);
}

#[tokio::test]
async fn a_partial_is_removed_by_its_source_but_not_while_it_is_fetched() {
    let shelf = Shelf::new();
    let mut spool = shelf.spool(&source("a")).await;
    spool.append(b"weig").unwrap();
    assert!(shelf.store.list().unwrap().partials[0].busy);
    let asked = source("a").to_string();
    assert!(matches!(shelf.store.remove(&asked), Err(StoreError::Busy { .. })));
    drop(spool);
    assert!(shelf.store.remove(&asked).unwrap().freed >= Bytes(4));
    assert_eq!(shelf.store.list().unwrap(), Listing::default());
}

#[tokio::test]
async fn an_unreadable_reference_is_listed_and_can_be_removed_and_its_blob_too() {
    let shelf = Shelf::new();
    let entry = shelf.put(&source("a"), "a.gguf", b"weights").await;
    let file = names_in(&shelf.store.refs()).unwrap().remove(0);
    fs::write(shelf.store.refs().join(&file), "{\"version\": 99").unwrap();
    let listing = shelf.store.list().unwrap();
    assert_eq!(listing.damaged[0].what, file);
    assert_eq!(listing.orphans, [Orphan { digest: digest_of(b"weights"), bytes: Bytes(7) }]);
    shelf.store.remove(&file).unwrap();
    shelf.store.remove(digest_of(b"weights").as_str()).unwrap();
    assert_eq!(shelf.store.list().unwrap(), Listing::default());
    assert!(!entry.path.exists());
}

#[tokio::test]
async fn sources_too_long_for_a_file_name_stay_apart() {
    let shelf = Shelf::new();
    let long = "ä/".repeat(200);
    let (one, two) = (source(&format!("{long}1")), source(&format!("{long}2")));
    shelf.put(&one, "1", b"one").await;
    shelf.put(&two, "2", b"two").await;
    assert_eq!(shelf.store.find(&one).unwrap().name, "1");
    assert_eq!(shelf.store.find(&two).unwrap().name, "2");
}

#[tokio::test]
async fn a_copied_store_serves_where_nothing_can_be_fetched() {
    let shelf = Shelf::new();
    shelf.put(&source("a"), "a.gguf", b"weights").await;
    let copy = shelf.folder.path().join("copy");
    let copied = std::process::Command::new("cp").arg("-a").arg(shelf.store.dir()).arg(&copy).status();
    assert!(copied.unwrap().success());
    let copy = Store::open(&copy).unwrap();
    let entry = copy.find(&source("a")).unwrap();
    assert!(entry.path.starts_with(copy.dir()));
    copy.verify(&entry, &Silent).await.unwrap();
}

#[test]
fn parts_that_are_links_are_used_under_the_names_of_the_links() {
    let folder = tempfile::tempdir().unwrap();
    // As the hub's own tool keeps them.
    for (number, content) in [(1, "one"), (2, "three")] {
        let blob = folder.path().join(format!("blob{number}"));
        fs::write(&blob, content).unwrap();
        let link = folder.path().join(format!("m-0000{number}-of-00002.gguf"));
        std::os::unix::fs::symlink(blob, link).unwrap();
    }
    let path = folder.path().join("m-00001-of-00002.gguf");
    let source = Source::File { path: path.clone() };
    let entry = Entry::in_place(&source, &path).unwrap();
    assert_eq!(entry.path, fs::canonicalize(folder.path()).unwrap().join("m-00001-of-00002.gguf"));
    assert_eq!((entry.name.as_str(), entry.bytes), ("m-00001-of-00002.gguf", Bytes(8)));
    let other = folder.path().join("m.gguf");
    std::os::unix::fs::symlink(&path, &other).unwrap();
    assert!(Entry::in_place(&source, &other).unwrap().path.ends_with("blob1"));
}

#[test]
fn a_fetch_that_would_fill_the_disk_is_refused_with_the_sum() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.ensure_space(Bytes(1)).unwrap();
    let failure = store.ensure_space(Bytes(u64::MAX / 2)).unwrap_err();
    assert!(failure.is_disk_full());
    assert!(matches!(failure, StoreError::NoSpace { reserve: RESERVE, .. }), "{failure}");
}

#[test]
fn a_home_that_can_not_be_created_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let text = Store::open(file.join("models")).unwrap_err().to_string();
    assert!(text.contains(file.to_str().unwrap()), "{text}");
}
