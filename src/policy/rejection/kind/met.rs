//! The kinds of conflicts: by how the request came to be refused, and then by what it met.

use http::{HeaderValue, StatusCode};

use super::super::grpc::GrpcCode;
use super::super::sent::Sent;
use super::super::{Conflict, Ending, State};
use super::Kind;

static OUTCOME_UNKNOWN: Kind = kind!(
    StatusCode::CONFLICT,
    "outcome-unknown",
    "The outcome of an earlier write to this resource is unknown",
    "http_request_denied",
    GrpcCode::Aborted,
    Sent::No,
);
static WRITE_IN_FLIGHT: Kind = kind!(
    StatusCode::CONFLICT,
    "write-in-flight",
    "Another write to this resource is in flight",
    "http_request_denied",
    GrpcCode::Aborted,
    Sent::No,
);
static READ_IN_FLIGHT: Kind = kind!(
    StatusCode::CONFLICT,
    "read-in-flight",
    "A read of this resource is in flight",
    "http_request_denied",
    GrpcCode::Aborted,
    Sent::No,
);
static WRITE_WAITING: Kind = kind!(
    StatusCode::CONFLICT,
    "write-waiting",
    "Another write to this resource waits for its turn",
    "http_request_denied",
    GrpcCode::Aborted,
    Sent::No,
);
static WAIT_TIMEOUT: Kind = kind!(
    StatusCode::CONFLICT,
    "wait-timeout",
    "The turn of this request did not come in time",
    "http_request_denied",
    GrpcCode::Aborted,
    Sent::No,
);
static QUEUE_FULL: Kind = kind!(
    StatusCode::CONFLICT,
    "queue-full",
    "Too many requests wait for this resource",
    "http_request_denied",
    GrpcCode::Aborted,
    Sent::No,
);

pub(super) fn conflict(met: &Conflict) -> &'static Kind {
    match (met.ending, met.state) {
        (Ending::Waited(_), _) => &WAIT_TIMEOUT,
        (Ending::QueueFull, _) => &QUEUE_FULL,
        (Ending::AtOnce | Ending::NotShared, state) => held(state),
    }
}

fn held(by: State) -> &'static Kind {
    match by {
        State::Unknown(_) => &OUTCOME_UNKNOWN,
        State::Waiting => &WRITE_WAITING,
        State::Reading | State::ReadingBelow => &READ_IN_FLIGHT,
        State::Writing | State::WritingBelow => &WRITE_IN_FLIGHT,
    }
}
