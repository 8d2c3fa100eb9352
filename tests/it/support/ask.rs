//! A client of the gateway that does nothing behind a test's back: no retries, no pool, one connection a request.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::json;

use super::Daemon;
use super::daemon::LONG;

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// An answer that is still coming.
pub struct Stream(BufReader<TcpStream>);

/// Asks for a chat completion of so many tokens.
pub fn chat(daemon: &Daemon, tokens: u64) -> Answer {
    let body =
        json!({"model": "chat", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": tokens});
    post(daemon, "/v1/chat/completions", &body.to_string())
}

/// Asks the moment the gateway listens: nothing announces that, and a pause would miss its first answers.
pub fn get(daemon: &Daemon, path: &str) -> Answer {
    let deadline = Instant::now() + LONG;
    let mut stream = loop {
        match TcpStream::connect(("127.0.0.1", daemon.port)) {
            Ok(stream) => break stream,
            Err(_) => assert!(Instant::now() < deadline, "it never listens; it said\n{}", daemon.stderr()),
        }
    };
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    read(stream)
}

pub fn post(daemon: &Daemon, path: &str, body: &str) -> Answer {
    read(send(daemon, path, body))
}

/// Sends a request whose answer may never come.
pub fn send(daemon: &Daemon, path: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", daemon.port)).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    stream
}

/// Asks for a stream of so many tokens, and returns once the first has come.
pub fn stream(daemon: &Daemon, tokens: u64) -> Stream {
    let body = json!({"model": "chat", "prompt": "Hi", "max_tokens": tokens, "stream": true});
    let mut reader = BufReader::new(send(daemon, "/v1/completions", &body.to_string()));
    let mut line = String::new();
    while !line.contains("tok0") {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "it ended before its first token");
    }
    Stream(reader)
}

impl Stream {
    /// Everything that is still to come.
    pub fn rest(mut self) -> String {
        let mut text = String::new();
        self.0.read_to_string(&mut text).unwrap();
        text
    }
}

fn read(mut stream: TcpStream) -> Answer {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer { status: status.unwrap_or_else(|| panic!("no status: {head}")), body: body.to_owned() }
}
