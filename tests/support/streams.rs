//! A client that speaks HTTP/2 over a pipe, each of whose requests is a stream that the test has in its hands.

use bytes::Bytes;
use h2::client::{self, ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use http::{HeaderMap, Method, Request, StatusCode};
use tokio::time::timeout;

use super::pipes::{DEADLINE, Far};

/// A connection. Its driver ends with the connection.
pub(crate) struct Streams {
    pub(crate) far: Far,
    send: SendRequest<Bytes>,
}

/// A request on its way.
pub(crate) struct Stream {
    pub(crate) response: ResponseFuture,
    pub(crate) body: SendStream<Bytes>,
}

/// A response that came whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
    pub(crate) content: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Streams {
    pub(crate) async fn over(far: Far) -> Self {
        Self::with(far, &client::Builder::new()).await
    }

    pub(crate) async fn with(far: Far, builder: &client::Builder) -> Self {
        let shaken = timeout(DEADLINE, builder.handshake(far.clone())).await;
        let (send, driver) = shaken.expect("a handshake in time").expect("HTTP/2");
        tokio::task::spawn_local(async move {
            // What the end of the connection means, its streams are told.
            let _ended = driver.await;
        });
        Self { far, send }
    }

    /// Sends a head, and with `is_whole` nothing after it.
    pub(crate) async fn begin(&mut self, request: Request<()>, is_whole: bool) -> Stream {
        let ready = timeout(
            DEADLINE,
            std::future::poll_fn(|cx| self.send.poll_ready(cx)),
        );
        ready.await.expect("ready in time").expect("a connection");
        let (response, body) = self.send.send_request(request, is_whole).expect("sent");
        Stream { response, body }
    }

    /// Sends a request with a small body.
    pub(crate) async fn send(&mut self, method: &str, path: &str, content: &str) -> Stream {
        let mut stream = self.begin(request(method, path), content.is_empty()).await;
        if !content.is_empty() {
            let content = Bytes::copy_from_slice(content.as_bytes());
            stream.body.send_data(content, true).expect("sent");
        }
        stream
    }
}

impl Stream {
    pub(crate) fn cancel(mut self) {
        self.body.send_reset(Reason::CANCEL);
    }

    /// The whole response, or why there is none.
    pub(crate) async fn answer(self) -> Result<Answer, h2::Error> {
        let answered = timeout(DEADLINE, async {
            let (head, mut body) = self.response.await?.into_parts();
            let mut content = Vec::new();
            while let Some(data) = body.data().await {
                let data = data?;
                body.flow_control().release_capacity(data.len())?;
                content.extend_from_slice(&data);
            }
            let trailers = body.trailers().await?;
            Ok(Answer {
                status: head.status,
                fields: head.headers,
                content,
                trailers,
            })
        });
        answered.await.expect("an answer in time")
    }
}

impl Answer {
    /// The type of the problem that it tells of, without its base.
    pub(crate) fn problem(&self) -> String {
        let problem: serde_json::Value =
            serde_json::from_slice(&self.content).expect("a problem document");
        let kind = problem["type"].as_str().expect("it has a type");
        kind.rsplit('#').next().unwrap_or_default().to_owned()
    }
}

pub(crate) fn request(method: &str, path: &str) -> Request<()> {
    Request::builder()
        .method(Method::from_bytes(method.as_bytes()).expect("a method"))
        .uri(format!("http://a.example{path}"))
        .body(())
        .expect("a request")
}
