use super::super::install::lock;
use super::forge::Forge;
use super::*;

/// A place whose one source is a forge that always gives the engine.
async fn with_forge() -> (Place, Forge) {
    let mut place = Place::empty();
    let archive = place.path("archive.tar.gz");
    tar_gz(&archive, &[("bin/llama-server", ENGINE)]);
    let forge = Forge::start(|url| {
        let url = format!("{url}/a.tar.gz");
        let digest = format!("sha256:{}", sha256(&archive));
        let asset = serde_json::json!({"name": "a.tar.gz", "browser_download_url": url, "digest": digest});
        let listing = serde_json::json!({"assets": [asset]}).to_string();
        vec![("/latest", 200, listing.into_bytes()), ("/a.tar.gz", 200, fs::read(&archive).unwrap())]
    });
    let forge = forge.await;
    place
        .add_source("the release", How::Release { listing: forge.listing(), asset_suffix: ".tar.gz".into() });
    (place, forge)
}

/// How often something was downloaded.
fn downloads(place: &Place) -> usize {
    place.notes.text().matches("started a.tar.gz").count()
}

#[tokio::test]
async fn what_is_missing_is_installed_and_then_kept() {
    let (place, _forge) = with_forge().await;
    for _ in 0..2 {
        place.engines.ensure(&place.manifest, &place.notes).await.unwrap();
        place.install().await.unwrap();
    }
    assert_eq!(downloads(&place), 1);
}

#[tokio::test]
async fn a_damaged_installation_is_made_anew() {
    let (place, _forge) = with_forge().await;
    let program = place.install().await.unwrap().binary.program;
    // As a power cut leaves it.
    fs::write(&program, "").unwrap();
    assert!(place.find().await.ready.is_none());
    assert_eq!(place.install().await.unwrap().binary.program, program);
    assert_eq!(downloads(&place), 2);
    assert!(place.leftovers().is_empty() && place.notes.text().contains("passed over"));
}

#[tokio::test]
async fn a_build_from_elsewhere_that_died_here_is_not_fetched_again() {
    let (place, _forge) = with_forge().await;
    let program = place.install().await.unwrap().binary.program;
    place.engines.condemn(&program);
    let why = place.install_fails().await;
    assert!(why.contains("the release: it died of an illegal instruction here"), "{why}");
    assert_eq!(downloads(&place), 1);
}

#[tokio::test]
async fn of_two_installations_at_once_one_waits_and_finds_what_the_other_made() {
    let (place, _forge) = with_forge().await;
    let held = lock(&place.path("engines/llama.cpp"), &place.notes).await.unwrap();
    let waits = async {
        while !place.notes.text().contains("waiting for it") {
            tokio::task::yield_now().await;
        }
        drop(held);
    };
    let (first, second, ()) = tokio::join!(place.install(), place.install(), waits);
    assert_eq!(first.unwrap().binary, second.unwrap().binary);
    assert_eq!(downloads(&place), 1);
}

#[tokio::test]
async fn what_was_installed_can_be_removed() {
    let (place, _forge) = with_forge().await;
    let remove = async || place.engines.remove(&place.manifest, &place.notes).await.unwrap();
    assert!(!remove().await, "nothing is there");
    place.install().await.unwrap();
    assert!(remove().await);
    assert!(place.find().await.ready.is_none() && !remove().await);
}

#[tokio::test]
async fn a_folder_that_can_not_be_written_is_named() {
    let (place, _forge) = with_forge().await;
    fs::write(place.path("engines/llama.cpp"), "in the way").unwrap();
    let why = place.install_fails().await;
    assert!(why.contains("can't keep engines in") && why.contains("engines/llama.cpp"), "{why}");
}

/// What a person reads where nothing can be done.
#[tokio::test]
async fn each_source_is_told_with_what_stands_against_it() {
    let mut place = Place::empty();
    place.manifest = edgeorch_engines::find("llama.cpp").unwrap().manifest().clone();
    place.engines.host.os.libc = Some("glibc 2.31".into());
    insta::assert_snapshot!(place.install_fails().await);
}
