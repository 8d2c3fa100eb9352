use std::time::Instant;

use super::*;

/// Why the program on PATH is passed over.
async fn refusal(place: &Place) -> String {
    let search = place.find().await;
    assert!(search.ready.is_none(), "{search:?}");
    search.passed_over[0].to_string()
}

async fn refusal_of(script: &str) -> String {
    let place = Place::empty();
    write_program(&place.path("bin/llama-server"), format!("#!/bin/sh\n{script}\n"));
    refusal(&place).await
}

#[tokio::test]
async fn a_program_is_asked_once_until_it_changes() {
    let place = Place::empty();
    let (program, asked) = (place.path("bin/llama-server"), place.path("asked"));
    let counting = format!("{ENGINE}echo >> {}\n", asked.display());
    write_program(&program, &counting);
    let times = || fs::read_to_string(&asked).unwrap().lines().count();
    for _ in 0..3 {
        assert_eq!(place.find().await.ready.unwrap().binary.help, "--model FNAME\n");
    }
    assert_eq!(times(), 2, "--help and --version");
    write_program(&program, counting.replace("FNAME", "PATH"));
    assert_eq!(place.find().await.ready.unwrap().binary.help, "--model PATH\n");
    assert_eq!(times(), 4);
}

#[tokio::test]
async fn a_damaged_cache_is_an_empty_one() {
    let place = Place::empty();
    write_program(&place.path("bin/llama-server"), ENGINE);
    let cache = place.path("engines/help-cache.json");
    for damaged in ["", "{\"a\":", "[1]", "{\"/x\": {\"key\": 1}}"] {
        fs::write(&cache, damaged).unwrap();
        assert!(place.find().await.ready.is_some(), "{damaged}");
        let healed: serde_json::Value = serde_json::from_slice(&fs::read(&cache).unwrap()).unwrap();
        assert_eq!(healed.as_object().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_cache_that_can_not_be_written_costs_only_time() {
    let place = Place::empty();
    write_program(&place.path("bin/llama-server"), ENGINE);
    fs::create_dir(place.path("engines/help-cache.json")).unwrap();
    assert!(place.find().await.ready.is_some());
    assert_eq!(fs::read_dir(place.path("engines")).unwrap().count(), 1, "no partial file stays");
}

#[tokio::test]
async fn variables_that_would_change_an_engine_do_not_reach_it() {
    let mut place = Place::empty();
    let names = "env | cut -d= -f1 | sed 's/^/--/'";
    write_program(&place.path("bin/llama-server"), format!("#!/bin/sh\nPATH=/bin:/usr/bin\n{names}\n"));
    let help = place.find().await.ready.unwrap().binary.help;
    assert!(help.contains("--CARGO_MANIFEST_DIR"), "{help}");
    fs::remove_file(place.path("engines/help-cache.json")).unwrap();
    // Cargo's variables are there in every test, so they stand for LLAMA_*.
    place.manifest.scrub = vec!["CARGO_".into()];
    let help = place.find().await.ready.unwrap().binary.help;
    assert!(!help.contains("--CARGO_") && help.contains("--PATH"), "{help}");
}

#[tokio::test]
async fn a_program_that_tells_no_version_can_be_used() {
    let place = Place::empty();
    write_program(&place.path("bin/llama-server"), "#!/bin/sh\n[ $1 = --help ] && echo --model\n");
    let ready = place.find().await.ready.unwrap();
    assert_eq!(ready.binary.version, None);
}

#[tokio::test]
async fn a_program_that_never_ends_is_ended_with_all_that_it_started() {
    let mut place = Place::empty();
    place.engines.patience.program = Duration::from_millis(300);
    let pid = place.path("pid");
    // Its child holds the pipes open, also when the program itself is gone.
    let script = format!("#!/bin/sh\n/bin/sleep 600 &\necho $! > {}\nwait\n", pid.display());
    write_program(&place.path("bin/llama-server"), script);
    assert!(refusal(&place).await.contains("`--help` did not end within 300ms"));
    let child = fs::read_to_string(&pid).unwrap().trim().to_owned();
    let deadline = Instant::now() + Duration::from_secs(60);
    // An orphan is reaped by init, which tells nobody when.
    while fs::read_to_string(format!("/proc/{child}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(Instant::now() < deadline, "its child {child} still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test]
async fn endless_output_is_not_read_to_its_end() {
    let why = refusal_of("while :; do echo '--flag'; done").await;
    assert!(why.contains("it prints more than 1 MiB"), "{why}");
}

#[tokio::test]
async fn how_a_program_ends_is_told_with_its_last_words() {
    let cases = [
        ("kill -ILL $$", "`--help` dies of an illegal instruction: it is not built for this CPU"),
        ("kill -SEGV $$", "`--help` dies of signal 11"),
        ("echo first; echo 'no libcuda.so.1' >&2; exit 127", "`--help` ends with 127: no libcuda.so.1"),
        ("exit 3", "`--help` ends with 3: it prints nothing"),
        ("echo usage", "`--help` prints no flags"),
    ];
    for (script, expected) in cases {
        let why = refusal_of(script).await;
        assert!(why.ends_with(expected), "{script}: {why}");
    }
}

#[tokio::test]
async fn files_that_are_no_programs_of_this_machine_are_told_apart() {
    let place = Place::empty();
    let program = place.path("bin/llama-server");
    write_program(&program, "");
    assert!(refusal(&place).await.contains("neither an ELF program nor a script"));
    let mut foreign = fs::read("/bin/sh").unwrap();
    foreign[18..20].copy_from_slice(&8_u16.to_le_bytes());
    write_program(&program, foreign);
    assert!(refusal(&place).await.contains("is a program for ELF machine 8"));
    write_program(&program, "#!/no/such/shell\n");
    assert!(refusal(&place).await.contains("needs /no/such/shell, which this system lacks"));
}

#[tokio::test]
async fn a_folder_of_the_programs_name_on_path_is_none() {
    let place = Place::empty();
    fs::create_dir(place.path("bin/llama-server")).unwrap();
    let search = place.find().await;
    assert!(search.ready.is_none() && search.passed_over.is_empty());
}
