//! The command line's end of the control socket.

use std::path::PathBuf;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::Status;
use crate::home::Home;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("no edgeorch daemon runs in {}; start one with `edgeorch up -f PROFILE`", home.display())]
    NotRunning { home: PathBuf },
    #[error("the daemon has no model `{0}`; `edgeorch ps` lists them")]
    NoSuchModel(String),
    #[error("the daemon's control socket {} can't be used", socket.display())]
    Refused {
        socket: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the daemon broke off its answer; `edgeorch status` tells whether it still runs")]
    Broken {
        #[source]
        source: Option<hyper::Error>,
    },
}

/// One daemon's socket.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
    home: PathBuf,
}

impl Client {
    pub fn of(home: &Home) -> Client {
        Client { socket: home.socket(), home: home.state.clone() }
    }

    /// The status now, or, with `after`, as soon as its revision is above that.
    pub async fn status(&self, after: Option<u64>) -> Result<Status, ClientError> {
        let path = after.map_or("/status".into(), |after| format!("/status?after={after}"));
        let response = self.send(Method::GET, &path).await?;
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|source| ClientError::Broken { source: Some(source) })?;
        serde_json::from_slice(&body.to_bytes()).map_err(|_| ClientError::Broken { source: None })
    }

    /// Asks the daemon to drain and end.
    pub async fn stop(&self) -> Result<(), ClientError> {
        self.send(Method::POST, "/stop").await.map(drop)
    }

    pub async fn last_lines(&self, model: &str, lines: usize) -> Result<String, ClientError> {
        let mut text = String::new();
        self.logs(model, lines, false, |piece| text.push_str(piece)).await?;
        Ok(text)
    }

    /// Hands over the log piece by piece, as it comes.
    pub async fn logs(
        &self,
        model: &str,
        lines: usize,
        follow: bool,
        mut print: impl FnMut(&str),
    ) -> Result<(), ClientError> {
        let path = format!("/logs/{model}?lines={lines}&follow={}", u8::from(follow));
        let response = self.send(Method::GET, &path).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Err(ClientError::NoSuchModel(model.to_owned()));
        }
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|source| ClientError::Broken { source: Some(source) })?;
            if let Some(data) = frame.data_ref() {
                print(&String::from_utf8_lossy(data));
            }
        }
        Ok(())
    }

    async fn send(&self, method: Method, path: &str) -> Result<Response<Incoming>, ClientError> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|source| match source.kind() {
            // A socket without a listener is what a killed daemon leaves behind.
            std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused => {
                ClientError::NotRunning { home: self.home.clone() }
            }
            _ => ClientError::Refused { socket: self.socket.clone(), source },
        })?;
        let broken = |source| ClientError::Broken { source: Some(source) };
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "edgeorch")
            .body(Empty::<Bytes>::new());
        let request = request.map_err(|_| ClientError::NoSuchModel(path.to_owned()))?;
        sender.send_request(request).await.map_err(broken)
    }
}
