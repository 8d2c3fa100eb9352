//! A hub of one repository: its listing and its files, on loopback.

use super::server::{Act, Server};
use super::*;
use crate::model::source::hf::endpoint;
use crate::model::store::StoreError;

const LENGTH: usize = 100_000;
pub(super) const LISTING: &str = "/api/models/org/repo/tree/main?recursive=true";
const FILE: &str = "/org/repo/resolve/main/sub/m-Q4_K_M.gguf";

pub(super) fn listed(path: &str, content: &[u8]) -> String {
    let (digest, size) = (digest_of(content), content.len());
    format!(
        r#"{{"type":"file","oid":"0","size":{size},"path":"{path}","lfs":{{"oid":"{digest}","size":{size},"pointerSize":134}}}}"#
    )
}

/// Serves `content` as the Q4_K_M of a repository that has a Q8_0 and a projector as well.
async fn hub(content: &[u8], script: &[Act]) -> (Server, Fetcher) {
    let server = Server::start(b"", script).await;
    let paths = ["sub/m-Q4_K_M.gguf", "m-Q8_0.gguf", "mmproj-m.gguf"];
    let page = paths.map(|path| listed(path, content)).join(",");
    server.file(LISTING, format!("[{page}]").as_bytes());
    server.file(FILE, content);
    let fetcher = Fetcher { hub: server.root(), ..hasty() };
    (server, fetcher)
}

pub(super) fn source(text: &str) -> Source {
    text.parse().unwrap()
}

#[tokio::test]
async fn the_file_of_a_quantization_arrives_and_is_not_fetched_twice() {
    let (content, (_folder, store)) = (content(LENGTH), empty_store());
    let (server, fetcher) = hub(&content, &[Act::Serve]).await;
    let source = source("hf:org/repo:q4_k_m");
    let entry = fetcher.fetch(&source, &store, &Silent).await.unwrap();
    assert_eq!(fs::read(&entry.path).unwrap(), content);
    assert_eq!((entry.name.as_str(), entry.digest), ("m-Q4_K_M.gguf", Some(digest_of(&content))));
    assert_eq!(fetcher.fetch(&source, &store, &Silent).await.unwrap().path, entry.path);
    assert_eq!(server.paths(), [LISTING, FILE]);
    assert_eq!(store.list().unwrap().entries[0].source, source);
}

#[tokio::test]
async fn a_cut_download_goes_on_where_it_broke_off() {
    let (content, (_folder, store)) = (content(LENGTH), empty_store());
    let (server, fetcher) = hub(&content, &[Act::Serve, Act::CutAfter(40_000), Act::Serve]).await;
    let entry = fetcher.fetch(&source("hf:org/repo:Q4_K_M"), &store, &Silent).await.unwrap();
    assert_eq!(fs::read(&entry.path).unwrap(), content);
    assert!(server.ranges()[2].is_some(), "{:?}", server.ranges());
}

#[tokio::test]
async fn a_revision_is_one_part_of_the_address() {
    let (_folder, store) = empty_store();
    let server = Server::start(b"", &[Act::Serve]).await;
    let content = content(LENGTH);
    let page = format!("[{}]", listed("m.gguf", &content));
    server.file("/mirror/api/models/org/repo/tree/refs%2Fpr%2F3?recursive=true", page.as_bytes());
    server.file("/mirror/org/repo/resolve/refs%2Fpr%2F3/m.gguf", &content);
    let fetcher = Fetcher { hub: format!("{}/mirror/", server.root()), ..hasty() };
    fetcher.fetch(&source("hf:org/repo@refs/pr/3"), &store, &Silent).await.unwrap();
}

#[tokio::test]
async fn a_long_listing_is_read_to_its_end_and_stays_on_this_hub() {
    let (content, (_folder, store)) = (content(LENGTH), empty_store());
    let next = "<https://elsewhere.invalid/steal?recursive=true&cursor=2>; rel=\"next\"".to_owned();
    let (server, fetcher) = hub(&content, &[Act::Link(next), Act::Serve]).await;
    server.file(LISTING, format!("[{}]", listed("other-Q8_0.gguf", &content)).as_bytes());
    let second = format!("{LISTING}&cursor=2");
    server.file(&second, format!("[{}]", listed("sub/m-Q4_K_M.gguf", &content)).as_bytes());
    fetcher.fetch(&source("hf:org/repo:Q4_K_M"), &store, &Silent).await.unwrap();
    assert_eq!(server.paths(), [LISTING, second.as_str(), FILE]);
}

