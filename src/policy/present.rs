//! Which of the fields that the gateway asks for a message has, found out in one pass: most messages have few of them, and to
//! ask a map for one costs a hash.

use http::{HeaderMap, HeaderName};

use super::family::HOLD;
use super::fields::is_spelling;

/// As long as the longest of their names.
const LONGEST: usize = "x-forwarded-proto".len();

/// A field that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// `Accept`
    Accept,
    /// `Connection`
    Connection,
    /// `Content-Length`
    ContentLength,
    /// `Content-Type`
    ContentType,
    /// `Date`
    Date,
    /// `Expect`
    Expect,
    /// `Forwarded`
    Forwarded,
    /// `X-Forwarded-For`
    ForwardedFor,
    /// `X-Forwarded-Host`
    ForwardedHost,
    /// `X-Forwarded-Proto`
    ForwardedProto,
    /// `Writegate-Hold`, in any spelling that some backend takes for it
    Hold,
    /// `Keep-Alive`
    KeepAlive,
    /// `Origin`
    Origin,
    /// `Proxy-Connection`
    ProxyConnection,
    /// `X-Request-Id`
    RequestId,
    /// `TE`
    Te,
    /// `Trailer`
    Trailer,
    /// `Transfer-Encoding`
    TransferEncoding,
    /// `Upgrade`
    Upgrade,
    /// `Via`
    Via,
}

impl Named {
    /// Which of them has this name, if any.
    pub fn of(name: &HeaderName) -> Option<Self> {
        Self::of_lower(name.as_str().as_bytes())
    }

    /// The same, of a name as it is written.
    pub fn of_line(name: &[u8]) -> Option<Self> {
        let mut lower = [0; LONGEST];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        Self::of_lower(lower)
    }

    fn of_lower(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"accept" => Self::Accept,
            b"connection" => Self::Connection,
            b"content-length" => Self::ContentLength,
            b"content-type" => Self::ContentType,
            b"date" => Self::Date,
            b"expect" => Self::Expect,
            b"forwarded" => Self::Forwarded,
            b"keep-alive" => Self::KeepAlive,
            b"origin" => Self::Origin,
            b"proxy-connection" => Self::ProxyConnection,
            b"te" => Self::Te,
            b"trailer" => Self::Trailer,
            b"transfer-encoding" => Self::TransferEncoding,
            b"upgrade" => Self::Upgrade,
            b"via" => Self::Via,
            b"x-forwarded-for" => Self::ForwardedFor,
            b"x-forwarded-host" => Self::ForwardedHost,
            b"x-forwarded-proto" => Self::ForwardedProto,
            b"x-request-id" => Self::RequestId,
            _ if is_spelling(name, HOLD.as_str().as_bytes()) => Self::Hold,
            _ => return None,
        })
    }
}

/// Those of them that a message has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present(u32);

impl Present {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// These, and this one.
    pub const fn with(self, field: Named) -> Self {
        Self(self.0 | 1 << field as u32)
    }

    /// Those among these fields.
    pub fn of(headers: &HeaderMap) -> Self {
        let named = headers.keys().filter_map(Named::of);
        named.fold(Self::NONE, Self::with)
    }

    /// Whether it has any that says who has sent it, and by whom it came.
    pub const fn tells_of_client(self) -> bool {
        self.has(Named::Forwarded)
            || self.has(Named::ForwardedFor)
            || self.has(Named::ForwardedHost)
            || self.has(Named::ForwardedProto)
            || self.has(Named::Via)
    }

    /// Whether the message has it.
    pub const fn has(self, field: Named) -> bool {
        self.0 & (1 << field as u32) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{self, HeaderValue};

    use crate::policy::forward::{
        FORWARDED, KEEP_ALIVE, PROXY_CONNECTION, X_FORWARDED_FOR, X_FORWARDED_HOST,
        X_FORWARDED_PROTO, X_REQUEST_ID,
    };

    #[test]
    fn each_is_found_by_its_name_and_no_other_is() {
        let all = [
            (Named::Accept, header::ACCEPT),
            (Named::Connection, header::CONNECTION),
            (Named::ContentLength, header::CONTENT_LENGTH),
            (Named::ContentType, header::CONTENT_TYPE),
            (Named::Date, header::DATE),
            (Named::Expect, header::EXPECT),
            (Named::Forwarded, FORWARDED),
            (Named::ForwardedFor, X_FORWARDED_FOR),
            (Named::ForwardedHost, X_FORWARDED_HOST),
            (Named::ForwardedProto, X_FORWARDED_PROTO),
            (Named::Hold, HOLD),
            (Named::Hold, HeaderName::from_static("writegate_hold")),
            (Named::KeepAlive, KEEP_ALIVE),
            (Named::Origin, header::ORIGIN),
            (Named::ProxyConnection, PROXY_CONNECTION),
            (Named::RequestId, X_REQUEST_ID),
            (Named::Te, header::TE),
            (Named::Trailer, header::TRAILER),
            (Named::TransferEncoding, header::TRANSFER_ENCODING),
            (Named::Upgrade, header::UPGRADE),
            (Named::Via, header::VIA),
        ];
        for (named, name) in &all {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static("1"));
            headers.insert(header::HOST, HeaderValue::from_static("1"));
            headers.insert(
                HeaderName::from_static("x-te"),
                HeaderValue::from_static("1"),
            );
            let present = Present::of(&headers);
            for (other, _) in &all {
                assert_eq!(present.has(*other), other == named, "{other:?} by {name}");
            }
            let shouted = name.as_str().to_ascii_uppercase();
            assert_eq!(Named::of_line(shouted.as_bytes()), Some(*named));
            assert_eq!(Named::of_line(&shouted.as_bytes()[1..]), None);
        }
    }
}
