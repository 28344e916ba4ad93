//! A client and an origin that speak HTTP/2 over a pipe, and of which the test has every stream in its hands.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use h2::client::{self, ResponseFuture, SendRequest};
use h2::server::{self, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Method, Request, Response, StatusCode, request};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::by_hand::Origin;
use super::pipes::{DEADLINE, Far, until};

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
        let ready = timeout(DEADLINE, poll_fn(|cx| self.send.poll_ready(cx)));
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

/// An origin's end of a connection.
pub(crate) struct Served {
    pub(crate) far: Far,
    asked: Rc<RefCell<VecDeque<Asked>>>,
    changed: Rc<Notify>,
    ends: Rc<RefCell<Option<Ending>>>,
}

/// How the origin is to end a connection.
enum Ending {
    Gracefully,
    At(Reason),
}

/// A request that has come to an origin, and what it is answered with.
pub(crate) struct Asked {
    pub(crate) head: request::Parts,
    pub(crate) body: RecvStream,
    pub(crate) respond: SendResponse<Bytes>,
}

impl Served {
    /// The connection that the gateway makes to `origin` after `number` others.
    pub(crate) async fn by(origin: &Origin, number: usize) -> Self {
        origin.until_connected(number).await;
        Self::over(origin.connection(number))
    }

    fn over(far: Far) -> Self {
        let served = Self {
            far: far.clone(),
            asked: Rc::default(),
            changed: Rc::default(),
            ends: Rc::default(),
        };
        let (asked, changed) = (Rc::clone(&served.asked), Rc::clone(&served.changed));
        let ends = Rc::clone(&served.ends);
        tokio::task::spawn_local(async move {
            let mut connection = server::handshake(far).await.expect("HTTP/2");
            poll_fn(|cx| {
                match ends.borrow_mut().take() {
                    Some(Ending::Gracefully) => connection.graceful_shutdown(),
                    Some(Ending::At(reason)) => connection.abrupt_shutdown(reason),
                    None => {}
                }
                while let Poll::Ready(accepted) = connection.poll_accept(cx) {
                    let Some(Ok((request, respond))) = accepted else {
                        return Poll::Ready(());
                    };
                    let (head, body) = request.into_parts();
                    asked.borrow_mut().push_back(Asked {
                        head,
                        body,
                        respond,
                    });
                    changed.notify_waiters();
                }
                Poll::Pending
            })
            .await;
        });
        served
    }

    /// The next request.
    pub(crate) async fn request(&self) -> Asked {
        until(&self.changed, "a request over a stream", || {
            self.asked.borrow_mut().pop_front()
        })
        .await
    }

    /// Fails if a request has come that the test has not taken.
    pub(crate) fn hears_nothing(&self) {
        assert_eq!(self.asked.borrow().len(), 0, "the origin got a request");
    }

    /// Takes no more streams, and lets those that it has end.
    pub(crate) fn go_away(&self) {
        *self.ends.borrow_mut() = Some(Ending::Gracefully);
    }

    /// Ends every stream at once.
    pub(crate) fn break_off(&self, reason: Reason) {
        *self.ends.borrow_mut() = Some(Ending::At(reason));
    }
}

impl Asked {
    /// All of its body, and its trailers.
    pub(crate) async fn content(&mut self) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
        let read = timeout(DEADLINE, async {
            let mut content = Vec::new();
            while let Some(data) = self.body.data().await {
                let data = data?;
                self.body.flow_control().release_capacity(data.len())?;
                content.extend_from_slice(&data);
            }
            Ok((content, self.body.trailers().await?))
        });
        read.await.expect("a body in time")
    }

    /// Answers it whole.
    pub(crate) fn answer(&mut self, status: u16, content: &'static str) {
        let mut body = self.begin(status, content.is_empty());
        if !content.is_empty() {
            body.send_data(Bytes::from_static(content.as_bytes()), true)
                .expect("sent");
        }
    }

    pub(crate) fn begin(&mut self, status: u16, is_whole: bool) -> SendStream<Bytes> {
        let response = Response::builder().status(status).body(()).expect("a head");
        self.respond
            .send_response(response, is_whole)
            .expect("sent")
    }
}