#[tokio::test]
async fn a_listing_without_end_is_given_up() {
    let (_folder, store) = empty_store();
    let next = format!("<{LISTING}>; rel=\"next\"");
    let (server, fetcher) = hub(b"x", &[Act::Link(next)]).await;
    let failure = fetcher.fetch(&source("hf:org/repo:Q4_K_M"), &store, &Silent).await.unwrap_err();
    assert!(matches!(failure, FetchError::Hub(HubError::TooManyFiles { .. })), "{failure:?}");
    assert_eq!(server.paths().len(), 16);
}

#[tokio::test]
async fn another_content_than_the_hub_listed_is_refused() {
    let (_folder, store) = empty_store();
    let (server, fetcher) = hub(&content(LENGTH), &[Act::Serve]).await;
    server.file(FILE, &[0; LENGTH]);
    let failure = fetcher.fetch(&source("hf:org/repo:Q4_K_M"), &store, &Silent).await.unwrap_err();
    assert!(matches!(failure, FetchError::Store(StoreError::Mismatch { .. })), "{failure:?}");
}

#[tokio::test]
async fn what_is_in_the_way_is_told_in_a_sentence() {
    let (_folder, store) = empty_store();
    let content = content(LENGTH);
    for (act, text, told) in [
        (Act::Status(401), "hf:org/repo:Q4_K_M", "edgeorch sends no token"),
        (Act::Status(403), "hf:org/repo:Q4_K_M", "terms to accept"),
        (Act::Status(429), "hf:org/repo:Q4_K_M", "answered 429; try again later"),
        (Act::StallAfter(3), "hf:org/repo:Q4_K_M", "no byte from the hub for 0.4 s"),
        (Act::Serve, "hf:org/nothing", "list hf:org/nothing: the hub has no such repository"),
        (Act::Serve, "hf:org/repo@v2", "list hf:org/repo@v2: the hub has no such"),
        (Act::Serve, "hf:org/repo", "name one after a colon: Q8_0, Q4_K_M"),
        (Act::Serve, "hf:org/repo:Q2_K", "none of its files is `Q2_K`"),
    ] {
        let (_server, fetcher) = hub(&content, &[act]).await;
        let failure = fetcher.fetch(&source(text), &store, &Silent).await.unwrap_err();
        let failure = edgeorch_engines::chain(&failure);
        assert!(failure.contains(told), "{text}: {failure}");
    }
    assert_eq!(store.list().unwrap().entries, []);
}

#[tokio::test]
async fn a_page_that_is_no_listing_and_files_that_cannot_be_had_are_refused() {
    let (_folder, store) = empty_store();
    let plain = r#"{"type":"file","path":"a.gguf","size":9}"#.to_owned();
    let cut = listed("a.gguf", b"x");
    for (page, told) in [
        ("<html>sign in</html>".to_owned(), "is no hub; check HF_ENDPOINT"),
        (format!("[{}", &cut[..cut.len() - 9]), "is no hub; check HF_ENDPOINT"),
        (format!("[{plain}]"), "the hub tells no sha256"),
    ] {
        let (server, fetcher) = hub(b"x", &[Act::Serve]).await;
        server.file(LISTING, page.as_bytes());
        let failure = fetcher.fetch(&source("hf:org/repo"), &store, &Silent).await.unwrap_err();
        assert!(edgeorch_engines::chain(&failure).contains(told), "{failure:?}");
    }
}

#[tokio::test]
async fn a_mirror_must_be_https() {
    let (_folder, store) = empty_store();
    for hub in ["http://mirror.example", "ftp://mirror.example", "mirror"] {
        let fetcher = Fetcher { hub: hub.to_owned(), ..hasty() };
        let failure = fetcher.fetch(&source("hf:org/repo"), &store, &Silent).await.unwrap_err();
        assert!(matches!(failure, FetchError::Url { .. }), "{hub}: {failure:?}");
    }
    assert_eq!(endpoint(None), "https://huggingface.co");
    assert_eq!(endpoint(Some(" ".into())), "https://huggingface.co");
    assert_eq!(endpoint(Some("https://mirror.example".into())), "https://mirror.example");
}
