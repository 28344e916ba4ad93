//! What one worker tells of its requests: the access line of each, and how many there were.
//!
//! Invariant: nothing that a client sends is logged unescaped, and no query, path parameter, credential or concealed key
//! at all.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use tokio::time::Instant;
use tracing::info;

use super::trip::Outcome;
use crate::body::{BodyEnd, Count};
use crate::config::Config;
use crate::policy::head::{Malformed, RequestHead};
use crate::policy::key::Key;
use crate::policy::rejection::Rejection;
use crate::policy::{RequestId, RouteId};

/// What one worker has counted. Written by that worker alone.
#[derive(Debug, Default)]
pub struct Counts {
    requests: AtomicU64,
    conflicts: AtomicU64,
    overlaps: AtomicU64,
}

impl Counts {
    /// Requests that came, those that were refused too.
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

    pub(super) fn request(&self) {
        add_one(&self.requests);
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

/// What is known of a request for its access line alone.
pub(super) struct Line {
    config: Arc<Config>,
    started: Instant,
    client: Option<IpAddr>,
    method: Method,
    path: String,
    keys: String,
    received: Option<Count>,
    /// When the request went to the upstream.
    pub(super) sent: Option<Instant>,
    /// How long the upstream was waited for.
    pub(super) upstream: Option<Duration>,
    /// How long it waited for its turn.
    pub(super) waited: Option<Duration>,
}

impl Line {
    pub(super) fn begin(config: &Arc<Config>, head: &RequestHead, client: Option<IpAddr>) -> Self {
        Self {
            config: Arc::clone(config),
            started: Instant::now(),
            client,
            method: head.method.clone(),
            path: logged(head.uri.path()),
            keys: String::new(),
            received: None,
            sent: None,
            upstream: None,
            waited: None,
        }
    }

    /// Where the octets of its body are to be counted.
    pub(super) fn count(&mut self) -> Count {
        Rc::clone(self.received.insert(Count::default()))
    }

    pub(super) fn hold<'a>(&mut self, keys: impl Iterator<Item = &'a Key>) {
        let shown: Vec<&str> = keys.map(Key::shown).collect();
        self.keys = shown.join(" ");
    }

    pub(super) fn write(
        &self,
        status: Option<StatusCode>,
        (route, outcome): (RouteId, Outcome),
        request_id: &RequestId,
        end: BodyEnd,
    ) {
        info!(
            target: "access",
            client = self.client.map(tracing::field::display),
            method = %self.method,
            path = self.path.as_str(),
            status = status.map(|status| status.as_u16()),
            route = &*self.config.policy.route(route).label,
            keys = (!self.keys.is_empty()).then_some(&*self.keys),
            outcome = outcome.name(),
            duration_ms = millis(self.started.elapsed()),
            waited_ms = self.waited.map(millis),
            upstream_ms = self.upstream.map(millis),
            received = self.received.as_ref().map_or(0, |count| count.get()),
            sent = end.octets,
            cut = (!end.is_whole).then_some(true),
            request_id = request_id.text(&mut [0; 32]),
        );
    }
}

/// The access line of a request that was refused before it was one. What it asked for is not in it: that is not known in
/// one way only.
pub(super) fn write_refused(
    client: Option<IpAddr>,
    why: Malformed,
    rejection: &Rejection,
    answer: &Response<Bytes>,
) {
    info!(
        target: "access",
        client = client.map(tracing::field::display),
        status = answer.status().as_u16(),
        outcome = rejection.name(),
        %why,
        sent = answer.body().len(),
    );
}

/// Milliseconds, to the microsecond.
fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e3
}

/// A path as it is logged. Its segments' parameters may be credentials, as servlet containers have them; and some
/// characters outside ASCII end a line, or begin a sequence that a terminal obeys.
fn logged(path: &str) -> String {
    let segments: Vec<&str> = path
        .split('/')
        .map(|segment| segment.split(';').next().unwrap_or_default())
        .collect();
    let path = segments.join("/");
    if path.is_ascii() {
        path
    } else {
        path.escape_default().to_string()
    }
}
