use std::sync::Arc;

use tokio::sync::Notify;

use super::server::{Act, Server};
use super::*;
use crate::model::store::StoreError;

const LENGTH: usize = 300_000;

#[tokio::test]
async fn a_download_arrives_whole_and_is_not_fetched_twice() {
    let (content, (_folder, store)) = (content(LENGTH), empty_store());
    let server = Server::start(&content, &[Act::Serve]).await;
    let source = server.source(&content);
    let told = Told::default();
    let entry = hasty().fetch(&source, &store, &told).await.unwrap();
    assert_eq!(fs::read(&entry.path).unwrap(), content);
    assert_eq!((entry.name.as_str(), entry.digest), ("a.gguf", Some(digest_of(&content))));
    let text = told.text();
    assert!(text.starts_with(&format!("started a.gguf None\nsized {LENGTH}\n")), "{text}");
    assert!(text.ends_with(&format!("advanced {LENGTH}\nfinished")), "{text}");

    assert_eq!(hasty().fetch(&source, &store, &Silent).await.unwrap().path, entry.path);
    assert_eq!(server.ranges().len(), 1);
}

#[tokio::test]
async fn a_cut_connection_goes_on_where_it_broke_off() {
    let (content, (_folder, store)) = (content(LENGTH), empty_store());
    let script = [Act::CutAfter(100_000), Act::CutAfter(50_000), Act::Serve];
    let server = Server::start(&content, &script).await;
    let entry = hasty().fetch(&server.source(&content), &store, &Silent).await.unwrap();
    assert_eq!(fs::read(&entry.path).unwrap(), content);
    let ranges = server.ranges();
    assert_eq!(ranges.len(), 3);
    assert!(ranges[0].is_none() && ranges[1].is_some() && ranges[2].is_some(), "{ranges:?}");
}

#[tokio::test]
async fn more_cuts_than_retries_are_survived_while_bytes_arrive() {
    let (content, (_folder, store)) = (content(LENGTH), empty_store());
    let mut script = vec![Act::CutAfter(30_000); 8];
    script.push(Act::Serve);
    let server = Server::start(&content, &script).await;
    hasty().fetch(&server.source(&content), &store, &Silent).await.unwrap();
}

#[tokio::test]
async fn a_server_that_ignores_ranges_is_read_from_the_start() {
    let (content, (_folder, store)) = (content(LENGTH), empty_store());
    let server = Server::start(&content, &[Act::CutAfter(100_000), Act::IgnoreRange]).await;
    let told = Told::default();
    let entry = hasty().fetch(&server.source(&content), &store, &told).await.unwrap();
    assert_eq!(fs::read(&entry.path).unwrap(), content);
    assert!(told.text().contains("the server sends the file from its start"), "{}", told.text());
}

#[tokio::test]
async fn a_file_that_changed_between_two_tries_is_never_stitched_together() {
    let (old, new) = (content(LENGTH), content(LENGTH + 1)[1..].to_vec());
    let (_folder, store) = empty_store();
    let server = Server::start(&old, &[Act::CutAfter(100_000), Act::Status(404)]).await;
    let source = server.source(&new);
    hasty().fetch(&source, &store, &Silent).await.unwrap_err();
    assert!(store.list().unwrap().partials[0].bytes > Bytes::ZERO);
    server.replace(&new, "\"v2\"", &[Act::Serve]);
    let entry = hasty().fetch(&source, &store, &Silent).await.unwrap();
    assert_eq!(fs::read(&entry.path).unwrap(), new);
}

#[tokio::test]
async fn a_partial_spoiled_by_a_power_cut_is_fetched_anew() {
    let (content, (_folder, store)) = (content(LENGTH), empty_store());
    let server = Server::start(&content, &[Act::CutAfter(100_000), Act::Status(404)]).await;
    let source = server.source(&content);
    hasty().fetch(&source, &store, &Silent).await.unwrap_err();
    let data = store.list().unwrap().partials[0].path.join("data");
    let length = fs::metadata(&data).unwrap().len() as usize;
    fs::write(&data, vec![0; length]).unwrap();

    server.replace(&content, "\"v1\"", &[Act::Serve]);
    let told = Told::default();
    let entry = hasty().fetch(&source, &store, &told).await.unwrap();
    assert_eq!(fs::read(&entry.path).unwrap(), content);
    assert!(told.text().contains("wrong sha256; starting over"), "{}", told.text());
}

#[tokio::test]
async fn another_content_than_the_pinned_one_is_refused_and_removed() {
    let (good, (_folder, store)) = (content(LENGTH), empty_store());
    let server = Server::start(b"evil", &[Act::Serve]).await;
    let failure = hasty().fetch(&server.source(&good), &store, &Silent).await.unwrap_err();
    let text = failure.to_string();
    assert!(text.contains(digest_of(&good).as_str()), "{text}");
    assert!(text.contains(digest_of(b"evil").as_str()), "{text}");
    assert_eq!(store.list().unwrap(), Default::default());
}

