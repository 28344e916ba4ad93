//! A client as a request sees it while others read and write its stream.

use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::Hangup;
use crate::policy::head::Malformed;

/// Who is waiting for the response to a request.
pub trait Client {
    /// How far the client is known to have left.
    fn hangup(&self) -> Option<Hangup>;

    /// Arranges a wake-up for when [`Self::hangup`] may have changed.
    fn poll_stirred(&self, cx: &mut Context<'_>) -> Poll<()>;

    /// Sends an informational response, to be written before the final one.
    fn send_interim(&self, status: StatusCode, fields: &HeaderMap, cx: &mut Context<'_>);

    /// The final response is about to be written: an informational one that still waits is too late. The client may
    /// take nothing of it for so long.
    fn begin_final(&self, patience: Duration);

    /// From now on the client's bytes are no longer HTTP.
    fn tunnel(&self);

    /// What is wrong with the body that broke off, where that was found here.
    fn broken_body(&self) -> Option<Malformed> {
        None
    }
}
