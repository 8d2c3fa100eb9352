use serde_json::json;

use super::forge::Forge;
use super::*;

const NAME: &str = "llama-b1-bin-ubuntu-x64.tar.gz";

fn how(listing: String) -> How {
    How::Release { listing, asset_suffix: "-bin-ubuntu-x64.tar.gz".into() }
}

/// A release with one archive of these files; `digest` gets the right one and gives the listed one.
async fn with_release(
    files: &[(&str, &str)],
    digest: impl FnOnce(String) -> Option<String>,
) -> (Place, Forge) {
    let mut place = Place::empty();
    let archive = place.path("archive.tar.gz");
    tar_gz(&archive, files);
    let digest = digest(format!("sha256:{}", sha256(&archive)));
    let forge = Forge::start(|url| {
        let asset = json!({"name": NAME, "browser_download_url": format!("{url}/{NAME}"), "digest": digest});
        let other = json!({"name": "llama-b1-bin-macos.zip", "browser_download_url": "https://x.invalid/"});
        let listing = json!({"tag_name": "b1", "assets": [other, asset]});
        let path = "/llama-b1-bin-ubuntu-x64.tar.gz";
        vec![("/latest", 200, listing.to_string().into_bytes()), (path, 200, fs::read(&archive).unwrap())]
    });
    let forge = forge.await;
    place.add_source("the release", how(forge.listing()));
    (place, forge)
}

/// Why a source with this answer as its listing fails.
async fn refusal_of(status: u16, listing: &str) -> String {
    let mut place = Place::empty();
    let listing = listing.as_bytes().to_vec();
    let forge = Forge::start(|_| vec![("/latest", status, listing)]).await;
    place.add_source("the release", how(forge.listing()));
    place.install_fails().await
}

#[tokio::test]
async fn the_listed_archive_is_fetched_checked_and_unpacked_wherever_the_program_lies_in_it() {
    let files = [("build/bin/llama-server", ENGINE), ("build/bin/libx.so", "library"), ("LICENSE", "MIT")];
    let (place, _forge) = with_release(&files, Some).await;
    let ready = place.install().await.unwrap();
    let bin = ready.binary.library_path.unwrap();
    assert_eq!(fs::read_to_string(bin.join("libx.so")).unwrap(), "library");
    let receipt = super::super::receipt::Receipt::read(bin.parent().unwrap()).unwrap();
    assert!(receipt.from.ends_with(NAME) && receipt.sha256.len() == 64, "{receipt:?}");
    assert!(place.leftovers().is_empty());
}

#[tokio::test]
async fn an_archive_that_is_not_what_the_listing_says_is_refused() {
    let wrong = format!("sha256:{}", "0".repeat(64));
    let (place, _forge) = with_release(&[("llama-server", ENGINE)], |_| Some(wrong)).await;
    let why = place.install_fails().await;
    assert!(why.contains("sha256"), "{why}");
    assert!(place.leftovers().is_empty());
}

#[tokio::test]
async fn an_archive_without_a_digest_is_not_even_fetched() {
    for digest in [None, Some("md5:00".to_owned()), Some("sha256:short".to_owned())] {
        let (place, _forge) = with_release(&[("llama-server", ENGINE)], |_| digest).await;
        let why = place.install_fails().await;
        assert!(why.contains(&format!("gives no SHA-256 to check {NAME} with")), "{why}");
    }
}

#[tokio::test]
async fn an_archive_that_wants_out_is_refused_whole() {
    for name in ["../escaped", "/escaped", "build/../../escaped"] {
        let (place, _forge) = with_release(&[("llama-server", ENGINE), (name, "x")], Some).await;
        let why = place.install_fails().await;
        assert!(why.contains("it wants to write to"), "{name}: {why}");
        assert!(place.leftovers().is_empty() && !place.path("escaped").exists());
    }
}

#[tokio::test]
async fn an_archive_without_the_program_says_so() {
    let (place, _forge) = with_release(&[("bin/llama-cli", ENGINE)], Some).await;
    let why = place.install_fails().await;
    assert!(why.contains("the release: it holds no llama-server"), "{why}");
}

#[tokio::test]
async fn answers_that_are_no_listing_are_told_by_what_is_wrong() {
    let cases = [
        (404, "", "its listing answers with 404 Not Found"),
        (403, "rate limit", "its listing answers with 403 Forbidden"),
        (200, "<html>", "its listing can't be read: expected value"),
        (200, "{}", "missing field `assets`"),
        (200, "{\"assets\": []}", "its listing has no file that ends with -bin-ubuntu-x64.tar.gz"),
    ];
    for (status, listing, expected) in cases {
        let why = refusal_of(status, listing).await;
        assert!(why.contains(expected), "{status} {listing}: {why}");
    }
}

#[tokio::test]
async fn a_forge_out_of_reach_leaves_the_turn_to_the_next_source() {
    let (mut place, _forge) = with_release(&[("llama-server", ENGINE)], Some).await;
    // Bound and closed again: nothing listens there.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    place.add_source("the lost one", how(format!("http://{gone}/latest")));
    place.manifest.install.reverse();
    let ready = place.install().await.unwrap();
    assert_eq!(ready.origin, Origin::Installed { by: "the release".into() });
    let told = place.notes.text();
    assert!(told.contains("the lost one: it can't be reached from here; trying the next source"), "{told}");
}

#[tokio::test]
async fn a_forge_that_answers_nothing_is_not_waited_for() {
    let mut place = Place::empty();
    place.engines.patience.listing = Duration::from_millis(200);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    place.add_source("the silent one", how(format!("http://{}/latest", silent.local_addr().unwrap())));
    let why = place.install_fails().await;
    assert!(why.contains("the silent one: its listing did not come within 200ms"), "{why}");
}
