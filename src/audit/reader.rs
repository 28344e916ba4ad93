//! From the lines of a log to writes under keys: what a line is of, and what the policy says about it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use http::Method;

use super::findings::{Findings, Unreadable};
use super::format::{self, Reader, Request};
use super::input::{Lines, Piece};
use super::sweep::{Sweep, Write};
use super::tally::Tally;
use super::timeline::Timeline;
use crate::cli::ServerLog;
use crate::policy::generalise::generalise;
use crate::policy::head::Fields;
use crate::policy::path::{Distinguish, canonical};
use crate::policy::{Head, Key, Policy, Purpose, RouteId};

/// How many lines that cannot be read are shown.
const SHOWN_LINES: usize = 5;

/// How much of one is shown, in characters.
const SHOWN_CHARACTERS: usize = 80;

/// Audits one log after the other by one policy.
pub(super) struct Auditor<'a> {
    policy: &'a Policy,
    /// A log has no fields of requests, but for the host.
    fields: Fields,
    sweep: Sweep,
    /// What is counted by lines.
    so_far: Findings,
    /// Room for the route of a path.
    route: String,
}

impl<'a> Auditor<'a> {
    pub(super) fn new(policy: &'a Policy, window: usize) -> Self {
        Self {
            policy,
            fields: Fields::default(),
            sweep: Sweep::new(window, Tally::default()),
            so_far: Findings::default(),
            route: String::new(),
        }
    }

    pub(super) fn read(
        &mut self,
        path: &str,
        mut lines: Lines,
        format: ServerLog,
    ) -> io::Result<()> {
        let mut reader = Reader::new(format);
        for number in 1.. {
            let read = match lines.next()? {
                Piece::End => return Ok(()),
                Piece::TooLong(begin) => Err(("it is longer than 8 MiB", begin)),
                Piece::Line(line) => reader.read(line).map_err(|why| (why, line)),
            };
            self.so_far.lines += 1;
            match read {
                Ok(Some(request)) => self.request(&request),
                Ok(None) => self.so_far.without_request += 1,
                Err((why, line)) => {
                    self.so_far.unreadable += 1;
                    if self.so_far.first_unreadable.len() < SHOWN_LINES {
                        let begin = String::from_utf8_lossy(&line[..line.len().min(1024)]);
                        self.so_far.first_unreadable.push(Unreadable {
                            path: path.to_owned(),
                            line: number,
                            why: why.to_owned(),
                            text: begin.chars().take(SHOWN_CHARACTERS).collect(),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// What is counted by lines so far.
    pub(super) fn so_far(&self) -> &Findings {
        &self.so_far
    }

    pub(super) fn finish(self, top: usize) -> Findings {
        let (tally, beyond_window) = self.sweep.finish();
        let found = Findings::of(&tally, top);
        let so_far = self.so_far;
        Findings {
            writes: found.writes + so_far.unguarded + so_far.without_key,
            beyond_window,
            overlaps: found.overlaps,
            gateway: found.gateway,
            routes: found.routes,
            resources: found.resources,
            resources_are_incomplete: found.resources_are_incomplete,
            ..so_far
        }
    }

    fn request(&mut self, request: &Request<'_>) {
        let Ok(method) = Method::from_bytes(request.method) else {
            self.so_far.without_request += 1;
            return;
        };
        self.so_far.requests += 1;
        let target = Target::of(request);
        let Ok(plan) = self.policy.plan(&target.head(&method, &self.fields)) else {
            self.so_far.without_key += 1;
            return;
        };
        let Some(guard) = plan.guard else {
            self.so_far.unguarded += u64::from(plan.is_write);
            return;
        };
        let route = if plan.route == RouteId::GUARD {
            let path = canonical(target.path_and_query().0, Distinguish::default());
            generalise(&path, &mut self.route);
            self.route.as_str()
        } else {
            &self.policy.route(plan.route).label
        };
        let write = Write {
            span: request.span,
            party: self.sweep.tally.party(route, plan.method.as_str()),
            is_observed: guard.purpose == Purpose::Observe,
        };
        self.sweep.add(guard.keys().map(Key::as_str), write);
    }
}

/// Collects the writes of a log that a timeline is of.
pub(super) fn collect(
    policy: &Policy,
    mut lines: Lines,
    format: ServerLog,
    timeline: &mut Timeline,
) -> io::Result<()> {
    let mut reader = Reader::new(format);
    let fields = Fields::default();
    loop {
        let line = match lines.next()? {
            Piece::End => return Ok(()),
            Piece::TooLong(_) => continue,
            Piece::Line(line) => line,
        };
        let Ok(Some(request)) = reader.read(line) else {
            continue;
        };
        if !timeline.reaches(&request.span) {
            continue;
        }
        let Ok(method) = Method::from_bytes(request.method) else {
            continue;
        };
        let plan = policy.plan(&Target::of(&request).head(&method, &fields));
        let Some(guard) = plan.ok().and_then(|plan| plan.guard) else {
            continue;
        };
        if guard.keys().any(|key| key.as_str() == timeline.key()) {
            timeline.add(request.span, method.as_str());
        }
    }
}

/// What a request names, as text.
struct Target<'a> {
    text: Cow<'a, str>,
    host: &'a str,
}

impl<'a> Target<'a> {
    fn of(request: &'a Request<'_>) -> Self {
        Self {
            text: text(&request.target),
            host: std::str::from_utf8(&request.host).unwrap_or_default(),
        }
    }

    fn path_and_query(&self) -> (&str, Option<&str>) {
        let target = self.text.split('#').next().unwrap_or_default();
        match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        }
    }

    fn head<'h>(&'h self, method: &'h Method, headers: &'h Fields) -> Head<'h> {
        let (path, query) = self.path_and_query();
        Head {
            method,
            path,
            query,
            host: self.host,
            headers,
            content: None,
            client_subject: None,
        }
    }
}

/// What stands in a target that is no UTF-8 is percent-encoded, which means the same.
fn text(target: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(target) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(target.len() + 16);
    for byte in target {
        if byte.is_ascii() {
            text.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            let _infallible = write!(text, "%{byte:02X}");
        }
    }
    Cow::Owned(text)
}

fn lines(sample: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    let lines = sample.split(|byte| *byte == b'\n');
    lines
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .take(200)
}

/// The format of a log by its first lines, or what may be the matter with it.
pub(super) fn detect(sample: &[u8]) -> Result<ServerLog, &'static str> {
    if let Some(format) = format::detect(lines(sample)) {
        return Ok(format);
    }
    let is_without = lines(sample).any(format::lacks_duration);
    Err(if is_without {
        "it is like `combined`, but does not say how long a request took: NGINX has to be told to log $request_time, Apache %D"
    } else {
        "it is no access log that is known here"
    })
}

/// When the first request of a log was at work.
pub(super) fn begins(sample: &[u8], format: ServerLog) -> Option<i64> {
    let mut reader = Reader::new(format);
    lines(sample).find_map(|line| {
        let request = reader.read(line).ok().flatten()?;
        Some(request.span.end)
    })
}
