//! Which of the fields that the gateway asks for a message has, found out in one pass: most messages have few of them, and to
//! ask a map for one costs a hash.

use http::{HeaderMap, HeaderName};

use super::family::HOLD_NAME;
use super::fields::is_spelling;

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
    /// `Host`
    Host,
    /// `Keep-Alive`
    KeepAlive,
    /// What may override the method, in any spelling that some backend takes for it
    MethodOverride,
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
        Self::of_line(name.as_str().as_bytes())
    }

    /// The same, of a name as it is written.
    pub fn of_line(name: &[u8]) -> Option<Self> {
        let (named, known) = Self::guess(name)?;
        let is_it = if matches!(named, Self::Hold | Self::MethodOverride) {
            is_spelling(name, known.as_bytes())
        } else {
            // No control is in a name, and no other token is a letter or a hyphen but for this bit.
            name.iter()
                .zip(known.as_bytes())
                .fold(true, |is_it, (byte, known)| is_it & (byte | 0x20 == *known))
        };
        is_it.then_some(named)
    }

    /// The only one that a name can be of this length and with this beginning, and how it is written, which is as long.
    fn guess(name: &[u8]) -> Option<(Self, &'static str)> {
        Some(match (name.len(), name.first()? | 0x20) {
            (2, _) => (Self::Te, "te"),
            (3, _) => (Self::Via, "via"),
            (4, b'd') => (Self::Date, "date"),
            (4, b'h') => (Self::Host, "host"),
            (6, b'a') => (Self::Accept, "accept"),
            (6, b'e') => (Self::Expect, "expect"),
            (6, b'o') => (Self::Origin, "origin"),
            (7, b't') => (Self::Trailer, "trailer"),
            (7, b'u') => (Self::Upgrade, "upgrade"),
            (9, b'f') => (Self::Forwarded, "forwarded"),
            (10, b'c') => (Self::Connection, "connection"),
            (10, b'k') => (Self::KeepAlive, "keep-alive"),
            (12, b'c') => (Self::ContentType, "content-type"),
            (12, b'x') => (Self::RequestId, "x-request-id"),
            (13, b'x') => (Self::MethodOverride, "x-http-method"),
            (14, b'c') => (Self::ContentLength, "content-length"),
            (14, b'w') => (Self::Hold, HOLD_NAME),
            (15, b'x') => (Self::ForwardedFor, "x-forwarded-for"),
            (16, b'p') => (Self::ProxyConnection, "proxy-connection"),
            (16, b'x') => (Self::ForwardedHost, "x-forwarded-host"),
            (17, b't') => (Self::TransferEncoding, "transfer-encoding"),
            (17, b'x') if name[2] | 0x20 == b'm' => (Self::MethodOverride, "x-method-override"),
            (17, b'x') => (Self::ForwardedProto, "x-forwarded-proto"),
            (22, b'x') => (Self::MethodOverride, "x-http-method-override"),
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

    use crate::policy::family::HOLD;
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
            (Named::Host, header::HOST),
            (Named::KeepAlive, KEEP_ALIVE),
            (
                Named::MethodOverride,
                HeaderName::from_static("x-http-method"),
            ),
            (
                Named::MethodOverride,
                HeaderName::from_static("x-method_override"),
            ),
            (
                Named::MethodOverride,
                HeaderName::from_static("x-http-method-override"),
            ),
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
