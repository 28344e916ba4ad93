//! What kinds of answers there are: status, name, title and error type of each.

use http::StatusCode;

use super::{Conflict, Rejection};
use crate::policy::head::Malformed;
use crate::policy::key::KeyError;

/// The parts of an answer that depend on the variant alone.
pub(super) struct Kind {
    pub(super) status: StatusCode,
    /// The fragment of the problem type, and the `details` of `Proxy-Status`.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// The error type of RFC 9209 §2.3.
    pub(super) error: &'static str,
}

impl Rejection {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Malformed(why) => malformed(*why),
            Self::NoKey(why) => no_key(why),
            Self::BodyBroken => kind(
                StatusCode::BAD_REQUEST,
                "body-broken",
                "The request body did not come whole",
                "http_request_error",
            ),
            Self::BodyTooSlow => kind(
                StatusCode::REQUEST_TIMEOUT,
                "body-too-slow",
                "The request body came too slowly",
                "http_request_error",
            ),
            Self::BodyTooLarge => kind(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body-too-large",
                "The request body is too large",
                "http_request_denied",
            ),
            Self::ClientLeft => kind(
                StatusCode::BAD_REQUEST,
                "client-left",
                "The client closed its side before the request was forwarded",
                "http_request_error",
            ),
            Self::Conflict(met) => conflict(met),
            Self::HoldsExhausted => kind(
                StatusCode::SERVICE_UNAVAILABLE,
                "holds-exhausted",
                "Too many writes are in flight",
                "connection_limit_reached",
            ),
            Self::Unreachable => kind(
                StatusCode::BAD_GATEWAY,
                "upstream-unreachable",
                "The backend cannot be reached",
                "connection_refused",
            ),
            Self::ConnectTimeout => kind(
                StatusCode::GATEWAY_TIMEOUT,
                "connect-timeout",
                "The backend took no connection in time",
                "connection_timeout",
            ),
            Self::NotSent => kind(
                StatusCode::BAD_GATEWAY,
                "not-sent",
                "The connection to the backend broke before the request was sent",
                "connection_terminated",
            ),
            Self::UpstreamBroken { .. } => kind(
                StatusCode::BAD_GATEWAY,
                "upstream-broken",
                "The connection to the backend broke before a whole response came",
                "connection_terminated",
            ),
            Self::ResponseTimeout { .. } => kind(
                StatusCode::GATEWAY_TIMEOUT,
                "response-timeout",
                "The backend did not answer in time",
                "http_response_timeout",
            ),
        }
    }
}

const fn kind(
    status: StatusCode,
    name: &'static str,
    title: &'static str,
    error: &'static str,
) -> Kind {
    Kind {
        status,
        name,
        title,
        error,
    }
}

fn conflict(met: &Conflict) -> Kind {
    match met.unknown_for {
        Some(_) => kind(
            StatusCode::CONFLICT,
            "outcome-unknown",
            "The outcome of an earlier write to this resource is unknown",
            "http_request_denied",
        ),
        None => kind(
            StatusCode::CONFLICT,
            "write-in-flight",
            "Another write to this resource is in flight",
            "http_request_denied",
        ),
    }
}

fn no_key(why: &KeyError) -> Kind {
    let kind = |status, name, title| kind(status, name, title, "http_request_error");
    match why {
        KeyError::Missing { .. } | KeyError::Destination => kind(
            StatusCode::BAD_REQUEST,
            "missing-key",
            "The request does not name the resource that it changes",
        ),
        KeyError::TooMany { .. } | KeyError::TooManyMethods { .. } => kind(
            StatusCode::BAD_REQUEST,
            "too-many-keys",
            "The request names too many resources or methods",
        ),
    }
}

fn malformed(why: Malformed) -> Kind {
    let kind = |status, name, title| kind(status, name, title, "http_request_error");
    match why {
        Malformed::Version => kind(
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "version-not-supported",
            "The HTTP version is not supported",
        ),
        Malformed::Connect => kind(
            StatusCode::NOT_IMPLEMENTED,
            "connect-not-supported",
            "This is not a forward proxy",
        ),
        Malformed::TooLarge => kind(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "head-too-large",
            "The request head is too large",
        ),
        Malformed::HeadTooSlow => kind(
            StatusCode::REQUEST_TIMEOUT,
            "head-too-slow",
            "The request head did not come in time",
        ),
        Malformed::TargetTooLong => kind(
            StatusCode::URI_TOO_LONG,
            "target-too-long",
            "The request target is too long",
        ),
        Malformed::RequestLine
        | Malformed::Tls
        | Malformed::Target
        | Malformed::LineEnd
        | Malformed::FieldLine
        | Malformed::FieldValue
        | Malformed::Host
        | Malformed::ContentLength
        | Malformed::TransferEncoding
        | Malformed::TwoFramings
        | Malformed::Chunk => kind(
            StatusCode::BAD_REQUEST,
            "bad-request",
            "The request cannot be understood in one way only",
        ),
    }
}
