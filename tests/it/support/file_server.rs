//! A web server on loopback with one file, given whole or never finished.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use sha2::{Digest, Sha256};

pub struct FileServer {
    port: u16,
    digest: String,
}

impl FileServer {
    pub fn whole(file: Vec<u8>) -> FileServer {
        let given = file.len();
        FileServer::start(file, given)
    }

    /// Gives the first half, and then nothing more on a connection that stays open.
    pub fn stalling(file: Vec<u8>) -> FileServer {
        let given = file.len() / 2;
        FileServer::start(file, given)
    }

    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }

    /// The file as a profile names it, with its digest.
    pub fn source(&self, name: &str) -> String {
        format!("{}#sha256={}", self.url(name), self.digest)
    }

    fn start(file: Vec<u8>, given: usize) -> FileServer {
        let digest = Sha256::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        // It ends with the test's process; until then no connection is closed from here.
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for mut stream in listener.incoming().flatten() {
                answer(&mut stream, &file, given);
                open.push(stream);
            }
        });
        FileServer { port, digest }
    }
}

/// A client that leaves is no event here.
fn answer(stream: &mut TcpStream, file: &[u8], given: usize) {
    let Ok(reader) = stream.try_clone() else { return };
    let head = BufReader::new(reader).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    head.for_each(drop);
    let length = file.len();
    let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nETag: \"1\"\r\n\r\n");
    let _ = stream.write_all(&file[..given]);
}
