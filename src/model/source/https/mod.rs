//! Downloads that survive cut connections: tries go on where the last one ended, as long as bytes arrive.
//!
//! One try is: ask for what is missing, decide by the answer's head ([`answer`]), then let a blocking thread write and
//! hash while this side reads. The spool travels to that thread and back; a cancelled future closes the channel
//! between them, which ends the thread with everything written that had arrived.

mod answer;
mod client;

use std::time::Duration;

use edgeorch_engines::Bytes;
use reqwest::{Client, Response, Url, header};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Cut, FetchError, Fetcher, Room};
use crate::model::store::{Digest, Spool, StoreError, Whole};
use crate::progress::{Progress, metered};
use answer::Answer;

pub(in crate::model) use answer::Head;
pub(in crate::model) use client::shown;
pub(super) use client::{build as client, file_name, parse};

/// Chunks that may wait for the disk (each is what one read of the socket gave, at most some 100 KiB).
const IN_FLIGHT: usize = 16;

/// What is known of a file before it is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known<'a> {
    pub digest: Option<&'a Digest>,
    pub bytes: Option<u64>,
}

/// Brings `spool` to its end.
pub(super) async fn fetch(
    fetcher: &Fetcher,
    url: &Url,
    known: Known<'_>,
    mut spool: Spool,
    room: &Room,
    progress: &dyn Progress,
) -> Result<Whole, FetchError> {
    let patience = fetcher.patience;
    let expected = known.digest;
    let download = Download {
        client: client::build(url, patience.server)?,
        url,
        room,
        progress,
        stall: patience.server,
        pinned: expected.is_some(),
        told: known.bytes,
    };
    // Only a byte that no try has reached before is progress: else a server that starts over and breaks off again and
    // again would be asked forever.
    let (mut failures, mut furthest, mut resumed) = (0, spool.written(), spool.written() > 0);
    loop {
        let (back, tried) = download.attempt(spool).await?;
        spool = back;
        let cause = match tried {
            Ok(()) if resumed && expected.is_some_and(|digest| *digest != spool.digest()) => {
                // The older part may be what is wrong (a power cut leaves zeros): the whole gets one chance.
                progress.message("the continued file has a wrong sha256; starting over");
                spool.restart()?;
                resumed = false;
                continue;
            }
            Ok(()) => {
                let expected = expected.cloned();
                return Ok(metered(progress, move |_| spool.finish(expected.as_ref())).await?);
            }
            Err(cause) => cause,
        };
        resumed = spool.written() > 0;
        failures = if spool.written() > furthest { 1 } else { failures + 1 };
        furthest = furthest.max(spool.written());
        if failures > patience.retries {
            let kept = Bytes(spool.written());
            return Err(FetchError::Cut { url: shown(url.as_str()), tries: patience.retries, kept, cause });
        }
        let pause = patience.backoff * 2_u32.saturating_pow(failures - 1);
        progress.message(&format!("{}; trying again in {:.1} s", words(&cause), pause.as_secs_f32()));
        tokio::time::sleep(pause).await;
    }
}

struct Download<'a> {
    client: Client,
    url: &'a Url,
    room: &'a Room,
    progress: &'a dyn Progress,
    stall: Duration,
    /// The content is known beforehand: whatever is stitched together is checked in the end.
    pinned: bool,
    /// The file's length, as somebody else told it.
    told: Option<u64>,
}

