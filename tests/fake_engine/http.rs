//! As much of HTTP/1.1 as a test double needs: one thread per connection, keep-alive, bodies with a length or in
//! chunks, answers whole or as a stream of events.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

pub struct Request {
    pub method: String,
    /// Without the query.
    pub path: String,
    pub bearer: Option<String>,
    pub body: Vec<u8>,
}

/// The client's end of one exchange.
pub struct Connection {
    stream: TcpStream,
    is_chunked: bool,
}

/// Hands every request to `answer`; an error there ends its connection.
pub fn accept<A>(listener: &TcpListener, answer: A)
where
    A: Fn(Request, &mut Connection) -> io::Result<()> + Send + Sync + 'static,
{
    let answer = Arc::new(answer);
    for stream in listener.incoming().flatten() {
        let answer = Arc::clone(&answer);
        std::thread::spawn(move || {
            // A client that breaks the connection is no event here; the engine has counted it.
            let _ = converse(stream, &*answer);
        });
    }
}

fn converse(
    stream: TcpStream,
    answer: &impl Fn(Request, &mut Connection) -> io::Result<()>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut connection = Connection { stream, is_chunked: false };
    while let Some(request) = read(&mut reader)? {
        answer(request, &mut connection)?;
    }
    Ok(())
}

fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut words = first.split_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default().to_owned();
    let (mut length, mut is_chunked, mut bearer) = (0, false, None);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().map_err(io::Error::other)?,
            "transfer-encoding" => is_chunked = value.eq_ignore_ascii_case("chunked"),
            "authorization" => bearer = value.strip_prefix("Bearer ").map(str::to_owned),
            _ => {}
        }
    }
    let mut body = Vec::new();
    if is_chunked {
        while let size @ 1.. = chunk_size(reader)? {
            reader.take(size).read_to_end(&mut body)?;
            reader.read_line(&mut String::new())?;
        }
        reader.read_line(&mut String::new())?;
    } else {
        reader.take(length).read_to_end(&mut body)?;
    }
    Ok(Some(Request { method, path, bearer, body }))
}

fn chunk_size(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    u64::from_str_radix(line.trim().split(';').next().unwrap_or_default(), 16).map_err(io::Error::other)
}

impl Connection {
    pub fn send(&mut self, status: u16, content_type: &str, body: &str) -> io::Result<()> {
        let length = body.len();
        write!(
            self.stream,
            "HTTP/1.1 {status} {}\r\nServer: llama.cpp\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}",
            reason(status)
        )
    }

    /// Begins a stream of events.
    pub fn start_events(&mut self) -> io::Result<()> {
        self.is_chunked = true;
        self.stream.write_all(
            b"HTTP/1.1 200 OK\r\nServer: llama.cpp\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        )
    }

    pub fn send_event(&mut self, data: &str) -> io::Result<()> {
        let event = format!("data: {data}\n\n");
        // One write per event: whoever measures arrival sees whole events.
        self.stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())
    }

    pub fn end_events(&mut self) -> io::Result<()> {
        self.is_chunked = false;
        self.stream.write_all(b"0\r\n\r\n")
    }

    /// Whether the client has closed its end. Bytes that wait are a next request, so it has not.
    pub fn is_abandoned(&self) -> bool {
        let mut byte = [0];
        if self.stream.set_nonblocking(true).is_err() {
            return true;
        }
        let peeked = self.stream.peek(&mut byte);
        let is_blocking = self.stream.set_nonblocking(false).is_ok();
        match peeked {
            Ok(length) => length == 0,
            Err(error) => !(is_blocking && error.kind() == io::ErrorKind::WouldBlock),
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Unknown",
    }
}
