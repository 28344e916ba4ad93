//! Why a request got no response.

use std::error::Error;
use std::io;

use thiserror::Error;

use super::Outgoing;
use crate::body::HttpError;
use crate::policy::head::InvalidResponse;
use crate::table::Grant;

/// Why no response came.
#[derive(Debug, Error)]
pub enum Fault {
    /// No connection could be made.
    #[error("no connection to the upstream")]
    Unreachable(#[source] io::Error),
    /// No connection was made in time.
    #[error("no connection to the upstream in time")]
    ConnectTimeout,
    /// The client has left before anything was sent.
    #[error("the client left before anything was sent")]
    ClientLeft,
    /// The connection broke before a byte of the request was sent.
    #[error("the connection broke before anything was sent")]
    NotSent {
        /// The claim, still good.
        grant: Option<Box<Grant>>,
        /// The request, where it was given back.
        request: Option<Box<Outgoing>>,
        /// What the library says.
        source: HttpError,
    },
    /// The connection broke after bytes were sent and before the response was whole.
    #[error("the connection broke before a whole response came")]
    Broken {
        /// Whether nothing of a response had come.
        is_unheard: bool,
        /// The claim of a read of which nothing was heard: good for another attempt.
        grant: Option<Box<Grant>>,
        /// The request, where nothing was heard and all of it is at hand.
        request: Option<Box<Outgoing>>,
        /// What the library says.
        source: HttpError,
    },
    /// The response can be understood in more than one way.
    #[error("the response cannot be understood in one way only")]
    Malformed(#[source] InvalidResponse),
    /// The library finds a fault that the check has not found.
    #[error("the response cannot be parsed")]
    Unparsed(#[source] HttpError),
    /// The upstream switches to a protocol that nobody has asked for.
    #[error("the upstream leaves HTTP without being asked to")]
    NotAsked,
    /// Nothing went or came for as long as the upstream can work, and the exchange was reset.
    #[error("the upstream was silent for too long, and the exchange was reset")]
    Silent,
    /// Nothing went or came for as long as a client waits. A guarded write goes on.
    #[error("no response in time")]
    ResponseTimeout,
}

impl Fault {
    /// The same, with the request for another attempt, if it is one after which there may be one.
    pub(super) fn with(mut self, again: Option<Box<Outgoing>>) -> Self {
        if let Self::Broken { request, .. } = &mut self {
            *request = again;
        }
        self
    }

    /// The same, where there will be no other attempt: what was kept for one is let go.
    pub(super) fn without_claim(mut self) -> Self {
        if let Self::NotSent { grant, request, .. } | Self::Broken { grant, request, .. } =
            &mut self
        {
            *grant = None;
            *request = None;
        }
        self
    }

    /// It, with all that caused it.
    pub fn chain(&self) -> String {
        let causes = std::iter::successors(self.source(), |&error| error.source());
        causes.fold(self.to_string(), |text, cause| format!("{text}: {cause}"))
    }
}
