use super::super::receipt::Receipt;
use super::*;

/// An installation as one is left behind, without a source that it came from.
fn put_installed(place: &Place, key: &str, receipt: impl FnOnce(&mut Receipt)) -> PathBuf {
    let folder = place.path("engines/llama.cpp").join(key);
    write_program(&folder.join("bin/llama-server"), ENGINE);
    let mut written = Receipt {
        source: key.to_owned(),
        from: "x==1".into(),
        sha256: String::new(),
        program: "bin/llama-server".into(),
        libraries: None,
        isa: BTreeSet::new(),
        cpu: None,
    };
    receipt(&mut written);
    written.write(&folder).unwrap();
    folder.join("bin/llama-server")
}

#[test]
fn only_executable_files_in_absolute_folders_count() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("llama-server");
    let path = folder.path().as_os_str();
    fs::write(&program, "").unwrap();
    assert_eq!(find_on("llama-server", path), None, "not executable");
    write_program(&program, "");
    assert_eq!(find_on("llama-server", path), Some(program));
    assert_eq!(find_on("llama-server", ".:relative".as_ref()), None);
}

#[tokio::test]
async fn what_is_on_path_comes_before_what_is_installed() {
    let place = Place::empty();
    assert!(place.find().await.ready.is_none());
    let installed = put_installed(&place, "source", |_| {});
    let ready = place.find().await.ready.unwrap();
    assert_eq!((ready.binary.program, ready.binary.version.as_deref()), (installed, Some("version: 7")));
    write_program(&place.path("bin/llama-server"), ENGINE);
    assert_eq!(place.find().await.ready.unwrap().origin, Origin::Path);
}

#[tokio::test]
async fn a_program_on_path_that_can_not_be_run_is_passed_over_with_its_reason_told_once() {
    let place = Place::empty();
    let installed = put_installed(&place, "source", |_| {});
    write_program(&place.path("bin/llama-server"), "#!/bin/sh\nkill -ILL $$\n");
    for _ in 0..2 {
        let ready = place.engines.ensure(&place.manifest, &place.notes).await.unwrap();
        assert_eq!(ready.binary.program, installed);
    }
    let told = place.notes.text();
    assert!(
        told.contains("bin/llama-server can't be run: `--help` dies of an illegal instruction"),
        "{told}"
    );
    assert_eq!(told.matches("passed over").count(), 1, "{told}");
}

#[tokio::test]
async fn a_build_for_another_cpu_is_not_run_on_this_one() {
    let place = Place::empty();
    put_installed(&place, "source", |receipt| {
        receipt.isa = BTreeSet::from([edgeorch_engines::Isa::Avx2, edgeorch_engines::Isa::AmxInt8]);
        receipt.cpu = Some("Xeon 6975P".into());
    });
    let search = place.find().await;
    assert!(search.ready.is_none());
    let why = search.passed_over[0].to_string();
    assert!(
        why.contains(
            "made for CPUs with amx_int8, like the Xeon 6975P it was built on, which this one lacks"
        ),
        "{why}"
    );
}

#[tokio::test]
async fn a_cpu_that_tells_nothing_of_itself_rules_nothing_out() {
    let mut place = Place::empty();
    place.engines.host.cpu.isa.clear();
    put_installed(&place, "source", |receipt| receipt.isa = BTreeSet::from([edgeorch_engines::Isa::Avx2]));
    assert!(place.find().await.ready.is_some());
}

#[tokio::test]
async fn a_program_that_died_of_sigill_is_passed_over_until_it_is_replaced() {
    let place = Place::empty();
    let program = place.path("bin/llama-server");
    write_program(&program, ENGINE);
    assert!(place.find().await.ready.is_some());
    place.engines.condemn(&program);
    let search = place.find().await;
    assert!(search.ready.is_none());
    assert!(search.passed_over[0].to_string().contains("it died of an illegal instruction here"));
    write_program(&program, format!("{ENGINE}# another build\n"));
    assert!(place.find().await.ready.is_some());
}

#[tokio::test]
async fn a_folder_without_a_readable_receipt_is_no_installation() {
    let place = Place::empty();
    let program = put_installed(&place, "source", |_| {});
    let receipt = program.parent().unwrap().parent().unwrap().join("installed.json");
    for broken in ["", "{", "[]", "{\"source\": 1}"] {
        fs::write(&receipt, broken).unwrap();
        let search = place.find().await;
        assert!(search.ready.is_none() && search.passed_over.is_empty(), "{broken}: {search:?}");
    }
}
