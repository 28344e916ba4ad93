//! What a request is answered with.

use http::StatusCode;

use crate::body::Body;
use crate::policy::head::ResponseHead;

/// A response on its way to the client. Its head is boxed: it goes through many hands.
#[derive(Debug)]
pub struct Answered {
    /// The head.
    pub head: Box<ResponseHead>,
    /// The body.
    pub body: Body,
}

impl Answered {
    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.head.status
    }
}
