//! What kinds of answers there are: status, name, title, error type and gRPC code of each, and whether the request was sent.

/// A kind, of its status, name, title, error type, code, and whether the request was sent.
macro_rules! kind {
    ($status:expr, $name:literal, $title:literal, $error:literal, $code:expr, $sent:expr $(,)?) => {
        Kind {
            status: $status,
            name: $name,
            title: $title,
            as_json: concat!("#", $name, "\",\"title\":\"", $title, "\",\"status\":"),
            proxy_status: HeaderValue::from_static(concat!(
                "writegate; error=",
                $error,
                "; details=\"",
                $name,
                "\""
            )),
            code: $code,
            sent: $sent,
        }
    };
}

mod met;

use http::{HeaderValue, StatusCode};

use super::Rejection;
use super::grpc::GrpcCode;
use super::sent::Sent;
use crate::policy::head::Malformed;
use crate::policy::key::KeyError;

/// The parts of an answer that depend on the variant alone.
pub(super) struct Kind {
    pub(super) status: StatusCode,
    /// The fragment of the problem type, and the `details` of `Proxy-Status`.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// What a problem document has between its base and the status: neither a name nor a title has anything to escape.
    pub(super) as_json: &'static str,
    /// What `Proxy-Status` says: the error type of RFC 9209 §2.3, and the name.
    pub(super) proxy_status: HeaderValue,
    /// What a gRPC call ends with.
    pub(super) code: GrpcCode,
    /// Whether the backend has got anything of the request.
    pub(super) sent: Sent,
}

static BODY_BROKEN: Kind = kind!(
    StatusCode::BAD_REQUEST,
    "body-broken",
    "The request body did not come whole",
    "http_request_error",
    GrpcCode::InvalidArgument,
    Sent::Perhaps,
);
static BODY_TOO_SLOW: Kind = kind!(
    StatusCode::REQUEST_TIMEOUT,
    "body-too-slow",
    "The request body came too slowly",
    "http_request_error",
    GrpcCode::DeadlineExceeded,
    Sent::Perhaps,
);
static BODY_TOO_LARGE: Kind = kind!(
    StatusCode::PAYLOAD_TOO_LARGE,
    "body-too-large",
    "The request body is too large",
    "http_request_denied",
    GrpcCode::ResourceExhausted,
    Sent::Perhaps,
);
static CLIENT_LEFT: Kind = kind!(
    StatusCode::BAD_REQUEST,
    "client-left",
    "The client closed its side before the request was forwarded",
    "http_request_error",
    GrpcCode::Cancelled,
    Sent::No,
);
static HOLDS_EXHAUSTED: Kind = kind!(
    StatusCode::SERVICE_UNAVAILABLE,
    "holds-exhausted",
    "Too many writes are in flight",
    "connection_limit_reached",
    GrpcCode::Unavailable,
    Sent::No,
);
static BUFFERS_EXHAUSTED: Kind = kind!(
    StatusCode::SERVICE_UNAVAILABLE,
    "buffers-exhausted",
    "Too many request bodies are in memory",
    "http_request_denied",
    GrpcCode::Unavailable,
    Sent::No,
);
static REQUESTS_EXHAUSTED: Kind = kind!(
    StatusCode::SERVICE_UNAVAILABLE,
    "requests-exhausted",
    "Too many requests are in flight",
    "connection_limit_reached",
    GrpcCode::Unavailable,
    Sent::No,
);
static UPSTREAM_UNREACHABLE: Kind = kind!(
    StatusCode::BAD_GATEWAY,
    "upstream-unreachable",
    "The backend cannot be reached",
    "connection_refused",
    GrpcCode::Unavailable,
    Sent::No,
);
/// The same, where it is not known that it said so.
static UPSTREAM_UNAVAILABLE: Kind = Kind {
    status: UPSTREAM_UNREACHABLE.status,
    name: UPSTREAM_UNREACHABLE.name,
    title: UPSTREAM_UNREACHABLE.title,
    as_json: UPSTREAM_UNREACHABLE.as_json,
    proxy_status: HeaderValue::from_static(
        "writegate; error=destination_unavailable; details=\"upstream-unreachable\"",
    ),
    code: UPSTREAM_UNREACHABLE.code,
    sent: UPSTREAM_UNREACHABLE.sent,
};
static CONNECT_TIMEOUT: Kind = kind!(
    StatusCode::GATEWAY_TIMEOUT,
    "connect-timeout",
    "The backend took no connection in time",
    "connection_timeout",
    GrpcCode::DeadlineExceeded,
    Sent::No,
);
static NOT_SENT: Kind = kind!(
    StatusCode::BAD_GATEWAY,
    "not-sent",
    "The connection to the backend broke before the request was sent",
    "connection_terminated",
    GrpcCode::Unavailable,
    Sent::No,
);
static UPSTREAM_BROKEN: Kind = kind!(
    StatusCode::BAD_GATEWAY,
    "upstream-broken",
    "The connection to the backend broke before a whole response came",
    "connection_terminated",
    GrpcCode::Unavailable,
    Sent::Yes,
);
static RESPONSE_TIMEOUT: Kind = kind!(
    StatusCode::GATEWAY_TIMEOUT,
    "response-timeout",
    "The backend did not answer in time",
    "http_response_timeout",
    GrpcCode::DeadlineExceeded,
    Sent::Yes,
);
static EXCHANGE_TIMEOUT: Kind = kind!(
    StatusCode::GATEWAY_TIMEOUT,
    "exchange-timeout",
    "The request took longer than it may",
    "http_response_timeout",
    GrpcCode::DeadlineExceeded,
    Sent::Perhaps,
);
static UPSTREAM_INVALID: Kind = kind!(
    StatusCode::BAD_GATEWAY,
    "upstream-invalid",
    "The backend's response cannot be understood in one way only",
    "http_protocol_error",
    GrpcCode::Unavailable,
    Sent::Yes,
);
static MISSING_KEY: Kind = kind!(
    StatusCode::BAD_REQUEST,
    "missing-key",
    "The request does not name the resource that it changes",
    "http_request_error",
    GrpcCode::InvalidArgument,
    Sent::No,
);
static TOO_MANY_KEYS: Kind = kind!(
    StatusCode::BAD_REQUEST,
    "too-many-keys",
    "The request names too many resources or methods",
    "http_request_error",
    GrpcCode::InvalidArgument,
    Sent::No,
);
static VERSION_NOT_SUPPORTED: Kind = kind!(
    StatusCode::HTTP_VERSION_NOT_SUPPORTED,
    "version-not-supported",
    "The HTTP version is not supported",
    "http_request_error",
    GrpcCode::Unimplemented,
    Sent::No,
);
static CONNECT_NOT_SUPPORTED: Kind = kind!(
    StatusCode::NOT_IMPLEMENTED,
    "connect-not-supported",
    "This is not a forward proxy",
    "http_request_error",
    GrpcCode::Unimplemented,
    Sent::No,
);
static HEAD_TOO_LARGE: Kind = kind!(
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    "head-too-large",
    "The request head is too large",
    "http_request_error",
    GrpcCode::ResourceExhausted,
    Sent::No,
);
static HEAD_TOO_SLOW: Kind = kind!(
    StatusCode::REQUEST_TIMEOUT,
    "head-too-slow",
    "The request head did not come in time",
    "http_request_error",
    GrpcCode::DeadlineExceeded,
    Sent::No,
);
static TARGET_TOO_LONG: Kind = kind!(
    StatusCode::URI_TOO_LONG,
    "target-too-long",
    "The request target is too long",
    "http_request_error",
    GrpcCode::ResourceExhausted,
    Sent::No,
);
static BAD_REQUEST: Kind = kind!(
    StatusCode::BAD_REQUEST,
    "bad-request",
    "The request cannot be understood in one way only",
    "http_request_error",
    GrpcCode::InvalidArgument,
    Sent::No,
);

