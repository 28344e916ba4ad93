//! HAProxy with `option httplog`: when the request began (`%tr`), to the millisecond and in the server's own time zone,
//! and at the end of `TR/Tw/Tc/Tr/Ta` how long it was at work, in milliseconds. Whatever syslog puts before it may stand
//! there.

use super::{Fields, Read, Request, request_line};
use crate::audit::clock::{Clock, integer};
use crate::audit::span::Span;

pub(super) fn read<'a>(line: &'a [u8], clock: &mut Clock) -> Read<'a> {
    let (at, rest) = accepted(line, clock).ok_or("it has no [time] with milliseconds")?;
    let mut fields = Fields(rest);
    // The frontend, and the backend with its server.
    let timers = fields.bare().and(fields.bare()).and(fields.bare());
    let mut timers = timers.unwrap_or_default().split(|byte| *byte == b'/');
    let (Some(active), None) = (timers.nth(4), timers.next()) else {
        return Err("it has no timers TR/Tw/Tc/Tr/Ta");
    };
    if active.first() == Some(&b'+') {
        return Err("it was logged before the request had ended (option logasap)");
    }
    let active = integer(active).ok_or("its timers are no numbers")?;
    let request =
        last_quoted(rest).ok_or("its request has no end; option `log … len` may be too short")?;
    let Some((method, host, target)) = request_line(request, b'#') else {
        return Ok(None);
    };
    Ok(Some(Request {
        // The time is cut off to a whole millisecond, and so is how long it took.
        span: Span {
            start: at,
            end: at + active * 1_000,
            start_slack: 1_000,
            end_slack: 2_000,
        },
        method,
        target,
        host,
    }))
}

fn accepted<'a>(line: &'a [u8], clock: &mut Clock) -> Option<(i64, &'a [u8])> {
    memchr::memchr_iter(b'[', line).take(4).find_map(|open| {
        let text = &line[open + 1..];
        let moment = clock
            .civil(text)
            .filter(|moment| moment.resolution == 1_000)?;
        let rest = text[moment.length..].strip_prefix(b"]")?;
        Some((moment.at, rest))
    })
}

/// The request stands last; a quotation mark in it is escaped, one in a captured field before it need not be.
fn last_quoted(text: &[u8]) -> Option<&[u8]> {
    let text = text.trim_ascii_end().strip_suffix(b"\"")?;
    Some(&text[memchr::memrchr(b'"', text)? + 1..])
}
