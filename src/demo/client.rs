//! A client as anybody writes one: a connection that is kept, one request after the other.
//!
//! Invariants:
//! - It never sends a request again by itself.
//! - A request that is dropped unfinished takes its connection with it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, RETRY_AFTER};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use thiserror::Error;
use tokio::net::TcpStream;

/// Bytes: more than any answer here has.
const LONGEST_BODY: usize = 64 << 10;

/// When to come back if an answer does not say.
const UNTOLD: Duration = Duration::from_secs(1);

/// A client of one server.
pub(super) struct Client {
    server: SocketAddr,
    connection: Option<SendRequest<Empty<Bytes>>>,
}

/// What came back, whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Nothing was sent.
    #[error("cannot connect to {server}")]
    Connect {
        /// To whom.
        server: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The request may have been sent, and may have been met.
    #[error("the connection broke")]
    Exchange(#[from] hyper::Error),
    /// The answer is not whole, or far too long.
    #[error("the answer cannot be read")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer says something else than was asked for.
    #[error("{server} does not tell its stock of {item}")]
    Untold {
        /// Who was asked.
        server: SocketAddr,
        /// For what.
        item: &'static str,
    },
}

impl Client {
    pub(super) fn new(server: SocketAddr) -> Self {
        Self {
            server,
            connection: None,
        }
    }

    /// Sends a request without a body, and waits for its answer.
    pub(super) async fn send(
        &mut self,
        method: Method,
        target: &str,
    ) -> Result<Answer, ClientError> {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, self.server.to_string())
            .body(Empty::new())
            .expect("a target of ours makes a request");
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            Some(_) | None => self.connect().await?,
        };
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        let answer = Answer::read(response).await?;
        self.connection = Some(connection);
        Ok(answer)
    }

    async fn connect(&self) -> Result<SendRequest<Empty<Bytes>>, ClientError> {
        let server = self.server;
        let failed = |source| ClientError::Connect { server, source };
        let stream = TcpStream::connect(server).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends with its sender, whose requests fail when it does.
        tokio::spawn(connection);
        Ok(sender)
    }
}

impl Answer {
    async fn read(response: http::Response<Incoming>) -> Result<Self, ClientError> {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LONGEST_BODY).collect().await;
        Ok(Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.map_err(ClientError::Body)?.to_bytes(),
        })
    }

    /// When to come back: `retry_after_ms` of a problem document, or else `Retry-After` in seconds.
    pub(super) fn retry_after(&self) -> Duration {
        #[derive(Deserialize)]
        struct Problem {
            retry_after_ms: u64,
        }
        if let Ok(problem) = serde_json::from_slice::<Problem>(&self.body) {
            return Duration::from_millis(problem.retry_after_ms);
        }
        let field = self.headers.get(RETRY_AFTER);
        let seconds = field.and_then(|value| value.to_str().ok()?.parse().ok());
        seconds.map_or(UNTOLD, Duration::from_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn told(body: &'static str, retry_after: Option<&'static str>) -> Duration {
        let value = retry_after.map(|value| (RETRY_AFTER, HeaderValue::from_static(value)));
        let answer = Answer {
            status: 409,
            headers: value.into_iter().collect(),
            body: Bytes::from_static(body.as_bytes()),
        };
        answer.retry_after()
    }

    #[test]
    fn it_comes_back_when_it_is_told_to_and_as_exactly_as_it_is_told() {
        let millis = Duration::from_millis;
        assert_eq!(told(r#"{"retry_after_ms":74}"#, Some("1")), millis(74));
        assert_eq!(told("come back later", Some("3")), millis(3000));
        assert_eq!(told("{}", None), UNTOLD);
        assert_eq!(told("", Some("Tue, 24 Nov 2026 00:00:00 GMT")), UNTOLD);
    }
}
