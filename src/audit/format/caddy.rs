//! Caddy's access log in JSON: when the request had ended (`ts`), and how long it took (`duration`), both in seconds with
//! as many digits as a float has.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Read, Request, without_authority};
use crate::audit::clock::Clock;
use crate::audit::span::Span;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    ts: Time<'a>,
    duration: f64,
    #[serde(borrow)]
    request: Asked<'a>,
}

#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(borrow)]
    method: &'a str,
    #[serde(borrow)]
    uri: Cow<'a, str>,
    #[serde(borrow, default)]
    host: Cow<'a, str>,
}

/// `time_format` of the encoder is seconds, or ISO 8601 with milliseconds.
#[derive(Deserialize)]
#[serde(untagged)]
enum Time<'a> {
    Seconds(f64),
    Text(#[serde(borrow)] Cow<'a, str>),
}

pub(super) fn read<'a>(line: &'a [u8], clock: &mut Clock) -> Read<'a> {
    if line.first() != Some(&b'{') {
        return Err("it is no JSON object");
    }
    let read: Line<'a> = serde_json::from_slice(line).map_err(|error| {
        if error.is_data() {
            "it has no `ts`, `duration` and `request` as Caddy's access log has them"
        } else {
            "it is no whole JSON object"
        }
    })?;
    let (end, resolution) = match read.ts {
        Time::Seconds(seconds) => (micros(seconds)?, 1),
        Time::Text(text) => {
            let moment = clock.iso(text.as_bytes()).ok_or("its `ts` is no time")?;
            (moment.at, moment.resolution)
        }
    };
    let duration = micros(read.duration)?;
    let target = bytes(read.request.uri);
    let target = match target {
        Cow::Borrowed(target) => Cow::Borrowed(without_authority(target).1),
        Cow::Owned(target) => Cow::Owned(without_authority(&target).1.to_vec()),
    };
    Ok(Some(Request {
        span: Span {
            start: end - duration,
            end,
            start_slack: resolution,
            end_slack: resolution,
        },
        method: read.request.method.as_bytes(),
        target,
        host: bytes(read.request.host),
    }))
}

fn bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// Seconds in microseconds. The year 5000 is far beyond any log, and far from the end of what an integer holds.
#[expect(
    clippy::cast_possible_truncation,
    reason = "it is in range, as is looked at before"
)]
fn micros(seconds: f64) -> Result<i64, &'static str> {
    if (0.0..1e11).contains(&seconds) {
        // The fraction by itself, or the product would round what it has.
        Ok(seconds.trunc() as i64 * 1_000_000 + (seconds.fract() * 1e6).round() as i64)
    } else {
        Err("its times are out of range")
    }
}
