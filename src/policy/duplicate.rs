//! Which write is the same client's own once more, as a double click or a retry sends it.
//!
//! Invariants:
//! - Two writes have one fingerprint only if all is the same that can change what the backend does, or who it does it for:
//!   method, target, host, client, credentials, every other field, and body. What differs by itself from one sending to the
//!   next is named in `DIFFERS`, and nothing else is left out.
//! - A fingerprint is neither logged, listed nor shown: credentials went into it.

use std::fmt;
use std::net::IpAddr;

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, TRANSFER_ENCODING,
};
use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

use super::forward::X_REQUEST_ID;
use super::plan::Head;

/// The framing of a body that is compared itself, and what names one sending of a request: tracing, and the count of a
/// retry.
const DIFFERS: [&str; 22] = [
    "keep-alive",
    "proxy-connection",
    "date",
    "traceparent",
    "tracestate",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "uber-trace-id",
    "sentry-trace",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-correlation-id",
    "correlation-id",
    "request-id",
    "amz-sdk-request",
    "grpc-previous-rpc-attempts",
    "x-stainless-retry-count",
];

/// A write whose body is here whole.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// Its head, as sent.
    pub head: Head<'a>,
    /// Where it comes from; none over a Unix socket.
    pub client: Option<IpAddr>,
    /// Whether it came over TLS.
    pub is_secure: bool,
    /// Its content, as sent.
    pub content: &'a [u8],
    /// Its trailer section.
    pub trailers: Option<&'a HeaderMap>,
}

/// What two writes have in common if one is the other once more.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; SHA256_OUTPUT_LEN]);

impl Fingerprint {
    /// That of this write.
    pub fn of(sent: &Sent<'_>) -> Self {
        let head = &sent.head;
        let mut parts = Parts(Context::new(&SHA256));
        parts.push(head.method.as_str());
        parts.push(head.path);
        parts.maybe(head.query);
        parts.push(head.host);
        parts.maybe(head.client_subject);
        parts.maybe(sent.client.map(|address| address.to_string()));
        parts.push([u8::from(sent.is_secure)]);
        parts.fields(&head.headers.map());
        parts.push(sent.content);
        if let Some(trailers) = sent.trailers {
            parts.fields(trailers);
        }
        let digest = parts.0.finish();
        let bits = digest.as_ref().try_into();
        Self(bits.expect("a digest is as long as its algorithm makes it"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}

/// What goes into a digest, each part behind its length, so that none runs into the next.
struct Parts(Context);

impl Parts {
    fn push(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        self.count(part.len());
        self.0.update(part);
    }

    fn maybe(&mut self, part: Option<impl AsRef<[u8]>>) {
        self.count(usize::from(part.is_some()));
        if let Some(part) = part {
            self.push(part);
        }
    }

    fn count(&mut self, count: usize) {
        self.0.update(&(count as u64).to_be_bytes());
    }

    /// Those of one name in their order, the names in none.
    fn fields(&mut self, fields: &HeaderMap) {
        let mut names: Vec<&HeaderName> = fields.keys().filter(|name| is_of_it(name)).collect();
        names.sort_by_key(|name| name.as_str());
        self.count(names.len());
        for name in names {
            self.push(name.as_str());
            let values = fields.get_all(name);
            self.count(values.iter().count());
            values.iter().for_each(|value| self.push(value));
        }
    }
}

/// Whether a field is of the request, and not of one sending of it. The host is compared itself: it may be that of the target.
fn is_of_it(name: &HeaderName) -> bool {
    let differs = [
        HOST,
        CONNECTION,
        CONTENT_LENGTH,
        TRANSFER_ENCODING,
        EXPECT,
        X_REQUEST_ID,
    ];
    !differs.contains(name) && !DIFFERS.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Method};

    use super::*;

    /// What is changed of a request.
    struct Request {
        method: Method,
        path: &'static str,
        query: Option<&'static str>,
        host: &'static str,
        subject: Option<&'static str>,
        client: Option<IpAddr>,
        is_secure: bool,
        content: &'static [u8],
        fields: HeaderMap,
        trailers: Option<HeaderMap>,
    }

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        };
        lines.iter().map(line).collect()
    }

    fn request() -> Request {
        Request {
            method: Method::PUT,
            path: "/a",
            query: None,
            host: "a.example",
            subject: None,
            client: Some([192, 0, 2, 7].into()),
            is_secure: false,
            content: b"hi",
            fields: fields(&[("cookie", "a=1"), ("accept", "text/html")]),
            trailers: None,
        }
    }

    fn print(change: impl FnOnce(&mut Request)) -> Fingerprint {
        let mut request = request();
        change(&mut request);
        Fingerprint::of(&Sent {
            head: Head {
                method: &request.method,
                path: request.path,
                query: request.query,
                host: request.host,
                headers: &request.fields.clone().into(),
                client_subject: request.subject,
                content: None,
            },
            client: request.client,
            is_secure: request.is_secure,
            content: request.content,
            trailers: request.trailers.as_ref(),
        })
    }

    #[test]
    fn whatever_can_change_what_is_done_or_for_whom_makes_another_write() {
        let changes: [fn(&mut Request); 16] = [
            |_| {},
            |it| it.method = Method::PATCH,
            |it| it.path = "/A",
            |it| it.path = "/%61",
            |it| it.query = Some(""),
            |it| it.query = Some("a"),
            |it| it.host = "b.example",
            |it| it.subject = Some("CN=a"),
            |it| it.client = None,
            |it| it.client = Some([192, 0, 2, 8].into()),
            |it| it.is_secure = true,
            |it| it.content = b"ho",
            |it| it.content = b"",
            |it| it.trailers = Some(HeaderMap::new()),
            |it| it.trailers = Some(fields(&[("a", "1")])),
            // What is moved from one part to the next is not the same.
            |it| (it.path, it.host) = ("/aa", ".example"),
        ];
        let prints = changes.map(print);
        for (nth, print) in prints.iter().enumerate() {
            assert!(!prints[..nth].contains(print), "change {nth}");
        }
    }

    #[test]
    fn every_field_counts_but_those_that_differ_from_one_sending_to_the_next() {
        let plain = print(|_| {});
        for name in [
            "authorization",
            "proxy-authorization",
            "x-api-key",
            "x-csrf-token",
            "x-forwarded-for",
            "idempotency-key",
            "writegate-hold",
            "if-match",
            "range",
            "content-type",
            "content-encoding",
            "x-http-method-override",
            "x-anything",
        ] {
            let with = |value| {
                print(|it| {
                    it.fields.insert(name, HeaderValue::from_static(value));
                })
            };
            assert!(with("a") != plain && with("a") != with("b"), "{name}");
        }
        for name in [
            "connection",
            "content-length",
            "x-request-id",
            "traceparent",
            "date",
        ] {
            let with = print(|it| {
                it.fields.insert(name, HeaderValue::from_static("1"));
            });
            assert_eq!(with, plain, "{name}");
        }
        let turned = fields(&[("accept", "text/html"), ("cookie", "a=1")]);
        assert_eq!(print(|it| it.fields = turned), plain);
        let twice = |one, other| print(|it| it.fields = fields(&[("a", one), ("a", other)]));
        assert_ne!(twice("1", "2"), twice("2", "1"));
        assert_eq!(format!("{plain:?}"), "Fingerprint(..)");
    }
}
