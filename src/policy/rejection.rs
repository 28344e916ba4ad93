//! Every answer that the gateway makes itself: one variant a decision, rendered here and nowhere else.
//!
//! Shape: a problem document (RFC 9457), plain text, a page or a gRPC status, with `Proxy-Status` (RFC 9209) so that a
//! client can tell it from the backend's, and never to be stored. What is said of each kind stands in `kind`; statuses
//! occur there and in `status` only.

mod answer;
mod brief;
mod conflict;
mod cors;
mod form;
mod grpc;
mod kind;
mod page;
mod problem;
pub mod samples;
mod sent;
mod since;
mod status;
mod template;
mod told;

pub use conflict::{Conflict, Disclose, Ending, State, retry_after};
pub use cors::{Cors, OriginError, WebOrigin};
pub use form::{Audience, Form};
pub use page::Page;
pub use problem::{Room, Written};
pub use since::Since;
pub use status::ConflictStatus;
pub use template::{Escaping, Template, TemplateError, VARIABLES};

use std::time::Duration;

use http::{HeaderName, Method};

use super::head::Malformed;
use super::key::KeyError;

/// How long a write waited for its turn, in milliseconds.
pub const WAITED: HeaderName = HeaderName::from_static("writegate-waited");

/// The field that tells a client that it gets the response to the same write, which it had sent before.
pub const JOINED: HeaderName = HeaderName::from_static("writegate-joined");

/// How the gateway's own answers look.
#[derive(Clone, Debug)]
pub struct Answers {
    /// A URI without fragment: the document that lists the problem types.
    pub type_base: String,
    /// What a refused client is told of the other write.
    pub disclose: Disclose,
    /// Which applications of other origins may read it.
    pub cors: Cors,
    /// What is told in a form of the operator's own.
    pub templates: Templates,
}

/// A template for each form that can have one of the operator's; where it has none, it is as we write it.
#[derive(Clone, Debug)]
pub struct Templates {
    /// What a browser shows.
    pub page: Page,
    /// In place of the problem document.
    pub json: Option<Template>,
    /// In place of the plain text.
    pub text: Option<Template>,
}

impl Default for Templates {
    fn default() -> Self {
        Self {
            page: Page::own(),
            json: None,
            text: None,
        }
    }
}

/// A request that the gateway answers itself.
#[derive(Debug)]
pub enum Rejection {
    /// It cannot be understood in one way only.
    Malformed(Malformed),
    /// Its keys cannot be told.
    NoKey(KeyError),
    /// Its body did not come whole; why, where it is not well-formed.
    BodyBroken(Option<Malformed>),
    /// Its body came too slowly.
    BodyTooSlow,
    /// Its body is larger than it may be.
    BodyTooLarge,
    /// Its client closed its side before anything was sent to the upstream.
    ClientLeft,
    /// A write to the same resource is in flight, or its outcome is unknown.
    Conflict(Box<Conflict>),
    /// There are as many holds as there can be.
    HoldsExhausted,
    /// As much of request bodies is in memory as may be.
    BuffersExhausted,
    /// As many requests are in flight as may be.
    RequestsExhausted,
    /// No connection to the upstream could be made.
    Unreachable {
        /// Whether it said so itself.
        is_refused: bool,
    },
    /// No connection to the upstream was made in time.
    ConnectTimeout,
    /// The connection broke before the request was sent.
    NotSent,
    /// The connection broke after bytes of the request were sent.
    UpstreamBroken {
        /// Whether the request was a write, whose outcome is now unknown.
        is_write: bool,
    },
    /// The response can be understood in more than one way.
    UpstreamInvalid {
        /// Whether the request was a write, whose outcome is now unknown.
        is_write: bool,
    },
    /// The upstream did not answer in time.
    ResponseTimeout {
        /// Whether the request was a write, whose outcome is now unknown.
        is_write: bool,
    },
    /// All of it took longer than it may.
    ExchangeTimeout {
        /// Whether the request was a write, whose outcome is now unknown.
        is_write: bool,
    },
}

/// How a rejection is to be told, and to whom.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// As configured.
    pub answers: &'a Answers,
    /// Who reads it.
    pub audience: &'a Audience,
    /// The request's effective method.
    pub method: &'a Method,
    /// Whether the connection ends with this answer, since the rest of the request is not read.
    pub is_last: bool,
}

