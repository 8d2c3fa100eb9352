//! An engine's answer that is passed on as it arrives. Nothing is held back: each frame that comes is a frame that goes.
//!
//! When the engine dies in the middle, an event stream ends with an error event and `[DONE]`, so that a client's
//! parser comes to an end it understands; any other answer is cut off, as HTTP has it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use memchr::memmem;

use super::errors::{Refusal, chain};
use super::meters::Measure;
use super::traffic::Lease;
use super::upstream::{Connection, Pool};

/// What the proxy hands over: an answer whose beginning was read.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) model: String,
    pub(super) first: Bytes,
    pub(super) rest: Incoming,
    pub(super) kind: Kind,
    pub(super) connection: Connection,
    pub(super) lease: Lease,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `text/event-stream`. `is_framed` tells whether HTTP marks the end of the body; where it does not, an engine
    /// that dies looks like one that has finished, and only `[DONE]` tells.
    Events {
        is_framed: bool,
    },
    Plain,
}

#[derive(Debug)]
pub(super) struct Stream {
    model: String,
    status: u16,
    first: Option<Bytes>,
    rest: Incoming,
    kind: Kind,
    tail: Tail,
    /// Given back when the answer is complete; dropped, and so closed, when the client leaves.
    held: Option<(Connection, Arc<Pool>, Lease)>,
    measure: Measure,
    has_token: bool,
    has_ended: bool,
}

impl Stream {
    pub(super) fn new(open: Open, status: u16, pool: Arc<Pool>, measure: Measure) -> Stream {
        Stream {
            model: open.model,
            status,
            first: Some(open.first),
            rest: open.rest,
            kind: open.kind,
            tail: Tail::default(),
            held: Some((open.connection, pool, open.lease)),
            measure,
            has_token: false,
            has_ended: false,
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, hyper::Error>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        if let Some(first) = self.first.take() {
            self.note(&first);
            return Poll::Ready(Some(Ok(first)));
        }
        loop {
            match ready!(Pin::new(&mut self.rest).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => {
                        self.note(&data);
                        return Poll::Ready(Some(Ok(data)));
                    }
                    _ => {}
                },
                Some(Err(error)) => return Poll::Ready(self.break_off(error)),
                None => return Poll::Ready(self.end().map(Ok)),
            }
        }
    }

    fn note(&mut self, data: &[u8]) {
        if self.kind == Kind::Plain {
            return;
        }
        self.tail.push(data);
        // An engine writes an event in one piece; a comment (`: ping`) is no token.
        if !self.has_token && memmem::find(data, b"data:").is_some() {
            self.has_token = true;
            self.measure.first_token();
        }
    }

    /// The engine closed the stream. Returns what is still to be sent.
    fn end(&mut self) -> Option<Bytes> {
        if self.kind == (Kind::Events { is_framed: false }) && !self.tail.is_done() {
            return Some(self.error_event("the connection ended before the last event".to_owned()));
        }
        self.finish();
        if let Some((connection, pool, _lease)) = self.held.take() {
            pool.put(connection);
        }
        None
    }

    fn break_off(&mut self, error: hyper::Error) -> Option<Result<Bytes, hyper::Error>> {
        match self.kind {
            Kind::Events { .. } => Some(Ok(self.error_event(chain(&error)))),
            Kind::Plain => {
                self.finish();
                Some(Err(error))
            }
        }
    }

    fn error_event(&mut self, cause: String) -> Bytes {
        self.finish();
        self.held = None;
        self.measure.broken();
        let separator = if self.tail.is_between_events() { "" } else { "\n\n" };
        let error = Refusal::StreamBroken { model: self.model.clone(), cause }.json();
        Bytes::from(format!("{separator}data: {error}\n\ndata: [DONE]\n\n"))
    }

    fn finish(&mut self) {
        self.has_ended = true;
        self.measure.code(self.status);
    }
}

/// The last bytes that went by, enough to recognise the end of an event and of a stream.
#[derive(Debug, Default)]
struct Tail {
    bytes: [u8; Tail::LENGTH],
    length: usize,
}

impl Tail {
    /// `data: [DONE]` and two line ends of two bytes each.
    const LENGTH: usize = 16;

    fn push(&mut self, data: &[u8]) {
        let new = &data[data.len().saturating_sub(Tail::LENGTH)..];
        let kept = self.length.min(Tail::LENGTH - new.len());
        self.bytes.copy_within(self.length - kept..self.length, 0);
        self.bytes[kept..kept + new.len()].copy_from_slice(new);
        self.length = kept + new.len();
    }

    fn get(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn is_between_events(&self) -> bool {
        let tail = self.get();
        tail.is_empty() || [&b"\n\n"[..], b"\r\n\r\n", b"\r\r"].iter().any(|end| tail.ends_with(end))
    }

    fn is_done(&self) -> bool {
        let tail = self.get().trim_ascii_end();
        tail.ends_with(b"data: [DONE]") || tail.ends_with(b"data:[DONE]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pieces: &[&str]) -> Tail {
        let mut tail = Tail::default();
        pieces.iter().for_each(|piece| tail.push(piece.as_bytes()));
        tail
    }

    #[test]
    fn the_end_of_an_event_is_seen_however_it_is_cut() {
        assert!(after(&[]).is_between_events());
        assert!(after(&["data: {}\n\n"]).is_between_events());
        assert!(after(&["data: a very long line indeed\r\n", "\r", "\n"]).is_between_events());
        assert!(!after(&["data: {}\n"]).is_between_events());
        assert!(!after(&["data: {}\n\n", "data: {\"a\""]).is_between_events());
    }

    #[test]
    fn the_end_of_a_stream_is_seen_however_it_is_cut() {
        assert!(after(&["data: {}\n\ndata: [DONE]\r\n\r\n"]).is_done());
        assert!(after(&["data: {}\n\n", "da", "ta: [DO", "NE]", "\n", "\n"]).is_done());
        assert!(!after(&["data: {}\n\n"]).is_done());
    }
}
