//! The listening socket and its connections: bounded in number, in the time they may take to say what they want, and
//! let finish when the gateway is shut down.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::server::{Gateway, State};
use super::upstream::Pool;

/// After `accept` failed for want of file descriptors: trying at once would only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown` resolves, then accepts no more, lets requests in flight end, and returns when they have or
/// when `limits.drain` is over. Fails only if the socket has no address.
pub async fn serve(
    listener: TcpListener,
    gateway: Gateway,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let state = Arc::new(gateway.open(listener.local_addr()?));
    let slots = Arc::new(Semaphore::new(state.limits.connections));
    let (stopping, stop) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut prune = interval(Pool::IDLE / 2);
    prune.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            (stream, slot) = accept(&listener, &slots) => {
                connections.spawn(connection(stream, slot, state.clone(), stop.clone()));
            }
            // Reaped as they end, so that the set holds what lives.
            Some(_) = connections.join_next() => {}
            _ = prune.tick() => state.pool.prune(),
        }
    }
    drop(listener);
    drop(stopping);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(state.limits.drain, all).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests outlasted the shutdown and are cut off");
        connections.shutdown().await;
    }
    Ok(())
}

/// The next connection, once there is room for it: what comes before waits in the kernel.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed: `None` can't happen and would only mean an uncounted connection.
    let slot = slots.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, slot),
            Err(error) => {
                tracing::warn!(%error, "connection can't be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    slot: Option<OwnedSemaphorePermit>,
    state: Arc<State>,
    mut stop: watch::Receiver<()>,
) {
    // An event is a small write: it must not wait for the one before to be acknowledged.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "client left before it was served");
        return;
    }
    let (header_read, header_bytes) = (state.limits.header_read, state.limits.header_bytes);
    let service = service_fn(move |request| {
        let state = state.clone();
        async move { Ok::<_, Infallible>(state.answer(request).await) }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_read)
            .max_header_size(header_bytes)
            .serve_connection(TokioIo::new(stream), service)
    );
    let served = tokio::select! {
        served = &mut connection => served,
        _ = stop.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "client's connection ended early");
    }
    drop(slot);
}
