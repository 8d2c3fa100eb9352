//! OpenAI's own Python client as the client: what it makes of the answers is what most programs will make of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::real_api::two_models;
use crate::support::require;

/// Asks for a chat, a streamed chat and embeddings (which this client asks for in base64), and prints what came.
const SCRIPT: &str = r#"
import sys, openai
client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)
print(sorted(model.id for model in client.models.list()))
question = dict(model="chat", messages=[{"role": "user", "content": "Say hello."}], max_tokens=8)
print(client.chat.completions.create(**question).choices[0].finish_reason is not None)
pieces = [chunk.choices[0].delta.content for chunk in client.chat.completions.create(stream=True, **question) if chunk.choices]
print(len("".join(piece or "" for piece in pieces)) > 0)
print(len(client.embeddings.create(model="embed", input="Hello").data[0].embedding))
try:
    client.chat.completions.create(**{**question, "model": "other"})
except openai.NotFoundError as error:
    print(error.code)
"#;

/// The client's package beside the other things that tests fetch once per machine.
fn package() -> Result<PathBuf, String> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openai-client");
    if place.exists() {
        return Ok(place);
    }
    let fresh = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pip = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--target"])
        .arg(fresh.path())
        .arg("openai")
        .output()
        .map_err(|error| format!("python3 can't be run: {error}"))?;
    if !pip.status.success() {
        return Err(format!("pip can't fetch it: {}", String::from_utf8_lossy(&pip.stderr)));
    }
    // Renamed when it is whole; another test run may have been first.
    match std::fs::rename(fresh.path(), &place) {
        Err(error) if !place.exists() => Err(error.to_string()),
        _ => Ok(place),
    }
}

#[test]
fn openais_python_client_understands_every_answer() {
    let package = match package() {
        Ok(package) => package,
        Err(reason) => return require::skip("openai", &reason),
    };
    let Some(daemon) = two_models() else { return };
    let ran = Command::new("python3")
        .args(["-c", SCRIPT, &daemon.url("/v1")])
        .env("PYTHONPATH", package)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let expected = ["['chat', 'embed']", "True", "True", "576", "model_not_found"];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{}", String::from_utf8_lossy(&ran.stderr));
}