#[tokio::test]
async fn a_wrong_file_is_fetched_anew_only_once() {
    let (good, (_folder, store)) = (content(LENGTH), empty_store());
    let server = Server::start(&vec![b'x'; LENGTH], &[Act::CutAfter(100_000), Act::Serve]).await;
    let failure = hasty().fetch(&server.source(&good), &store, &Silent).await.unwrap_err();
    assert!(matches!(failure, FetchError::Store(StoreError::Mismatch { .. })), "{failure:?}");
    assert_eq!(server.ranges().len(), 3);
}

#[tokio::test]
async fn more_than_the_server_told_is_thrown_away() {
    let (content, (_folder, store)) = (content(LENGTH), empty_store());
    let script = [Act::CutAfter(100_000), Act::TooMuch, Act::Serve];
    let server = Server::start(&content, &script).await;
    let told = Told::default();
    let entry = hasty().fetch(&server.source(&content), &store, &told).await.unwrap();
    assert_eq!(fs::read(&entry.path).unwrap(), content);
    assert!(told.text().contains("sent more than the 293 KiB"), "{}", told.text());
}

#[tokio::test]
async fn a_server_that_starts_over_and_never_gets_further_is_given_up() {
    let (content, (_folder, store)) = (content(LENGTH), empty_store());
    let round = [Act::CutAfter(100_000), Act::TooMuch];
    let script: Vec<Act> = round.iter().cycle().take(40).cloned().collect();
    let server = Server::start(&content, &script).await;
    let failure = hasty().fetch(&server.source(&content), &store, &Silent).await.unwrap_err();
    assert!(matches!(failure, FetchError::Cut { .. }), "{failure:?}");
    assert!(server.ranges().len() < 10, "{} requests", server.ranges().len());
}

#[tokio::test]
async fn a_silent_server_is_given_up_and_what_arrived_is_kept() {
    let (content, (_folder, store)) = (content(LENGTH), empty_store());
    let server = Server::start(&content, &[Act::StallAfter(100_000), Act::StallAfter(0)]).await;
    let source = server.source(&content);
    let failure = hasty().fetch(&source, &store, &Silent).await.unwrap_err();
    assert!(
        matches!(failure, FetchError::Cut { cause: Cut::Stalled { .. }, kept: Bytes(100_000), .. }),
        "{failure:?}"
    );
    assert_eq!(store.list().unwrap().partials[0].expected, Some(Bytes(LENGTH as u64)));

    server.replace(&content, "\"v1\"", &[Act::Serve]);
    hasty().fetch(&source, &store, &Silent).await.unwrap();
    assert_eq!(server.ranges().last().unwrap().as_deref(), Some("bytes=100000-"));
}

#[tokio::test]
async fn a_server_error_is_tried_again_and_a_refusal_is_not() {
    let (content, (_folder, store)) = (content(LENGTH), empty_store());
    let server = Server::start(&content, &[Act::Status(503), Act::Serve]).await;
    hasty().fetch(&server.source(&content), &store, &Silent).await.unwrap();

    let (_folder, store) = empty_store();
    let server = Server::start(&content, &[Act::Status(404)]).await;
    let failure = hasty().fetch(&server.source(&content), &store, &Silent).await.unwrap_err();
    assert!(matches!(failure, FetchError::Refused { status: 404, .. }), "{failure:?}");
    assert_eq!(server.ranges().len(), 1);
}

#[tokio::test]
async fn nobody_listening_is_a_connection_error_and_not_a_hang() {
    let (_folder, store) = empty_store();
    let server = Server::start(b"", &[Act::Serve]).await;
    let source = server.source(b"");
    drop(server);
    tokio::task::yield_now().await;
    let failure = hasty().fetch(&source, &store, &Silent).await.unwrap_err();
    assert!(matches!(failure, FetchError::Cut { cause: Cut::Connection(_), .. }), "{failure:?}");
}

#[tokio::test]
async fn a_redirect_to_plain_http_elsewhere_is_not_followed() {
    let (_folder, store) = empty_store();
    let away = Act::RedirectTo("http://models.example/a.gguf".to_owned());
    let server = Server::start(b"", &[away]).await;
    let failure = hasty().fetch(&server.source(b""), &store, &Silent).await.unwrap_err();
    assert!(format!("{failure:?}").contains("redirected to plain http"), "{failure:?}");
}