impl Rejection {
    /// That of its kind; of a conflict, the one by which its route has it told.
    pub(super) fn status(&self) -> StatusCode {
        match self.met() {
            Some(conflict) => conflict.status.code(),
            None => self.kind().status,
        }
    }

    pub(super) fn kind(&self) -> &'static Kind {
        match self {
            Self::Malformed(why) => malformed(*why),
            Self::NoKey(why) => no_key(why),
            Self::BodyBroken(_) => &BODY_BROKEN,
            Self::BodyTooSlow => &BODY_TOO_SLOW,
            Self::BodyTooLarge => &BODY_TOO_LARGE,
            Self::ClientLeft => &CLIENT_LEFT,
            Self::Conflict(conflict) => met::conflict(conflict),
            Self::HoldsExhausted => &HOLDS_EXHAUSTED,
            Self::BuffersExhausted => &BUFFERS_EXHAUSTED,
            Self::RequestsExhausted => &REQUESTS_EXHAUSTED,
            Self::Unreachable { is_refused: true } => &UPSTREAM_UNREACHABLE,
            Self::Unreachable { is_refused: false } => &UPSTREAM_UNAVAILABLE,
            Self::ConnectTimeout => &CONNECT_TIMEOUT,
            Self::NotSent => &NOT_SENT,
            Self::UpstreamBroken { .. } => &UPSTREAM_BROKEN,
            Self::UpstreamInvalid { .. } => &UPSTREAM_INVALID,
            Self::ResponseTimeout { .. } => &RESPONSE_TIMEOUT,
            Self::ExchangeTimeout { .. } => &EXCHANGE_TIMEOUT,
        }
    }
}

fn no_key(why: &KeyError) -> &'static Kind {
    match why {
        KeyError::Missing { .. } | KeyError::Destination => &MISSING_KEY,
        KeyError::TooMany { .. } | KeyError::TooManyMethods { .. } => &TOO_MANY_KEYS,
    }
}

fn malformed(why: Malformed) -> &'static Kind {
    match why {
        Malformed::Version => &VERSION_NOT_SUPPORTED,
        Malformed::Connect => &CONNECT_NOT_SUPPORTED,
        Malformed::TooLarge(_) => &HEAD_TOO_LARGE,
        Malformed::HeadTooSlow => &HEAD_TOO_SLOW,
        Malformed::TargetTooLong(_) => &TARGET_TOO_LONG,
        Malformed::RequestLine
        | Malformed::Tls
        | Malformed::NotTls
        | Malformed::Target
        | Malformed::LineEnd
        | Malformed::FieldLine
        | Malformed::FieldValue
        | Malformed::Host
        | Malformed::ContentLength
        | Malformed::TransferEncoding
        | Malformed::TwoFramings
        | Malformed::Nominated
        | Malformed::Alias
        | Malformed::ConnectionField => &BAD_REQUEST,
        // Where it is known; what is refused in a body is told as a broken one.
        Malformed::Chunk | Malformed::ChunkExtension | Malformed::Trailer => &BODY_BROKEN,
    }
}
