//! Models of several files: parts of a GGUF, and folders of safetensors.

use super::hf::{LISTING, listed, source};
use super::server::{Act, Server};
use super::*;
use crate::model::store::{Damage, StoreError};

const LENGTH: usize = 60_000;

fn part(number: u32) -> String {
    format!("Q4_K_M/big-Q4_K_M-{number:05}-of-00003.gguf")
}

fn address(path: &str) -> String {
    format!("/org/repo/resolve/main/{path}")
}

fn contents() -> [Vec<u8>; 3] {
    [1, 2, 3].map(|seed| [vec![seed; 7], content(LENGTH)].concat())
}

/// A hub whose repository holds these files, as listed.
async fn hub(files: &[(&str, &[u8])], script: &[Act]) -> (Server, Fetcher) {
    let server = Server::start(b"", script).await;
    let page: Vec<String> = files.iter().map(|(path, content)| listed(path, content)).collect();
    server.file(LISTING, format!("[{}]", page.join(",")).as_bytes());
    for (path, content) in files {
        server.file(&address(path), content);
    }
    let fetcher = Fetcher { hub: server.root(), ..hasty() };
    (server, fetcher)
}

/// The same with the three parts of one model, listed out of order.
async fn split_hub(contents: &[Vec<u8>; 3], script: &[Act]) -> (Server, Fetcher) {
    let [one, two, three] = [part(1), part(2), part(3)];
    let files: [(&str, &[u8]); 3] = [(&two, &contents[1]), (&one, &contents[0]), (&three, &contents[2])];
    hub(&files, script).await
}

fn text(failure: &FetchError) -> String {
    edgeorch_engines::chain(failure)
}

#[tokio::test]
async fn all_parts_lie_side_by_side_under_their_names_and_are_one_model() {
    let (contents, (_folder, store)) = (contents(), empty_store());
    let (server, fetcher) = split_hub(&contents, &[Act::Serve]).await;
    let wanted = source("hf:org/repo:q4_k_m");
    let entry = fetcher.fetch(&wanted, &store, &Silent).await.unwrap();
    assert_eq!(entry.name, "big-Q4_K_M.gguf");
    assert_eq!(entry.bytes, Bytes(3 * (LENGTH as u64 + 7)));
    for (number, content) in (1..).zip(&contents) {
        let name = format!("big-Q4_K_M-{number:05}-of-00003.gguf");
        let path = entry.path.with_file_name(name);
        assert_eq!(number == 1, path == entry.path, "engines are given the first");
        assert_eq!(&fs::read(&path).unwrap(), content);
        let blob = store.dir().join("blobs/sha256").join(digest_of(content).as_str());
        assert_eq!(&fs::read(blob).unwrap(), content);
    }
    let listing = store.list().unwrap();
    assert_eq!(listing.entries, std::slice::from_ref(&entry));
    assert_eq!((listing.partials.len(), listing.orphans.len(), listing.damaged.len()), (0, 0, 0));
    assert_eq!(store.verify(&entry, &Silent).await.unwrap(), entry.digest.clone().unwrap());
    assert_eq!(fetcher.fetch(&wanted, &store, &Silent).await.unwrap(), entry);
    assert_eq!(server.paths().len(), 4, "a listing, and each part once: {:?}", server.paths());
}

#[tokio::test]
async fn a_cut_part_goes_on_where_it_broke_off_and_whole_ones_are_kept() {
    let (contents, (_folder, store)) = (contents(), empty_store());
    // The second part is cut off until nobody tries any more.
    let script = [Act::Serve, Act::Serve, Act::CutAfter(20_000), Act::CutAfter(0)];
    let (server, fetcher) = split_hub(&contents, &script).await;
    let wanted = source("hf:org/repo");
    let failure = fetcher.fetch(&wanted, &store, &Silent).await.unwrap_err();
    assert!(matches!(failure, FetchError::Cut { .. }), "{failure:?}");
    assert_eq!(store.find(&wanted), None);
    let partial = store.list().unwrap().partials.remove(0);
    assert_eq!((partial.source.as_str(), partial.expected), ("hf:org/repo", Some(Bytes(3 * 60_007))));
    assert!(partial.bytes >= Bytes(60_007 + 20_000), "{partial:?}");

    let before = server.paths().len();
    server.replace(b"", "\"v1\"", &[Act::Serve]);
    let entry = fetcher.fetch(&wanted, &store, &Silent).await.unwrap();
    assert_eq!(fs::read(&entry.parts[1].path).unwrap(), contents[1]);
    assert_eq!(server.paths()[before..], [LISTING.to_owned(), address(&part(2)), address(&part(3))]);
    assert_eq!(server.ranges()[before + 1].as_deref(), Some("bytes=20000-"));
    assert_eq!(store.list().unwrap().partials, []);
}