#[tokio::test]
async fn two_who_fetch_the_same_source_end_with_one_download() {
    let (content, (_folder, store)) = (content(LENGTH), empty_store());
    let server = Server::start(&content, &[Act::Serve]).await;
    let source = server.source(&content);
    let (one, two) = (hasty(), hasty());
    let (one, two) = tokio::join!(one.fetch(&source, &store, &Silent), two.fetch(&source, &store, &Silent));
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(server.ranges().len(), 1);
}

/// Tells when the first bytes have arrived.
struct FirstBytes(Arc<Notify>);

impl Progress for FirstBytes {
    fn started(&self, _name: &str, _total: Option<Bytes>) {}
    fn sized(&self, _total: Bytes) {}
    fn advanced(&self, done: Bytes) {
        if done >= Bytes(100_000) {
            self.0.notify_one();
        }
    }
    fn reached(&self, _percent: u8) {}
    fn message(&self, _text: &str) {}
    fn note(&self, _text: &str) {}
    fn finished(&self) {}
}

#[tokio::test]
async fn a_cancelled_download_is_continued_by_the_next() {
    let (content, (_folder, store)) = (content(LENGTH), empty_store());
    let server = Server::start(&content, &[Act::StallAfter(100_000), Act::Serve]).await;
    let source = server.source(&content);
    let patient = Fetcher::from_env();
    let arrived = Arc::new(Notify::new());
    let progress = FirstBytes(Arc::clone(&arrived));
    tokio::select! {
        ended = patient.fetch(&source, &store, &progress) => panic!("{ended:?}"),
        () = arrived.notified() => {}
    }
    // The writer may still be at it: the next one waits for its lock, and then sees all of it.
    let entry = hasty().fetch(&source, &store, &Silent).await.unwrap();
    assert_eq!(fs::read(&entry.path).unwrap(), content);
    assert_eq!(server.ranges().last().unwrap().as_deref(), Some("bytes=100000-"));
}

#[tokio::test]
async fn a_download_outside_the_store_lands_in_its_folder() {
    let content = content(LENGTH);
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&content, &[Act::CutAfter(100_000), Act::Serve]).await;
    let path =
        hasty().download(&server.url(), Some(&digest_of(&content)), folder.path(), &Silent).await.unwrap();
    assert_eq!(path, folder.path().join("a.gguf"));
    assert_eq!(fs::read(&path).unwrap(), content);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_download_that_can_not_fit_is_refused_before_it_begins() {
    let Some(disk) = SmallDisk::mount("size=1m") else { return };
    let store = Store::open(disk.path()).unwrap().with_reserve(Bytes::ZERO);
    let content = content(4 << 20);
    let server = Server::start(&content, &[Act::Serve]).await;
    let failure = hasty().fetch(&server.source(&content), &store, &Silent).await.unwrap_err();
    let FetchError::Store(failure) = failure else { panic!("{failure:?}") };
    assert!(failure.is_disk_full() && failure.to_string().contains("4.0 MiB"), "{failure}");
}

#[tokio::test]
async fn a_disk_that_fills_up_on_the_way_is_told_and_what_arrived_is_kept() {
    let Some(disk) = SmallDisk::mount("size=1m") else { return };
    let store = Store::open(disk.path()).unwrap().with_reserve(Bytes::ZERO);
    let content = content(4 << 20);
    let server = Server::start(&content, &[Act::Unsized]).await;
    let failure = hasty().fetch(&server.source(&content), &store, &Silent).await.unwrap_err();
    let FetchError::Store(failure @ StoreError::Full { .. }) = failure else { panic!("{failure:?}") };
    assert!(failure.to_string().contains(disk.path().to_str().unwrap()), "{failure}");
    assert!(store.list().unwrap().partials[0].bytes > Bytes(500_000));
}

#[tokio::test]
async fn a_read_only_home_serves_what_it_has_and_names_itself_when_asked_for_more() {
    let Some(disk) = SmallDisk::mount("size=4m") else { return };
    let store = Store::open(disk.path()).unwrap().with_reserve(Bytes::ZERO);
    let content = content(1000);
    let server = Server::start(&content, &[Act::Serve]).await;
    let here = server.source(&content);
    hasty().fetch(&here, &store, &Silent).await.unwrap();
    disk.remount_read_only();

    let store = Store::open(disk.path()).unwrap();
    assert!(hasty().fetch(&here, &store, &Silent).await.is_ok());
    assert_eq!(store.list().unwrap().entries.len(), 1);
    let failure = hasty().fetch(&server.source(b"other"), &store, &Silent).await.unwrap_err();
    assert!(matches!(failure, FetchError::Store(StoreError::ReadOnly { .. })), "{failure:?}");
    assert!(failure.to_string().contains(disk.path().to_str().unwrap()), "{failure}");
}
