use std::time::Instant;

use super::*;

const PACKAGE: &str = "tiny-engine==1.0";
const CMAKE: &str = "cmake_minimum_required(VERSION 3.13)\nproject(tiny C)\nadd_executable(llama-server main.c)\n\
    set_target_properties(llama-server PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)\n";
const MAIN: &str = "#include <stdio.h>\nint main(void) { puts(\"--model FNAME\"); return 0; }\n";

/// pip asks a source package's own build script for its metadata; this one needs no other package for that. `{HERE}` is
/// where it may leave a trace.
const BACKEND: &str = "import os\n\
    def prepare_metadata_for_build_wheel(folder, settings=None):\n    \
    open('{HERE}', 'w').close()\n    \
    os.mkdir(os.path.join(folder, 'tiny_engine-1.0.dist-info'))\n    \
    text = open(os.path.join(folder, 'tiny_engine-1.0.dist-info', 'METADATA'), 'w')\n    \
    text.write('Metadata-Version: 2.1\\nName: tiny-engine\\nVersion: 1.0\\n')\n    \
    text.close()\n    \
    return 'tiny_engine-1.0.dist-info'\n";
const PROJECT: &str = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n";

fn how(sha256: String) -> How {
    How::Source {
        package: PACKAGE.into(),
        sha256,
        folder: "engine".into(),
        cmake: vec!["-DCMAKE_BUILD_TYPE=Release".into()],
        targets: vec!["llama-server".into()],
        output: "bin".into(),
    }
}

/// A source package with one small C program; `None` (said) where it can't be built.
fn with_sdist(cmake: &str, main: &str) -> Option<Place> {
    let mut place = Place::empty();
    place.engines.search_path = machine_with(&["cmake", "make", "cc"])?;
    place.engines.fetcher.search_path = machine_with_pip()?;
    // Whatever the machine has under this name is not what is looked for here.
    place.manifest.program = "tiny-engine-server".into();
    let named = |text: &str| text.replace("llama-server", "tiny-engine-server");
    let (sdist, backend) = (place.path("index/tiny_engine-1.0.tar.gz"), backend(&place));
    tar_gz(
        &sdist,
        &[
            ("tiny_engine-1.0/PKG-INFO", "Metadata-Version: 2.1\nName: tiny-engine\nVersion: 1.0\n"),
            ("tiny_engine-1.0/pyproject.toml", PROJECT),
            ("tiny_engine-1.0/backend.py", &backend),
            ("tiny_engine-1.0/engine/CMakeLists.txt", &named(cmake)),
            ("tiny_engine-1.0/engine/main.c", main),
        ],
    );
    let mut source = how(sha256(&sdist));
    if let How::Source { targets, .. } = &mut source {
        *targets = vec!["tiny-engine-server".into()];
    }
    place.add_source("built here", source);
    Some(place)
}

fn backend(place: &Place) -> String {
    BACKEND.replace("{HERE}", &place.path("backend-ran").display().to_string())
}

#[tokio::test]
async fn an_engine_is_built_for_this_cpu_and_its_receipt_says_so() {
    let Some(place) = with_sdist(CMAKE, MAIN) else { return };
    let ready = place.install().await.unwrap();
    assert!(ready.binary.help.contains("--model") && ready.binary.library_path.is_none());
    let folder = ready.binary.program.parent().unwrap().parent().unwrap();
    let receipt = super::super::receipt::Receipt::read(folder).unwrap();
    assert_eq!((receipt.isa, receipt.cpu), (place.engines.host.cpu.isa.clone(), Some("AMD EPYC".into())));
    let told = place.notes.text();
    assert!(told.contains("this takes minutes, once") && told.contains("100 %"), "{told}");
    assert!(place.leftovers().is_empty() && place.path("backend-ran").exists());
}

#[tokio::test]
async fn an_installation_for_another_cpu_is_built_anew_for_this_one() {
    let Some(mut place) = with_sdist(CMAKE, MAIN) else { return };
    place.install().await.unwrap();
    // The home was carried to a machine whose CPU lacks something.
    place.engines.host.cpu.isa.remove(&edgeorch_engines::Isa::Avx512f);
    assert!(place.find().await.ready.is_none());
    place.install().await.unwrap();
    assert!(place.find().await.ready.is_some());
    assert!(place.notes.text().contains("made for CPUs with avx512f, like the AMD EPYC it was built on"));
}

#[tokio::test]
async fn a_source_package_with_another_sha256_is_refused_before_its_code_runs() {
    let Some(mut place) = with_sdist(CMAKE, MAIN) else { return };
    place.manifest.install[0].how = how("0".repeat(64));
    let why = place.install_fails().await;
    assert!(why.contains("its sha256 is not 0000"), "{why}");
    assert!(!place.path("backend-ran").exists() && place.leftovers().is_empty());
}

#[tokio::test]
async fn a_build_that_fails_shows_the_compilers_last_lines() {
    let Some(place) = with_sdist(CMAKE, "int main(void) { return undeclared_name; }\n") else { return };
    let why = place.install_fails().await;
    assert!(why.contains("built here: the build failed; its last lines:"), "{why}");
    assert!(why.contains("undeclared_name"), "{why}");
    assert!(place.leftovers().is_empty());
}

#[tokio::test]
async fn a_configuration_that_fails_is_told_in_cmakes_words() {
    let broken = format!("{CMAKE}message(FATAL_ERROR \"no such accelerator\")\n");
    let Some(place) = with_sdist(&broken, MAIN) else { return };
    let why = place.install_fails().await;
    assert!(why.contains("cmake's configuration failed") && why.contains("no such accelerator"), "{why}");
}

#[tokio::test]
async fn a_build_that_is_given_up_ends_its_compilers_and_is_never_taken_for_an_installation() {
    let Some(mut place) = with_sdist(CMAKE, MAIN) else { return };
    let (bin, pid) = (place.path("bin"), place.path("pid"));
    let script =
        format!("#!/bin/sh\nsleep 600 &\necho $! > {0}.new && mv {0}.new {0}\nwait\n", pid.display());
    write_program(&bin.join("cmake"), script);
    let rest = place.engines.search_path.clone();
    place.engines.search_path =
        std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&rest))).unwrap();
    let deadline = Instant::now() + Duration::from_secs(90);
    tokio::select! {
        _ = place.install() => panic!("it waits for ten minutes"),
        // Another process's doing: there is no event to wait for.
        () = async { while !pid.exists() && Instant::now() < deadline { tokio::task::yield_now().await } } => {}
    }
    let compiler = fs::read_to_string(&pid).unwrap().trim().to_owned();
    // An orphan is reaped by init, which tells nobody when.
    while fs::read_to_string(format!("/proc/{compiler}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(Instant::now() < deadline, "the compiler {compiler} still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(place.find().await.ready.is_none());
    // What a killed process would have left goes away with the next installation.
    let broken_off = place.path("engines/llama.cpp/.partial-killed/made/bin");
    fs::create_dir_all(&broken_off).unwrap();
    fs::remove_file(place.path("bin/cmake")).unwrap();
    place.install().await.unwrap();
    assert!(place.leftovers().is_empty());
}