impl Download<'_> {
    /// One try. The outer error ends the download, the inner one is tried again.
    async fn attempt(&self, mut spool: Spool) -> Result<(Spool, Result<(), Cut>), FetchError> {
        if spool.written() > 0 && spool.validator().is_none() && !self.pinned {
            spool.restart()?;
        }
        let response = match self.ask(&spool).await {
            Ok(response) => response,
            Err(cut) => return Ok((spool, Err(cut))),
        };
        let head = Head::of(&response);
        match answer::read(&head, spool.written(), spool.expected()) {
            Answer::Complete => return Ok((spool, Ok(()))),
            Answer::Rest => {}
            Answer::Whole => {
                if spool.written() > 0 {
                    self.progress.message("the server sends the file from its start");
                    spool.restart()?;
                }
            }
            Answer::Changed => {
                spool.restart()?;
                return Ok((spool, Err(Cut::Changed)));
            }
            Answer::TryLater => return Ok((spool, Err(Cut::Status { status: head.status }))),
            Answer::Refused => {
                return Err(FetchError::Refused { url: shown(self.url.as_str()), status: head.status });
            }
        }
        if let (Some(told), Some(now)) = (self.told, head.total())
            && told != now
        {
            return Err(FetchError::Length { url: shown(self.url.as_str()), told, now });
        }
        // Nobody may go on sending until the disk is full.
        let total = head.total().or(self.told);
        spool.expect(total, head.validator.clone())?;
        if let Some(total) = total {
            self.progress.sized(Bytes(total));
            self.room.ensure(Bytes(total.saturating_sub(spool.written())))?;
        }
        let (mut spool, read) = self.receive(response, spool, total).await?;
        let ended = read.and_then(|()| match total {
            Some(total) if spool.written() < total => {
                Err(Cut::Short { got: Bytes(spool.written()), expected: Bytes(total) })
            }
            _ => Ok(()),
        });
        if matches!(ended, Err(Cut::Long { .. })) {
            spool.restart()?;
        }
        Ok((spool, ended))
    }

    async fn ask(&self, spool: &Spool) -> Result<Response, Cut> {
        // A compressed body could not be continued, nor its length compared.
        let mut request = self.client.get(self.url.clone()).header(header::ACCEPT_ENCODING, "identity");
        if spool.written() > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", spool.written()));
            if let Some(validator) = spool.validator() {
                request = request.header(header::IF_RANGE, validator);
            }
        }
        match timeout(self.stall, request.send()).await {
            Ok(answered) => answered.map_err(|cause| Cut::Connection(cause.without_url())),
            Err(_) => Err(Cut::Stalled { waited: self.stall }),
        }
    }

    /// Reads the body to its end, or to where it breaks off.
    async fn receive(
        &self,
        response: Response,
        spool: Spool,
        total: Option<u64>,
    ) -> Result<(Spool, Result<(), Cut>), FetchError> {
        let have = spool.written();
        let (chunks, arriving) = mpsc::channel(IN_FLIGHT);
        let writing = metered(&crate::progress::Silent, move |_| write(spool, arriving));
        // The writer starts when it is first polled, and ends when `pump` has dropped its sender.
        let (read, wrote) = tokio::join!(self.pump(response, chunks, have, total), writing);
        Ok((wrote?, read))
    }

    async fn pump(
        &self,
        mut response: Response,
        chunks: mpsc::Sender<bytes::Bytes>,
        have: u64,
        total: Option<u64>,
    ) -> Result<(), Cut> {
        let mut done = have;
        loop {
            match timeout(self.stall, response.chunk()).await {
                Err(_) => return Err(Cut::Stalled { waited: self.stall }),
                Ok(Err(cause)) => return Err(Cut::Connection(cause.without_url())),
                Ok(Ok(None)) => return Ok(()),
                Ok(Ok(Some(chunk))) => {
                    done += chunk.len() as u64;
                    if let Some(total) = total.filter(|total| done > *total) {
                        return Err(Cut::Long { expected: Bytes(total) });
                    }
                    if chunks.send(chunk).await.is_err() {
                        // The writer has failed; its error is the one that counts.
                        return Ok(());
                    }
                    self.progress.advanced(Bytes(done));
                }
            }
        }
    }
}

fn write(mut spool: Spool, mut arriving: mpsc::Receiver<bytes::Bytes>) -> Result<Spool, StoreError> {
    while let Some(chunk) = arriving.blocking_recv() {
        spool.append(&chunk)?;
    }
    Ok(spool)
}

/// An error with its causes, for a line that is shown while the work goes on.
fn words(cause: &dyn std::error::Error) -> String {
    let mut text = cause.to_string();
    let mut next = cause.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
