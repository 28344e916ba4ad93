//! Which of the fields that the gateway asks for a message has, found out in one pass: most messages have few of them, and to
//! ask a map for one costs a hash.

use http::{HeaderMap, HeaderName};

use super::family::HOLD;
use super::fields::is_spelling;

/// A field that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// `Accept`
    Accept,
    /// `Connection`
    Connection,
    /// `Content-Type`
    ContentType,
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
    /// `Transfer-Encoding`
    TransferEncoding,
    /// `Upgrade`
    Upgrade,
    /// `Via`
    Via,
}

impl Named {
    fn of(name: &HeaderName) -> Option<Self> {
        let name = name.as_str();
        Some(match name.as_bytes() {
            b"accept" => Self::Accept,
            b"connection" => Self::Connection,
            b"content-type" => Self::ContentType,
            b"expect" => Self::Expect,
            b"forwarded" => Self::Forwarded,
            b"keep-alive" => Self::KeepAlive,
            b"origin" => Self::Origin,
            b"proxy-connection" => Self::ProxyConnection,
            b"te" => Self::Te,
            b"transfer-encoding" => Self::TransferEncoding,
            b"upgrade" => Self::Upgrade,
            b"via" => Self::Via,
            b"x-forwarded-for" => Self::ForwardedFor,
            b"x-forwarded-host" => Self::ForwardedHost,
            b"x-forwarded-proto" => Self::ForwardedProto,
            b"x-request-id" => Self::RequestId,
            _ if is_spelling(name, HOLD.as_str()) => Self::Hold,
            _ => return None,
        })
    }
}

/// Those of them that a message has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present(u32);

impl Present {
    /// Those among these fields.
    pub fn of(headers: &HeaderMap) -> Self {
        let named = headers.keys().filter_map(Named::of);
        Self(named.fold(0, |all, named| all | 1 << named as u16))
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
        self.0 & (1 << field as u16) != 0
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
            (Named::ContentType, header::CONTENT_TYPE),
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
        }
    }
}
