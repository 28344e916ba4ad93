//! Which statuses a conflict can be told with, where 409 is not what clients understand.
//!
//! Each of them says that the request was not done and may be repeated; no other does.

use http::StatusCode;

/// The status of the answer to a conflict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConflictStatus {
    /// 409, which is what it is (RFC 9110 §15.5.10).
    #[default]
    Conflict,
    /// 423, as WebDAV has it (RFC 4918 §11.3).
    Locked,
    /// 429, after which many clients wait by themselves (RFC 6585 §4).
    TooManyRequests,
    /// 503, after which most clients wait by themselves (RFC 9110 §15.6.4).
    ServiceUnavailable,
}

impl ConflictStatus {
    /// All of them, by their numbers.
    pub const ALL: [Self; 4] = [
        Self::Conflict,
        Self::Locked,
        Self::TooManyRequests,
        Self::ServiceUnavailable,
    ];

    /// The one with this number.
    pub fn from_number(number: i64) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|status| i64::from(status.code().as_u16()) == number)
    }

    /// The status itself.
    pub const fn code(self) -> StatusCode {
        match self {
            Self::Conflict => StatusCode::CONFLICT,
            Self::Locked => StatusCode::LOCKED,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
