//! Which of the fields that the gateway asks for a message has, found out in one pass: most messages have few of them, and to
//! ask a map for one costs a hash.

use http::HeaderMap;

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
    /// `Writegate-Hold`
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
}

impl Named {
    const fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"accept" => Self::Accept,
            b"connection" => Self::Connection,
            b"content-type" => Self::ContentType,
            b"expect" => Self::Expect,
            b"keep-alive" => Self::KeepAlive,
            b"origin" => Self::Origin,
            b"proxy-connection" => Self::ProxyConnection,
            b"te" => Self::Te,
            b"transfer-encoding" => Self::TransferEncoding,
            b"upgrade" => Self::Upgrade,
            b"writegate-hold" => Self::Hold,
            b"x-request-id" => Self::RequestId,
            _ => return None,
        })
    }
}

/// Those of them that a message has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present(u16);

impl Present {
    /// Those among these fields.
    pub fn of(headers: &HeaderMap) -> Self {
        let named = headers.keys().filter_map(|name| Named::of(name.as_ref()));
        Self(named.fold(0, |all, named| all | 1 << named as u16))
    }

    /// Whether the message has it.
    pub const fn has(self, field: Named) -> bool {
        self.0 & (1 << field as u16) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{self, HeaderName, HeaderValue};

    use crate::policy::family::HOLD;
    use crate::policy::forward::{KEEP_ALIVE, PROXY_CONNECTION, X_REQUEST_ID};

    #[test]
    fn each_is_found_by_its_name_and_no_other_is() {
        let all = [
            (Named::Accept, header::ACCEPT),
            (Named::Connection, header::CONNECTION),
            (Named::ContentType, header::CONTENT_TYPE),
            (Named::Expect, header::EXPECT),
            (Named::Hold, HOLD),
            (Named::KeepAlive, KEEP_ALIVE),
            (Named::Origin, header::ORIGIN),
            (Named::ProxyConnection, PROXY_CONNECTION),
            (Named::RequestId, X_REQUEST_ID),
            (Named::Te, header::TE),
            (Named::TransferEncoding, header::TRANSFER_ENCODING),
            (Named::Upgrade, header::UPGRADE),
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
