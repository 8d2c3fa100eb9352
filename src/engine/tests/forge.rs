//! A forge on loopback: fixed answers by path.

use std::collections::BTreeMap;
use std::convert::Infallible;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(super) struct Forge {
    url: String,
    accepting: JoinHandle<()>,
}

impl Forge {
    /// Serves what `answers` makes of its own address: status and body by path; other paths are 404.
    pub async fn start(answers: impl FnOnce(&str) -> Vec<(&'static str, u16, Vec<u8>)>) -> Forge {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers: BTreeMap<_, _> = answers(&url)
            .into_iter()
            .map(|(path, status, body)| (path, (status, Bytes::from(body))))
            .collect();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answers = answers.clone();
                tokio::spawn(async move {
                    let answer = service_fn(|request: Request<Incoming>| {
                        let (status, body) =
                            answers.get(request.uri().path()).cloned().unwrap_or((404, Bytes::new()));
                        let response = Response::builder().status(status).body(Full::new(body)).unwrap();
                        async move { Ok::<_, Infallible>(response) }
                    });
                    // The client may hang up whenever it likes.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer)
                        .await;
                });
            }
        });
        Forge { url, accepting }
    }

    pub fn listing(&self) -> String {
        format!("{}/latest", self.url)
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
