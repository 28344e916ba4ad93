//! What stands before the file: flags, and variables of the environment.
//!
//! Which of the two it was is kept, so that an error names what was written.

use std::fmt;

/// What flags and the environment say, before the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// In place of `[upstream] url` or `servers`.
    pub upstream: Option<Override>,
    /// In place of `[server] listen`.
    pub listen: Option<Override>,
    /// Routes more, each as `PATH` or `PATH=KEY`.
    pub guard: Vec<String>,
    /// In place of `[server] access_log`.
    pub access_log: Option<bool>,
    /// Whether there may be no upstream, since nothing will be sent.
    pub needs_no_upstream: bool,
}

/// The values of one setting; at least one.
#[derive(Clone, Debug)]
pub struct Override {
    /// Where they come from.
    pub origin: Origin,
    /// As they were given.
    pub texts: Vec<String>,
}

impl Override {
    /// The value of a flag.
    pub fn flag(name: &'static str, text: impl Into<String>) -> Self {
        Self {
            origin: Origin::Flag(name),
            texts: vec![text.into()],
        }
    }
}

/// Where a value comes from that stands in no file; shown as what stands before it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag, as `--listen`.
    Flag(&'static str),
    /// A variable of the environment.
    Variable(&'static str),
}

impl Origin {
    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Flag(name) | Self::Variable(name) => name,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "{name} "),
            Self::Variable(name) => write!(f, "{name}="),
        }
    }
}
