//! The fields of the answer of our own that is told most: a refusal with a problem document, and when to come back.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::present::Named;
use crate::policy::decimal::Decimal;

/// Says who has answered, and why (RFC 9209).
pub const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// The content is a problem document (RFC 9457).
pub const PROBLEM: &str = "application/problem+json";

/// No cache keeps the answer: the next request may meet nothing.
pub const NOT_STORED: &str = "no-store";

/// Those fields: four, two of which are always the same.
#[derive(Clone, Debug)]
pub struct OwnFields {
    retry_after: Decimal,
    proxy_status: &'static HeaderValue,
}

impl OwnFields {
    /// Of an answer that tells to come back after so many seconds.
    pub fn new(retry_after: u64, proxy_status: &'static HeaderValue) -> Self {
        Self {
            retry_after: Decimal::new(retry_after),
            proxy_status,
        }
    }

    /// Which of those that are asked for each is, its name, and its value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Option<Named>, &[u8], &[u8])> {
        let lines = self.lines().into_iter();
        lines.map(|(named, before, value)| (named, name(before), value))
    }

    /// Writes the lines of them. That most of what they say is known beforehand makes few copies of it. Not in a loop, where their lengths
    /// would not be known beforehand.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut say = |(_, before, value): (_, &[u8], &[u8])| {
            out.extend_from_slice(before);
            out.extend_from_slice(value);
        };
        let [first, second, third, last] = self.lines();
        say(first);
        say(second);
        say(third);
        say(last);
        out.extend_from_slice(b"\r\n");
    }

    /// Which of those that are asked for each is, what stands before its value, and its value. The end of the line before is part of what
    /// stands there: that is one copy.
    #[inline]
    fn lines(&self) -> [(Option<Named>, &'static [u8], &[u8]); 4] {
        let named = Some(Named::ContentType);
        [
            (named, b"content-type: ", PROBLEM.as_bytes()),
            (None, b"\r\nretry-after: ", self.retry_after.as_bytes()),
            (None, b"\r\ncache-control: ", NOT_STORED.as_bytes()),
            (None, b"\r\nproxy-status: ", self.proxy_status.as_bytes()),
        ]
    }

    pub(super) fn map(&self) -> HeaderMap {
        let retry_after = HeaderValue::from_bytes(self.retry_after.as_bytes());
        HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static(PROBLEM)),
            (
                RETRY_AFTER,
                retry_after.expect("digits can stand in a field"),
            ),
            (CACHE_CONTROL, HeaderValue::from_static(NOT_STORED)),
            (PROXY_STATUS, self.proxy_status.clone()),
        ])
    }
}

/// The name in what stands before a value.
fn name(before: &[u8]) -> &[u8] {
    let name = before.trim_ascii();
    name.strip_suffix(b":").unwrap_or(name)
}
