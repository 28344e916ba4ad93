//! What is said of a client (RFC 7239), and whether what came as `Forwarded` lets a member be added to it (§4): a quoted string
//! that does not end would hide it.

use std::net::IpAddr;

use http::HeaderValue;

/// A client, as the upstream is told of it: made once for all that it sends.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// As `X-Forwarded-For` has it.
    address: HeaderValue,
    /// As `Forwarded` has it: an address of IPv6 in brackets and quotation marks (§6).
    node: String,
    scheme: &'static str,
}

impl Introduction {
    /// Of a client that connects from `address`, which is none over a Unix socket, and speaks TLS or not.
    pub fn new(address: Option<IpAddr>, is_secure: bool) -> Self {
        let address = address.map(|address| address.to_canonical());
        let text = address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
        Self {
            address: visible(text.clone()),
            node: match address {
                Some(IpAddr::V6(_)) => format!("\"[{text}]\""),
                Some(IpAddr::V4(_)) | None => text,
            },
            scheme: if is_secure { "https" } else { "http" },
        }
    }

    /// The member of `Forwarded` for what it sends to this host.
    pub(super) fn forwarded(&self, host: Option<&HeaderValue>) -> HeaderValue {
        let Self { node, scheme, .. } = self;
        let host = host
            .and_then(|host| host.to_str().ok())
            .filter(|host| !host.contains(['"', '\\']));
        visible(match host {
            Some(host) => format!("for={node};host=\"{host}\";proto={scheme}"),
            None => format!("for={node};proto={scheme}"),
        })
    }

    /// The member of `X-Forwarded-For`.
    pub(super) const fn address(&self) -> &HeaderValue {
        &self.address
    }

    pub(super) const fn scheme(&self) -> &'static str {
        self.scheme
    }
}

fn visible(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("addresses, and hosts that are text, are visible ASCII")
}

/// Whether quotation marks stand around whole values and nowhere else, so that every reader finds the same members.
pub(super) fn is_list(value: &[u8]) -> bool {
    let mut at = At::Outside;
    for &byte in value {
        at = match (at, byte) {
            (At::Value, b'"') => At::Quoted,
            (At::Quoted, b'\\') => At::Escaped,
            (At::Quoted, b'"') => At::Behind,
            (At::Quoted | At::Escaped, _) => At::Quoted,
            (At::Outside, b'=') => At::Value,
            (At::Outside | At::Value | At::Behind, b',' | b';') => At::Outside,
            (At::Behind, b' ' | b'\t') => At::Behind,
            (At::Behind, _) | (_, b'"' | b'\\') => return false,
            (At::Outside | At::Value, _) => At::Outside,
        };
    }
    !matches!(at, At::Quoted | At::Escaped)
}

#[derive(Clone, Copy)]
enum At {
    Outside,
    /// Right behind a `=`.
    Value,
    Quoted,
    /// Behind a backslash in a quoted string.
    Escaped,
    /// Behind a quoted string.
    Behind,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_string_has_its_place_and_its_end() {
        for good in [
            "",
            "for=192.0.2.1",
            "for=\"[2001:db8::1]:47\";proto=http, for=unknown",
            "for=\"a, b\\\"; c\" ;by=x",
            "for=192.0.2.1:80, nonsense",
        ] {
            assert!(is_list(good.as_bytes()), "{good}");
        }
        for bad in [
            "for=\"",
            "for=\"a\\\"",
            "for=\"a\"b",
            "\"a\"",
            "for=a\"b\"",
            "for=a\\",
            "for= \"a\"",
        ] {
            assert!(!is_list(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn a_client_is_named_by_its_address_and_one_without_as_unknown() {
        for (address, shown, node) in [
            (Some("192.0.2.1"), "192.0.2.1", "192.0.2.1"),
            (Some("::ffff:192.0.2.1"), "192.0.2.1", "192.0.2.1"),
            (Some("2001:db8::1"), "2001:db8::1", "\"[2001:db8::1]\""),
            (None, "unknown", "unknown"),
        ] {
            let address = address.map(|address| address.parse().expect("an address"));
            let introduction = Introduction::new(address, true);
            assert_eq!(introduction.address(), shown);
            let forwarded = format!("for={node};proto=https");
            assert_eq!(introduction.forwarded(None), forwarded);
            let odd = HeaderValue::from_static("a\"b");
            assert_eq!(introduction.forwarded(Some(&odd)), forwarded);
        }
    }
}
