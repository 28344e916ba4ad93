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

    /// The same with what is made of its body.
    pub(super) fn map(self, make: impl FnOnce(Body) -> Body) -> Self {
        Self {
            head: self.head,
            body: make(self.body),
        }
    }
}
