//! A request's body, collected: it is needed whole to be given to a second engine if the first one dies.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};
use hyper::header::CONTENT_ENCODING;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::errors::Refusal;
use super::limits::Limits;

/// A whole body and its share of the memory set aside for bodies.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

/// A compressed body can't be scanned; engines don't read one either.
pub(super) fn check_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get(CONTENT_ENCODING) {
        Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"identity") => {
            Err(Refusal::Encoding { encoding: String::from_utf8_lossy(value.as_bytes()).into_owned() })
        }
        _ => Ok(()),
    }
}

/// Reads the body to its end. `memory` has one permit for each byte that all bodies together may hold.
pub(super) async fn collect(
    mut body: Incoming,
    limits: &Limits,
    memory: &Arc<Semaphore>,
) -> Result<Collected, Refusal> {
    let too_large = Refusal::BodyTooLarge { limit: limits.body_bytes };
    if body.size_hint().lower() > limits.body_bytes as u64 {
        return Err(too_large);
    }
    let broke_off = Refusal::BodyTimeout { after: limits.body_idle };
    let mut pieces = Pieces::default();
    let mut share: Option<OwnedSemaphorePermit> = None;
    loop {
        let frame = match timeout(limits.body_idle, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => return Ok(Collected { bytes: pieces.join(), _share: share }),
            Ok(Some(Err(_))) | Err(_) => return Err(broke_off),
        };
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > limits.body_bytes - pieces.len() {
            return Err(too_large);
        }
        let more = u32::try_from(data.len()).ok().and_then(|n| memory.clone().try_acquire_many_owned(n).ok());
        match (more, &mut share) {
            (None, _) => return Err(Refusal::Overloaded { limit: limits.bodies_bytes }),
            (Some(more), Some(share)) => share.merge(more),
            (Some(more), None) => share = Some(more),
        }
        pieces.push(data);
    }
}

/// Bytes that mostly come in one piece, which is then not copied.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    first: Bytes,
    all: BytesMut,
}

impl Pieces {
    pub(super) fn push(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.first = data;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(&data);
    }

    pub(super) fn len(&self) -> usize {
        self.first.len().max(self.all.len())
    }

    pub(super) fn join(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}
