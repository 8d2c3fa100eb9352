//! What is asked of a repository before anything of it is chosen.

use super::hf::{LISTING, listed};
use super::server::{Act, Server};
use super::*;
use crate::model::source::hf::Hub;

const PATIENCE: Duration = Duration::from_secs(60);

async fn asked(server: &Server, deadline: Duration) -> Result<Repository, FetchError> {
    Repository::of(&Hub::new(server.root(), PATIENCE), "org/repo", deadline).await
}

async fn hub(paths: &[&str], script: &[Act]) -> Server {
    let server = Server::start(b"", script).await;
    let page: Vec<String> = paths.iter().map(|path| listed(path, b"x")).collect();
    server.file(LISTING, format!("[{}]", page.join(",")).as_bytes());
    server
}

#[tokio::test]
async fn it_has_what_one_word_names_and_what_is_there_whole() {
    let paths = [
        "m-Q4_K_M.gguf",
        "BF16/m-bf16-00001-of-00002.gguf",
        "BF16/m-bf16-00002-of-00002.gguf",
        "m-Q8_0-00001-of-00002.gguf",
        "small-Q6_K.gguf",
        "large-Q6_K.gguf",
        "mmproj-F16.gguf",
    ];
    let server = hub(&paths, &[Act::Serve]).await;
    let repository = asked(&server, PATIENCE).await.unwrap();
    assert!(repository.has("Q4_K_M") && repository.has("BF16") && !repository.is_folder());
    for (absent, why) in [("Q8_0", "half of it"), ("Q6_K", "two of them"), ("F16", "a projector")] {
        assert!(!repository.has(absent), "{why}");
    }
    assert_eq!(repository.names(), ["bf16", "large-Q6_K", "Q4_K_M", "Q8_0", "small-Q6_K"]);
    assert_eq!(server.paths(), [LISTING]);
    let server = hub(&["config.json", "model.safetensors"], &[Act::Serve]).await;
    let folder = asked(&server, PATIENCE).await.unwrap();
    assert!(folder.is_folder() && folder.names().is_empty());
}

#[tokio::test]
async fn a_repository_that_nobody_gets_is_told_apart_from_a_hub_that_nobody_reaches() {
    for (act, is_of_repository) in [
        (Act::Status(401), true),
        (Act::Status(403), true),
        (Act::Status(404), true),
        (Act::Status(429), false),
        (Act::Status(500), false),
        (Act::CutAfter(9), false),
        (Act::RedirectTo("http://models.example/".into()), false),
    ] {
        let server = hub(&["m-Q4_0.gguf"], std::slice::from_ref(&act)).await;
        let failure = asked(&server, PATIENCE).await.unwrap_err();
        assert_eq!(failure.is_of_repository(), is_of_repository, "{act:?}: {failure:?}");
    }
    let gone = hub(&[], &[Act::Serve]).await.root();
    let failure = Repository::of(&Hub::new(gone, PATIENCE), "org/repo", PATIENCE).await.unwrap_err();
    assert!(matches!(failure, FetchError::Hub(HubError::Connection { .. })), "{failure:?}");
}

#[tokio::test]
async fn a_list_that_never_ends_is_not_waited_for() {
    let server = hub(&["m-Q4_0.gguf"], &[Act::StallAfter(9)]).await;
    let failure = asked(&server, Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(failure, FetchError::Hub(HubError::Slow { .. })), "{failure:?}");
}
