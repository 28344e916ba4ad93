//! What is remembered of one request on its way: to answer it, to log it and to count it.
//!
//! Invariants:
//! - One access line a request, written when its response has ended, however it has.
//! - Nothing that a client sends is logged unescaped, and no query, credential or concealed key at all.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use mediatype::{MediaType, media_type};
use tokio::time::Instant;
use tracing::info;

use super::Peer;
use crate::body::{Body, BodyEnd, Count, Counted};
use crate::config::Config;
use crate::policy::forward::X_REQUEST_ID;
use crate::policy::head::Malformed;
use crate::policy::rejection::{Form, Rejection};
use crate::policy::{Plan, RouteId};

/// The longest request identifier that is passed on.
const REQUEST_ID_LIMIT: usize = 128;

/// What one worker has counted. Written by that worker alone.
#[derive(Debug, Default)]
pub struct Counts {
    requests: AtomicU64,
    conflicts: AtomicU64,
    overlaps: AtomicU64,
}

impl Counts {
    /// Requests that were answered.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Writes that were refused for a conflict.
    pub fn conflicts(&self) -> u64 {
        self.conflicts.load(Ordering::Relaxed)
    }

    /// Writes that were let through beside another because one of the two was only observed.
    pub fn overlaps(&self) -> u64 {
        self.overlaps.load(Ordering::Relaxed)
    }

    pub(super) fn conflict(&self) {
        add_one(&self.conflicts);
    }

    pub(super) fn overlap(&self) {
        add_one(&self.overlaps);
    }
}

/// There is one writer, so that a load and a store are enough, and cost less than an atomic addition.
fn add_one(count: &AtomicU64) {
    count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// One request on its way.
#[derive(Debug)]
pub(super) struct Trip {
    /// The effective method, once it is known.
    pub(super) method: Method,
    pub(super) request_id: HeaderValue,
    /// Whether some of the request may never be read: then the connection ends with the answer.
    pub(super) is_unread: bool,
    /// What became of it.
    pub(super) outcome: &'static str,
    route: RouteId,
    accept: Option<HeaderValue>,
    line: Option<Box<Line>>,
}

/// What is known of a request for its access line alone.
#[derive(Debug)]
struct Line {
    config: Arc<Config>,
    started: Instant,
    client: Option<std::net::IpAddr>,
    method: Method,
    path: String,
    keys: String,
    received: Option<Count>,
}

impl Trip {
    pub(super) fn begin<S>(
        config: &Arc<Config>,
        request: &Request<Incoming>,
        peer: &Peer<S>,
    ) -> Self {
        let line = config.server.access_log.then(|| {
            Box::new(Line {
                config: Arc::clone(config),
                started: Instant::now(),
                client: peer.address,
                method: request.method().clone(),
                path: logged(request.uri().path()),
                keys: String::new(),
                received: None,
            })
        });
        Self {
            method: request.method().clone(),
            request_id: request_id(request.headers().get(X_REQUEST_ID)),
            is_unread: !http_body::Body::is_end_stream(request.body()),
            outcome: "forwarded",
            route: RouteId::GUARD,
            accept: request.headers().get(ACCEPT).cloned(),
            line,
        }
    }

    /// The body, counted for the access line if there is one.
    pub(super) fn counted(&mut self, body: Incoming) -> Counted {
        let is_empty = http_body::Body::is_end_stream(&body);
        let line = self.line.as_mut().filter(|_| !is_empty);
        let count = line.map(|line| Rc::clone(line.received.insert(Count::default())));
        Counted::new(body, count)
    }

    /// Takes note of what was decided.
    pub(super) fn planned(&mut self, plan: &Plan) {
        self.method.clone_from(&plan.method);
        self.route = plan.route;
        if let (Some(line), Some(guard)) = (&mut self.line, &plan.guard) {
            let shown: Vec<&str> = guard.keys.iter().map(|key| key.shown()).collect();
            line.keys = shown.join(" ");
        }
    }

    /// The form of answer that the client prefers.
    pub(super) fn form(&self) -> Form {
        const TEXT: MediaType<'static> = media_type!(TEXT / PLAIN);
        static OFFERED: [MediaType<'static>; 3] = [
            media_type!(APPLICATION / PROBLEM + JSON),
            media_type!(APPLICATION / JSON),
            TEXT,
        ];
        let accept = self
            .accept
            .as_ref()
            .and_then(|value| headers_accept::Accept::try_from(value).ok());
        let chosen = accept
            .as_ref()
            .and_then(|accept| accept.negotiate(&OFFERED));
        if chosen == Some(&TEXT) {
            Form::Text
        } else {
            Form::Problem
        }
    }

    /// Counts the request, and has its access line written when the response has ended.
    pub(super) fn report_with(self, response: Response<Body>, counts: &Counts) -> Response<Body> {
        add_one(&counts.requests);
        let Some(line) = self.line else {
            return response;
        };
        let (status, route, outcome, request_id) =
            (response.status(), self.route, self.outcome, self.request_id);
        response.map(|body| {
            body.reporting_to(Box::new(move |end| {
                line.write(status, route, outcome, &request_id, end)
            }))
        })
    }
}

impl Line {
    fn write(
        self,
        status: StatusCode,
        route: RouteId,
        outcome: &str,
        request_id: &HeaderValue,
        end: BodyEnd,
    ) {
        let route = &*self.config.policy.route(route).label;
        info!(
            target: "access",
            client = self.client.map(tracing::field::display),
            method = %self.method,
            path = self.path.as_str(),
            status = status.as_u16(),
            route,
            keys = (!self.keys.is_empty()).then_some(&*self.keys),
            outcome,
            duration_ms = millis(self.started.elapsed()),
            received = self.received.map_or(0, |count| count.get()),
            sent = end.octets,
            cut = (!end.is_whole).then_some(true),
            request_id = request_id.to_str().unwrap_or_default(),
        );
    }
}

/// Counts a request that was refused before it was one, and writes its access line. What it asked for is not in it:
/// that is not known in one way only.
pub(super) fn report_refused<S>(
    config: &Config,
    peer: &Peer<S>,
    (rejection, why): (&Rejection, Malformed),
    answer: &Response<Bytes>,
    counts: &Counts,
) {
    add_one(&counts.requests);
    if config.server.access_log {
        info!(
            target: "access",
            client = peer.address.map(tracing::field::display),
            status = answer.status().as_u16(),
            outcome = rejection.name(),
            %why,
            sent = answer.body().len(),
        );
    }
}

/// Milliseconds, to the microsecond.
fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e3
}

/// A path as it is logged: some characters outside ASCII end a line, or begin a sequence that a terminal obeys.
fn logged(path: &str) -> String {
    if path.is_ascii() {
        path.to_owned()
    } else {
        path.escape_default().to_string()
    }
}

/// The identifier that came with the request, if it is one, or a new one.
fn request_id(given: Option<&HeaderValue>) -> HeaderValue {
    let is_identifier = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=REQUEST_ID_LIMIT).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    };
    given.filter(is_identifier).cloned().unwrap_or_else(|| {
        let made = format!("{:032x}", fastrand::u128(..));
        HeaderValue::try_from(made).expect("hexadecimal digits are visible ASCII")
    })
}