#[tokio::test]
async fn a_part_of_another_content_is_refused_and_not_kept() {
    let (contents, (_folder, store)) = (contents(), empty_store());
    let (server, fetcher) = split_hub(&contents, &[Act::Serve]).await;
    let mut evil = contents[2].clone();
    evil[100] ^= 1;
    server.file(&address(&part(3)), &evil);
    let wanted = source("hf:org/repo");
    let failure = fetcher.fetch(&wanted, &store, &Silent).await.unwrap_err();
    assert!(matches!(failure, FetchError::Store(StoreError::Mismatch { .. })), "{failure:?}");
    assert!(text(&failure).contains(digest_of(&evil).as_str()), "{failure}");
    let listing = store.list().unwrap();
    assert_eq!((listing.entries.len(), listing.orphans.len(), listing.partials.len()), (0, 0, 1));
    assert_eq!(listing.partials[0].bytes.0 / 60_007, 2, "the good ones are kept: {listing:?}");
}

#[tokio::test]
async fn a_size_that_lies_is_told_with_both_before_anything_is_written() {
    let (_folder, store) = empty_store();
    let content = content(LENGTH);
    let page = listed("m.gguf", &content).replace(&format!("\"size\":{LENGTH}"), "\"size\":9");
    let (server, fetcher) = hub(&[("m.gguf", &content)], &[Act::Serve]).await;
    server.file(LISTING, format!("[{page}]").as_bytes());
    let failure = fetcher.fetch(&source("hf:org/repo"), &store, &Silent).await.unwrap_err();
    assert!(text(&failure).contains("the hub lists it with 9 bytes, and the server has 60000"), "{failure}");
    // Without a length of its own, the server may not go on for ever either.
    let script = [Act::Serve, Act::Unsized];
    let (server, fetcher) = hub(&[("m.gguf", &content)], &script).await;
    server.file(LISTING, format!("[{page}]").as_bytes());
    let failure = fetcher.fetch(&source("hf:org/repo"), &store, &Silent).await.unwrap_err();
    assert!(text(&failure).contains("the server sent more than the 9 B that it told"), "{failure}");
}

#[tokio::test]
async fn sizes_beyond_all_disks_are_refused_with_the_sum() {
    let (_folder, store) = empty_store();
    let page: Vec<String> = [1, 2]
        .map(|n| {
            listed(&format!("a-0000{n}-of-00002.gguf"), b"x")
                .replace("\"size\":1", &format!("\"size\":{}", u64::MAX))
        })
        .into();
    let (server, fetcher) = hub(&[], &[Act::Serve]).await;
    server.file(LISTING, format!("[{}]", page.join(",")).as_bytes());
    let failure = fetcher.fetch(&source("hf:org/repo"), &store, &Silent).await.unwrap_err();
    assert!(matches!(failure, FetchError::Store(StoreError::NoSpace { .. })), "{failure:?}");
    assert_eq!(server.paths(), [LISTING]);
}

