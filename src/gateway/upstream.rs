//! Connections to engines. One connection carries one request at a time; it is kept for the next one only after an
//! answer was read to its end. Dropping it closes the socket at once, which is how an engine learns that nobody
//! wants its work any more.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::routes::Target;

/// Idle connections, the last used first. A port may be given to a later launch: the generation tells them apart.
#[derive(Debug)]
pub(super) struct Pool {
    connect: Duration,
    idle: Mutex<HashMap<Place, Vec<Idle>>>,
}

type Place = (SocketAddr, u64);

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    place: Place,
    is_reused: bool,
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// An idle connection that the engine had closed: the request did not leave.
    #[error("the connection was closed while idle")]
    Stale,
    #[error(transparent)]
    Died(hyper::Error),
}

impl Pool {
    /// Below llama.cpp's 5 s, the shortest keep-alive among the engines: each idle connection holds one of its threads.
    pub(super) const IDLE: Duration = Duration::from_secs(2);

    pub(super) fn new(connect: Duration) -> Pool {
        Pool { connect, idle: Mutex::default() }
    }

    /// A kept connection, if there is one that still stands.
    pub(super) async fn take(&self, target: &Target) -> Option<Connection> {
        loop {
            let mut connection = self.pop(&(target.address, target.generation))?;
            // Just returned, the connection may still be closing the last exchange: this is that moment.
            if connection.sender.ready().await.is_ok() {
                connection.is_reused = true;
                return Some(connection);
            }
        }
    }

    pub(super) async fn connect(&self, target: &Target) -> io::Result<Connection> {
        let stream = timeout(self.connect, TcpStream::connect(target.address))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        // An event is a small write: it must not wait for the one before to be acknowledged.
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let driver = tokio::spawn(async move {
            // What goes wrong here is told to the request that it befell.
            connection.await.ok();
        });
        Ok(Connection { sender, driver, place: (target.address, target.generation), is_reused: false })
    }

    /// Keeps a connection whose last answer was read to its end.
    pub(super) fn put(&self, connection: Connection) {
        if connection.sender.is_closed() {
            return;
        }
        let idle = Idle { since: Instant::now(), connection };
        self.idle().entry(idle.connection.place).or_default().push(idle);
    }

    /// Closes what was not used for [`Pool::IDLE`].
    pub(super) fn prune(&self) {
        self.idle().retain(|_, idle| {
            idle.retain(|idle| idle.since.elapsed() < Pool::IDLE);
            !idle.is_empty()
        });
    }

    fn pop(&self, place: &Place) -> Option<Connection> {
        let idle = self.idle().get_mut(place)?.pop()?;
        (idle.since.elapsed() < Pool::IDLE).then_some(idle.connection)
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<Place, Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, SendError> {
        let sent = self.sender.try_send_request(request).await;
        sent.map_err(|mut error: TrySendError<_>| match error.take_message() {
            Some(_) if self.is_reused => SendError::Stale,
            _ => SendError::Died(error.into_error()),
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