impl Rejection {
    /// The fragment of the problem type, which names the decision in logs too.
    pub fn name(&self) -> &'static str {
        self.kind().name
    }

    /// The other write, if that is why.
    fn met(&self) -> Option<&Conflict> {
        if let Self::Conflict(conflict) = self {
            Some(conflict)
        } else {
            None
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Conflict(conflict) => Some(conflict.retry_after),
            Self::HoldsExhausted | Self::BuffersExhausted | Self::RequestsExhausted => {
                Some(Duration::from_secs(1))
            }
            Self::Malformed(_)
            | Self::NoKey(_)
            | Self::BodyBroken(_)
            | Self::BodyTooSlow
            | Self::BodyTooLarge
            | Self::ClientLeft
            | Self::Unreachable { .. }
            | Self::ConnectTimeout
            | Self::NotSent
            | Self::UpstreamBroken { .. }
            | Self::UpstreamInvalid { .. }
            | Self::ResponseTimeout { .. }
            | Self::ExchangeTimeout { .. } => None,
        }
    }

    fn detail(&self, telling: &Telling<'_>) -> String {
        let method = telling.method;
        match self {
            Self::Malformed(why) => format!("The request was not forwarded: {why}."),
            Self::NoKey(why) => format!("This {method} was not forwarded: {why}."),
            Self::BodyBroken(None) => {
                format!("The body of this {method} ended early or is not well-formed.")
            }
            Self::BodyBroken(Some(why)) => {
                format!("The body of this {method} did not come whole: {why}.")
            }
            Self::BodyTooSlow => {
                format!("The body of this {method} fell below the rate that it has to keep.")
            }
            Self::BodyTooLarge => {
                format!("The body of this {method} is larger than this gateway lets through.")
            }
            Self::ClientLeft => format!("This {method} was not forwarded."),
            Self::Conflict(conflict) => {
                let mut detail = String::new();
                conflict.tell(telling, &mut detail);
                detail
            }
            Self::HoldsExhausted => {
                format!(
                    "This {method} was not forwarded: as many writes are in flight as can be kept track of."
                )
            }
            Self::BuffersExhausted => {
                format!("This {method} was not forwarded: there is no room in memory for its body.")
            }
            Self::RequestsExhausted => {
                format!(
                    "This {method} was not forwarded: as many requests are in flight as may be."
                )
            }
            Self::Unreachable { .. } => {
                format!("This {method} was not sent: no connection could be made.")
            }
            Self::ConnectTimeout => {
                format!("This {method} was not sent: no connection was made in time.")
            }
            Self::NotSent => format!("Not a byte of this {method} was sent. It may be sent again."),
            Self::UpstreamBroken { is_write: true } | Self::UpstreamInvalid { is_write: true } => {
                format!(
                    "This {method} was sent and may have been done, in part or whole. Read the resource before you send it again."
                )
            }
            Self::UpstreamBroken { is_write: false }
            | Self::UpstreamInvalid { is_write: false } => {
                format!("This {method} was sent. It may be sent again.")
            }
            Self::ResponseTimeout { is_write: true } => format!(
                "This {method} was sent, and the backend may still be working on it. Read the resource before you send it again."
            ),
            Self::ResponseTimeout { is_write: false } => {
                format!("This {method} was sent, and no response came. It may be sent again.")
            }
            Self::ExchangeTimeout { is_write: true } => format!(
                "This {method} took too long. It was perhaps sent, and the backend may still be working on it. Read the resource before you send it again."
            ),
            Self::ExchangeTimeout { is_write: false } => {
                format!("This {method} took too long. It may be sent again.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;

    pub(super) fn answers() -> Answers {
        Answers {
            type_base: "https://writegate.example/problems".to_owned(),
            disclose: Disclose::Holder,
            cors: Cors::default(),
            templates: Templates::default(),
        }
    }

    /// The answer to a `PUT` in this form.
    pub(super) fn answered(
        rejection: &Rejection,
        answers: &Answers,
        form: Form,
    ) -> Response<Bytes> {
        rejection.answer(&Telling {
            answers,
            audience: &Audience::wanting(form),
            method: &Method::PUT,
            is_last: false,
        })
    }

    #[test]
    fn the_answer_to_a_conflict_is_the_one_of_the_design() {
        let response = answered(&samples::conflict(None), &answers(), Form::Problem);
        assert_eq!(response.status(), 409);
        let fields = response.headers().iter();
        let lines = fields.map(|(name, value)| (name.as_str(), value.to_str().expect("ascii")));
        let expected = [
            ("content-type", "application/problem+json"),
            ("retry-after", "2"),
            ("cache-control", "no-store"),
            (
                "proxy-status",
                "writegate; error=http_request_denied; details=\"write-in-flight\"",
            ),
        ];
        assert!(lines.eq(expected), "{:?}", response.headers());
        assert_eq!(
            std::str::from_utf8(response.body()).expect("text"),
            samples::CONFLICT_TOLD
        );
    }
}