#[tokio::test]
async fn parts_that_do_not_add_up_are_refused_before_any_is_fetched() {
    let (_folder, store) = empty_store();
    for (paths, told) in [
        (vec!["a-00001-of-00003.gguf", "a-00003-of-00003.gguf"], "of the 3 parts of a only 2 are there"),
        (vec!["a-00001-of-00002.gguf", "a-00001-of-00002.gguf"], "of the 2 parts of a only 1 are there"),
        (vec!["a-00000-of-00002.gguf", "a-00001-of-00002.gguf"], "not numbered from 1 to 2"),
        (vec!["a-00002-of-00002.gguf", "a-00003-of-00002.gguf"], "not numbered from 1 to 2"),
        (vec!["a-00001-of-00000.gguf"], "not numbered from 1 to 0"),
        (vec!["a-00001-of-00002.gguf", "a-00002-of-00003.gguf"], "it holds several models"),
        (vec!["a-00001-of-99999.gguf"], "of the 99999 parts of a only 1 are there"),
        (vec!["../a-00001-of-00002.gguf", "a-00002-of-00002.gguf"], "of the 2 parts of a only 1 are there"),
        (vec!["a\\u001b[2J-00001-of-00001.gguf"], "it holds no GGUF file"),
        (vec!["a.gguf", "a.gguf"], "not numbered from 1 to 1"),
    ] {
        let files: Vec<(&str, &[u8])> = paths.iter().map(|path| (*path, &b"x"[..])).collect();
        let (server, fetcher) = hub(&files, &[Act::Serve]).await;
        let failure = fetcher.fetch(&source("hf:org/repo"), &store, &Silent).await.unwrap_err();
        assert!(text(&failure).contains(told), "{paths:?}: {}", text(&failure));
        assert_eq!(server.paths(), [LISTING], "{paths:?}");
    }
    assert_eq!(store.list().unwrap(), Default::default());
}

#[tokio::test]
async fn names_that_no_file_system_keeps_and_too_many_parts_are_refused() {
    let (_folder, store) = empty_store();
    let long = format!("{}-00001-of-00002.gguf", "a".repeat(250));
    let files = [(long.clone(), "x"), (long.replace("-00001-", "-00002-"), "x")];
    let many: Vec<(String, &str)> = (1..=1025).map(|n| (format!("a-{n:05}-of-01025.gguf"), "x")).collect();
    for (files, told) in [(&files[..], "longer than 255 bytes"), (&many, "it has 1025 files, more than 1024")]
    {
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(path, content)| (path.as_str(), content.as_bytes())).collect();
        let (_server, fetcher) = hub(&files, &[Act::Serve]).await;
        let failure = fetcher.fetch(&source("hf:org/repo"), &store, &Silent).await.unwrap_err();
        assert!(text(&failure).contains(told), "{}", text(&failure));
    }
}

