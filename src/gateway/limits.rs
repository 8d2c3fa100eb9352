//! Every bound that the gateway keeps, in one place. Time and memory that a client or an engine may take is finite.

use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once; beyond, `accept` waits.
    pub connections: usize,
    /// From the first byte a client may send, to the end of its headers. Idle kept-alive connections end after it too.
    pub header_read: Duration,
    /// Request line and headers, bytes.
    pub header_bytes: usize,
    /// The longest silence within a request body.
    pub body_idle: Duration,
    /// One request body, bytes.
    pub body_bytes: usize,
    /// All request bodies held at once, bytes: many legal bodies together must not exhaust the memory.
    pub bodies_bytes: usize,
    /// An answer up to this many bytes is collected before it is sent, so that it can be asked for again; what is
    /// longer is passed on from there.
    pub answer_bytes: usize,
    /// Requests per model that may wait until it is ready.
    pub waiting: usize,
    /// How long a request may wait until its model is ready. Starts anew after an engine took it and died.
    pub wait: Duration,
    /// How often one request may be given to an engine: it may be the request that kills it.
    pub attempts: u32,
    /// For the connection to an engine, which is on this machine.
    pub connect: Duration,
    /// How long requests in flight may take after the shutdown began.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 1024,
            header_read: Duration::from_secs(10),
            header_bytes: 64 << 10,
            body_idle: Duration::from_secs(30),
            body_bytes: 64 << 20,
            bodies_bytes: 512 << 20,
            answer_bytes: 64 << 20,
            waiting: 256,
            wait: Duration::from_secs(60),
            attempts: 3,
            connect: Duration::from_secs(5),
            drain: Duration::from_secs(30),
        }
    }
}
