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
        let named = Some(Named::ContentType);
        let fields: [(_, &[u8], &[u8]); 4] = [
            (named, b"content-type", PROBLEM.as_bytes()),
            (None, b"retry-after", self.retry_after.as_bytes()),
            (None, b"cache-control", NOT_STORED.as_bytes()),
            (None, b"proxy-status", self.proxy_status.as_bytes()),
        ];
        fields.into_iter()
    }

    /// Writes the lines of them. That most of what they say is known beforehand makes few copies of it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut say = |text: &[u8]| out.extend_from_slice(text);
        say(b"content-type: ");
        say(PROBLEM.as_bytes());
        say(b"\r\nretry-after: ");
        say(self.retry_after.as_bytes());
        say(b"\r\ncache-control: ");
        say(NOT_STORED.as_bytes());
        say(b"\r\nproxy-status: ");
        say(self.proxy_status.as_bytes());
        say(b"\r\n");
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