#[tokio::test]
async fn a_listing_of_a_hundred_thousand_files_is_given_up() {
    let (_folder, store) = empty_store();
    let (server, fetcher) = hub(&[], &[Act::Serve]).await;
    let page: Vec<String> =
        (0..100_000).map(|n| format!(r#"{{"type":"file","path":"{n}.gguf","size":1}}"#)).collect();
    server.file(LISTING, format!("[{}]", page.join(",")).as_bytes());
    let failure = fetcher.fetch(&source("hf:org/repo:Q4_0"), &store, &Silent).await.unwrap_err();
    assert!(text(&failure).contains("it has more than 16000 files"), "{failure}");
    assert_eq!(server.paths(), [LISTING]);
}

#[tokio::test]
async fn what_would_not_fit_together_is_refused_before_the_first_part() {
    let (folder, _) = empty_store();
    let store = Store::open(folder.path().join("models")).unwrap().with_reserve(Bytes(u64::MAX / 2));
    let (server, fetcher) = split_hub(&contents(), &[Act::Serve]).await;
    let failure = fetcher.fetch(&source("hf:org/repo"), &store, &Silent).await.unwrap_err();
    match failure {
        FetchError::Store(StoreError::NoSpace { needed, .. }) => assert_eq!(needed, Bytes(3 * 60_007)),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.paths(), [LISTING]);
}

#[tokio::test]
async fn a_missing_or_truncated_part_is_told_and_fetched_again_alone() {
    let (contents, (_folder, store)) = (contents(), empty_store());
    let (server, fetcher) = split_hub(&contents, &[Act::Serve]).await;
    let wanted = source("hf:org/repo");
    let entry = fetcher.fetch(&wanted, &store, &Silent).await.unwrap();
    let second = entry.parts[1].path.clone();
    let blob = store.dir().join("blobs/sha256").join(entry.parts[1].digest.as_str());
    for file in [&second, &blob] {
        fs::remove_file(file).unwrap();
    }
    assert_eq!(store.find(&wanted), None);
    let damaged = store.list().unwrap().damaged.remove(0);
    assert_eq!(
        (damaged.what.as_str(), &damaged.damage),
        ("hf:org/repo", &Damage::Missing { path: second.clone() })
    );

    let before = server.paths().len();
    fetcher.fetch(&wanted, &store, &Silent).await.unwrap();
    assert_eq!(server.paths()[before..], [LISTING.to_owned(), address(&part(2))]);
    assert_eq!(fs::read(&second).unwrap(), contents[1]);

    // Truncated: one file under two names.
    let open = |path: &std::path::Path| {
        let mut permissions = path.metadata().unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
        fs::set_permissions(path, permissions).unwrap();
        fs::OpenOptions::new().write(true).open(path).unwrap()
    };
    open(&second).set_len(5).unwrap();
    let failure = store.verify(&entry, &Silent).await.unwrap_err();
    assert!(edgeorch_engines::chain(&failure).contains("has 5 bytes instead of 60007"), "{failure:?}");
    fetcher.fetch(&wanted, &store, &Silent).await.unwrap();
    let mut altered = contents[1].clone();
    altered[0] ^= 1;
    std::io::Write::write_all(&mut open(&second), &altered).unwrap();
    let failure = edgeorch_engines::chain(&store.verify(&entry, &Silent).await.unwrap_err());
    assert!(failure.contains("00002-of-00003.gguf has the sha256"), "{failure}");
}

#[tokio::test]
async fn a_model_of_parts_is_removed_whole_and_what_another_shares_stays() {
    let (contents, (_folder, store)) = (contents(), empty_store());
    let (server, fetcher) = split_hub(&contents, &[Act::Serve]).await;
    // A single file of the same content as the second part.
    let single = format!("{}{}#sha256={}", server.root(), address(&part(2)), digest_of(&contents[1]));
    let shared = fetcher.fetch(&source(&single), &store, &Silent).await.unwrap();
    let before = server.paths().len();
    let entry = fetcher.fetch(&source("hf:org/repo"), &store, &Silent).await.unwrap();
    assert_eq!(server.paths().len() - before, 3, "what is here is not fetched again");
    let removed = store.remove("big-Q4_K_M.gguf").unwrap();
    assert_eq!(removed.freed, Bytes(2 * 60_007));
    assert!(shared.path.exists() && !entry.path.exists() && !entry.path.parent().unwrap().exists());
    let listing = store.list().unwrap();
    assert_eq!((listing.entries.len(), listing.orphans.len()), (1, 0), "{listing:?}");
}

#[tokio::test]
async fn a_reference_from_elsewhere_can_not_lead_out_of_its_folder() {
    let (contents, (_folder, store)) = (contents(), empty_store());
    let (_server, fetcher) = split_hub(&contents, &[Act::Serve]).await;
    let wanted = source("hf:org/repo");
    fetcher.fetch(&wanted, &store, &Silent).await.unwrap();
    let refs = store.dir().join("refs");
    let file = fs::read_dir(&refs).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read_to_string(&file).unwrap();
    for (from, to) in [
        ("big-Q4_K_M-00002-of-00003.gguf", "../../../secret"),
        ("\"first\": \"big-Q4_K_M-00001-of-00003.gguf\"", "\"first\": \"/etc/passwd\""),
        ("\"big-Q4_K_M-00002-of-00003.gguf\"", "\"other-00002-of-00003.gguf\""),
    ] {
        assert!(whole.contains(from), "{whole}");
        fs::write(&file, whole.replace(from, to)).unwrap();
        assert_eq!(store.find(&wanted), None, "{to}");
        assert!(matches!(store.list().unwrap().damaged[0].damage, Damage::Reference { .. }));
    }
}

#[tokio::test]
async fn a_redirect_to_plain_http_elsewhere_is_refused() {
    let (_folder, store) = empty_store();
    let elsewhere = Act::RedirectTo("http://models.example/a".to_owned());
    for script in [vec![elsewhere.clone()], vec![Act::Serve, elsewhere]] {
        let (_server, fetcher) = split_hub(&contents(), &script).await;
        let failure = fetcher.fetch(&source("hf:org/repo"), &store, &Silent).await.unwrap_err();
        assert!(text(&failure).contains("redirected to plain http"), "{}", text(&failure));
    }
}

/// A folder of two shards, as our reader takes it, with what other tools read beside.
fn folder() -> Vec<(&'static str, Vec<u8>)> {
    let shard = |tensor: &str| {
        let header = format!(r#"{{"{tensor}":{{"dtype":"BF16","shape":[8,64],"data_offsets":[0,1024]}}}}"#);
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 1024]].concat()
    };
    let config = r#"{"model_type":"llama","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,"vocab_size":8}"#;
    let index = r#"{"weight_map":{"model.embed_tokens.weight":"model-00001-of-00002.safetensors","lm_head.weight":"model-00002-of-00002.safetensors"}}"#;
    vec![
        ("config.json", config.into()),
        ("model.safetensors.index.json", index.into()),
        ("tokenizer.json", r#"{"model":{"merges":["a b"]}}"#.into()),
        ("1_Pooling/config.json", "{}".into()),
        ("model-00001-of-00002.safetensors", shard("model.embed_tokens.weight")),
        ("model-00002-of-00002.safetensors", shard("lm_head.weight")),
        ("pytorch_model.bin", b"never asked for".to_vec()),
        ("modeling.py", b"never asked for".to_vec()),
    ]
}

#[tokio::test]
async fn a_folder_of_safetensors_is_pulled_and_read_by_our_own_reader() {
    let (_dir, store) = empty_store();
    let files = folder();
    let listed: Vec<(&str, &[u8])> = files.iter().map(|(path, content)| (*path, &content[..])).collect();
    let (server, fetcher) = hub(&listed, &[Act::Serve]).await;
    // Small files are kept in git: the hub tells no digest of them.
    let page: Vec<String> = listed
        .iter()
        .map(|(path, content)| match path.ends_with("json") {
            true => format!(r#"{{"type":"file","path":"{path}","size":{}}}"#, content.len()),
            false => super::hf::listed(path, content),
        })
        .collect();
    server.file(LISTING, format!("[{}]", page.join(",")).as_bytes());
    let wanted = source("hf:org/repo");
    // An engine that reads GGUF has no use for it: nothing is fetched.
    let failure = fetcher.fetch(&wanted, &store, &Silent).await.unwrap_err();
    assert!(text(&failure).contains("holds a folder of safetensors and no GGUF file"), "{failure}");
    assert_eq!(server.paths(), [LISTING]);

    let entry = fetcher.bring(&wanted, Form::Any, &store, &Silent).await.unwrap();
    assert_eq!((entry.name.as_str(), entry.parts.len()), ("repo", 6));
    let model = crate::model::hf::read(&entry.path).unwrap();
    assert_eq!((model.parameters, model.merges, model.pooling), (1024, 1, true));
    assert!(!entry.path.join("modeling.py").exists());
    assert_eq!(store.find(&wanted), Some(entry.clone()));
    store.verify(&entry, &Silent).await.unwrap();
    // From now on it is here for whoever asks.
    assert_eq!(fetcher.fetch(&wanted, &store, &Silent).await.unwrap(), entry);
    store.remove("hf:org/repo").unwrap();
    assert_eq!(store.list().unwrap(), Default::default());
    assert!(!entry.path.exists());
}

#[tokio::test]
async fn no_folder_outlives_its_reference_readable_or_not() {
    let (_folder, store) = empty_store();
    let (_server, fetcher) = split_hub(&contents(), &[Act::Serve]).await;
    let wanted = source("hf:org/repo");
    let refs = store.dir().join("refs");
    let folders = || fs::read_dir(store.dir().join("folders")).unwrap().count();
    fetcher.fetch(&wanted, &store, &Silent).await.unwrap();
    // Beside one that can't be read, and may name any folder.
    fs::write(refs.join("other.json"), "{").unwrap();
    store.remove("hf:org/repo").unwrap();
    assert_eq!(folders(), 0);
    store.remove("other.json").unwrap();

    fetcher.fetch(&wanted, &store, &Silent).await.unwrap();
    let file = fs::read_dir(&refs).unwrap().next().unwrap().unwrap().path();
    fs::write(&file, "{").unwrap();
    store.remove(file.file_name().unwrap().to_str().unwrap()).unwrap();
    assert_eq!(folders(), 0, "its blobs are orphans now, and must be all that holds the bytes");
    assert_eq!(store.list().unwrap().orphans.len(), 3);
}
