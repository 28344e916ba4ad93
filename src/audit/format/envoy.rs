//! Envoy's default text format: when the request began (`%START_TIME%`), and how long it took until the last byte of the
//! response (`%DURATION%`), both in milliseconds. Istio's default, which has three fields more, is read as well.

use std::borrow::Cow;

use super::{Field, Fields, Read, Request, quoted, request_line};
use crate::audit::clock::{Clock, integer};
use crate::audit::span::Span;

pub(super) fn read<'a>(line: &'a [u8], clock: &mut Clock) -> Read<'a> {
    let (at, rest) = started(line, clock).ok_or("it has no [time] with milliseconds")?;
    let (request, rest) = quoted(rest).ok_or("it has no \"request\"")?;
    let Some((method, authority, target)) = request_line(request, 0) else {
        return Ok(None);
    };
    let mut fields = Fields(rest);
    // Status and flags.
    fields.bare().and(fields.bare()).ok_or("it has no status")?;
    let mut received = fields.bare();
    if received.is_some_and(|text| integer(text).is_none()) {
        // Istio: that was why the response is what it is; then how the connection ended, and why it failed.
        let (_ended, failed) = (fields.bare(), fields.next());
        if !matches!(failed, Some(Field::Quoted(_))) {
            return Err("its fields are not those of the default format");
        }
        received = fields.bare();
    }
    let sizes = received.and_then(integer).and(fields.bare());
    let sizes = sizes.and_then(integer);
    let duration = sizes.and(fields.bare()).and_then(integer);
    let duration = duration.ok_or("it has no duration where the default format has it")?;
    // X-Forwarded-For, User-Agent, X-Request-Id, :authority.
    let named = (0..4).map(|_| fields.quoted()).last().flatten();
    let named = named.filter(|host| *host != b"-").map(Cow::Borrowed);
    Ok(Some(Request {
        span: Span {
            start: at,
            end: at + duration * 1_000,
            start_slack: 1_000,
            end_slack: 2_000,
        },
        method,
        target,
        host: named.unwrap_or(authority),
    }))
}

fn started<'a>(line: &'a [u8], clock: &mut Clock) -> Option<(i64, &'a [u8])> {
    memchr::memchr_iter(b'[', line).take(4).find_map(|open| {
        let text = &line[open + 1..];
        let moment = clock
            .iso(text)
            .filter(|moment| moment.resolution == 1_000)?;
        let rest = text[moment.length..].strip_prefix(b"] ")?;
        Some((moment.at, rest))
    })
}
