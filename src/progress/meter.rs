//! Work that blocks a thread (hashing, unpacking), with progress and cancellation.
//!
//! A [`Progress`] lives in async code and may borrow; a blocking thread can't hold it. So the thread tells a
//! [`Meter`], a channel carries the count over, and dropping the future closes the channel, which ends the work.

use std::io;

use edgeorch_engines::Bytes;
use tokio::sync::watch;

use super::Progress;

/// Where blocking work tells how far it is.
#[derive(Debug)]
pub struct Meter {
    done: watch::Sender<u64>,
}

/// Nobody waits for the result any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

impl From<Cancelled> for io::Error {
    fn from(cancelled: Cancelled) -> io::Error {
        // Not `Interrupted`: readers in std would try again.
        io::Error::other(cancelled)
    }
}

impl Meter {
    /// Reports the bytes done so far, and says whether to go on.
    pub fn advanced(&self, done: u64) -> Result<(), Cancelled> {
        self.done.send(done).map_err(|_| Cancelled)
    }
}

/// Runs `work` on a blocking thread and reports what it meters.
pub async fn metered<T, F>(progress: &dyn Progress, work: F) -> T
where
    T: Send + 'static,
    F: FnOnce(&Meter) -> T + Send + 'static,
{
    let (done, mut seen) = watch::channel(0);
    let mut task = tokio::task::spawn_blocking(move || work(&Meter { done }));
    loop {
        tokio::select! {
            ended = &mut task => return match ended {
                Ok(result) => result,
                Err(failure) => match failure.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // The runtime is shutting down, and this future with it.
                    Err(_) => std::future::pending().await,
                },
            },
            Ok(()) = seen.changed() => progress.advanced(Bytes(*seen.borrow_and_update())),
        }
    }
}
