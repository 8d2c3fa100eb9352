//! A model hub on loopback: it lists repositories and serves their files, and keeps what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

use super::Home;

/// Files of a repository, by path.
pub type Files = BTreeMap<String, Vec<u8>>;

pub struct Repositories {
    asked: Arc<Mutex<Vec<String>>>,
}

impl Repositories {
    /// Serves in place of the hub for everything that is run in this home; `files` gives what lies in a repository, or
    /// `None` where there is no such one.
    pub fn of(
        home: &mut Home,
        files: impl Fn(&str) -> Option<Files> + Send + Sync + 'static,
    ) -> Repositories {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        home.set("HF_ENDPOINT", format!("http://{}", listener.local_addr().unwrap()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = asked.clone();
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &files, &kept);
            }
        });
        Repositories { asked }
    }

    /// Paths that were asked for, in order, since it was last asked.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// Of these, the repositories whose lists were asked for.
    pub fn listed(&self) -> Vec<String> {
        let repository =
            |path: String| Some(path.strip_prefix("/api/models/")?.split("/tree/").next()?.to_owned());
        self.asked().into_iter().filter_map(repository).collect()
    }
}

/// A client that leaves is no event here.
fn answer(mut stream: TcpStream, files: &impl Fn(&str) -> Option<Files>, asked: &Mutex<Vec<String>>) {
    let Ok(reader) = stream.try_clone() else { return };
    let head: Vec<String> =
        BufReader::new(reader).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    asked.lock().unwrap().push(path.clone());
    let body = listing(&path, files).or_else(|| file(&path, files));
    let (status, body) = body.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
    let length = body.len();
    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(&body);
}

fn listing(path: &str, files: &impl Fn(&str) -> Option<Files>) -> Option<Vec<u8>> {
    let repository = path.strip_prefix("/api/models/")?.split("/tree/").next()?;
    let one = |(path, content): (&String, &Vec<u8>)| {
        let digest: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        let size = content.len();
        format!(r#"{{"type":"file","path":"{path}","size":134,"lfs":{{"oid":"{digest}","size":{size}}}}}"#)
    };
    let listed: Vec<String> = files(repository)?.iter().map(one).collect();
    Some(format!("[{}]", listed.join(",")).into_bytes())
}

fn file(path: &str, files: &impl Fn(&str) -> Option<Files>) -> Option<Vec<u8>> {
    let (repository, path) = path.strip_prefix('/')?.split_once("/resolve/main/")?;
    files(repository)?.remove(path)
}
