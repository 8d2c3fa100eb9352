//! One HTTP question to a child on loopback. A connection of its own each time: a pooled one would tell of an engine
//! that has died since.

use std::time::Duration;

use bytes::Bytes;
use edgeorch_engines::{HttpCall, Method};
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// No answer of an engine to a probe is larger; a stranger's might be endless.
const LONGEST_ANSWER: usize = 4 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("nothing listens on its port")]
    Refused(#[source] std::io::Error),
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("its answer broke off or is no HTTP")]
    Broken,
}

/// Asks, with `key` as the bearer, and returns status and body.
pub async fn call(
    port: u16,
    key: &str,
    call: &HttpCall,
    deadline: Duration,
) -> Result<(u16, Bytes), CallError> {
    tokio::time::timeout(deadline, exchange(port, key, call))
        .await
        .map_err(|_| CallError::Timeout(deadline))?
}

async fn exchange(port: u16, key: &str, call: &HttpCall) -> Result<(u16, Bytes), CallError> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(CallError::Refused)?;
    let broken = |_| CallError::Broken;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let request = hyper::Request::builder()
        .method(match call.method {
            Method::Get => hyper::Method::GET,
            Method::Post => hyper::Method::POST,
        })
        .uri(&call.path)
        .header(HOST, format!("127.0.0.1:{port}"))
        .header(AUTHORIZATION, format!("Bearer {key}"))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(call.body.clone().unwrap_or_default())))
        .map_err(|_| CallError::Broken)?;
    let answer = async move {
        let response = sender.send_request(request).await.map_err(|_| CallError::Broken)?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), LONGEST_ANSWER)
            .collect()
            .await
            .map_err(|_| CallError::Broken)?;
        Ok((status, body.to_bytes()))
    };
    // The connection is driven here and ends with this future: nothing is left running when a probe is given up.
    tokio::pin!(answer);
    tokio::select! {
        result = &mut answer => result,
        ended = connection => match ended {
            Ok(()) => answer.await,
            Err(_) => Err(CallError::Broken),
        },
    }
}
