//! Whether the backend has got anything of a request that is answered here: what decides what a client may do.

/// Whether the backend has got anything of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    No,
    /// A part of a body that was too large to be read whole first.
    Perhaps,
    Yes,
}

impl Sent {
    /// How a page's template sees it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Perhaps => "perhaps",
            Self::Yes => "yes",
        }
    }
}
