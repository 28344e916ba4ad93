//! NGINX, Apache and gunicorn: `combined`, or `common`, with how long the request took after it.
//!
//! NGINX writes when the request ended, in whole seconds (`$time_local`), and how long it took in milliseconds
//! (`$request_time`); with `$msec` after that, the end is known to the millisecond. Apache writes when the request began
//! (`%t`), in whole seconds unless the format has a fraction, and how long it took in microseconds (`%D`). gunicorn writes
//! when it ended, in whole seconds, and how long it took in microseconds (`%(D)s`), or as NGINX does (`%(L)s`).

use std::borrow::Cow;

use super::{Fields, Read, Request, quoted, request_line};
use crate::audit::clock::{Clock, Moment, integer, millionths};
use crate::audit::span::Span;
use crate::cli::ServerLog;

pub(super) const NO_DURATION: &str = "it does not say how long the request took";

pub(super) fn read<'a>(line: &'a [u8], clock: &mut Clock, server: ServerLog) -> Read<'a> {
    let (moment, rest) = date(line, clock).ok_or("it has no [time]")?;
    let rest = rest.strip_prefix(b"] ").ok_or("its [time] has no end")?;
    let (request, rest) = quoted(rest).ok_or("it has no \"request\"")?;
    let Some((method, authority, target)) = request_line(request, b'\\') else {
        return Ok(None);
    };
    let mut fields = Fields(rest);
    let status = fields.bare().and_then(integer);
    status.ok_or("it has no status after its request")?;
    fields.bare().ok_or("it has no size after its status")?;
    let duration = fields.bare().ok_or(NO_DURATION)?;
    let mut more = fields.bare();
    let span = match server {
        ServerLog::Nginx => {
            let duration = Some(duration).filter(|text| text.contains(&b'.'));
            let duration = duration.and_then(millionths).ok_or(NO_DURATION)?;
            let exact = more.and_then(msec);
            if exact.is_some() {
                more = fields.bare();
            }
            ended(exact.unwrap_or(moment), duration)
        }
        ServerLog::Gunicorn => ended(moment, integer(duration).ok_or(NO_DURATION)?),
        ServerLog::Apache | ServerLog::Haproxy | ServerLog::Envoy | ServerLog::Caddy => {
            begun(moment, integer(duration).ok_or(NO_DURATION)?)
        }
    };
    let host = more.filter(|host| *host != b"-").map(Cow::Borrowed);
    Ok(Some(Request {
        span,
        method,
        target,
        host: host.unwrap_or(authority),
    }))
}

/// The time in the first brackets that hold one; a user's name may have brackets, too.
fn date<'a>(line: &'a [u8], clock: &mut Clock) -> Option<(Moment, &'a [u8])> {
    memchr::memchr_iter(b'[', line).take(4).find_map(|open| {
        let text = &line[open + 1..];
        let moment = clock.civil(text)?;
        Some((moment, &text[moment.length..]))
    })
}

/// `$msec`: seconds since the epoch with three digits after the point.
fn msec(text: &[u8]) -> Option<Moment> {
    let is_it = text.len() >= 13 && text[text.len() - 4] == b'.';
    let at = is_it.then(|| millionths(text))??;
    Some(Moment {
        at,
        resolution: 1_000,
        length: text.len(),
    })
}

fn ended(at: Moment, duration: i64) -> Span {
    Span {
        start: at.at - duration,
        end: at.at,
        start_slack: at.resolution,
        end_slack: at.resolution,
    }
}

fn begun(at: Moment, duration: i64) -> Span {
    Span {
        start: at.at,
        end: at.at + duration,
        start_slack: at.resolution,
        end_slack: at.resolution,
    }
}
