//! Field names that matter to who reads a message, where it goes and what it does: a client cannot have them removed,
//! cannot write them in a spelling that only some readers know, and cannot bring them after the body.
//!
//! Names are compared without regard to case. Every list is sorted.

/// What frames, routes, authenticates, conditions or overrides a request, or says what its content is.
const MATTERS: [&str; 38] = [
    "authorization",
    "cache-control",
    "cf-connecting-ip",
    "client-ip",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "destination",
    "expect",
    "fastly-client-ip",
    "forwarded",
    "host",
    "if",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "lock-token",
    "max-forwards",
    "overwrite",
    "proxy-authorization",
    "range",
    "set-cookie",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwarded",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
];

/// Names of which everything that begins so matters.
const MATTERS_FROM: [&str; 1] = ["x-forwarded-"];

/// The other end-to-end fields of RFC 9110, 9111, 4918 and their like: they are not the connection's.
const END_TO_END: [&str; 39] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "allow",
    "content-digest",
    "content-disposition",
    "content-language",
    "content-location",
    "date",
    "depth",
    "digest",
    "early-data",
    "etag",
    "expires",
    "from",
    "idempotency-key",
    "last-modified",
    "link",
    "location",
    "origin",
    "pragma",
    "prefer",
    "priority",
    "referer",
    "repr-digest",
    "retry-after",
    "server",
    "signature",
    "signature-input",
    "timeout",
    "traceparent",
    "tracestate",
    "user-agent",
    "vary",
    "via",
    "x-request-id",
];

const END_TO_END_FROM: [&str; 2] = ["access-control-", "sec-"];

/// The fields of one connection (RFC 9110 §7.6.1).
const CONNECTION_ONLY: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether the fields that `Connection` nominates may be removed with it: none that is meant for the origin server.
pub(super) fn may_nominate(connection: &[u8]) -> bool {
    let options = connection.split(|&byte| byte == b',');
    options.map(<[u8]>::trim_ascii).all(|option| {
        !(matters(option) || is_in(&END_TO_END, option) || begins_as(&END_TO_END_FROM, option))
    })
}

/// Whether some reader takes this name for one that matters: CGI and its heirs (WSGI, Rack, PHP) read `_` as `-`.
pub(super) fn is_alias(name: &[u8]) -> bool {
    // A name is too short for a search that is made for much.
    let has_underscore = name.iter().fold(false, |has, &byte| has | (byte == b'_'));
    has_underscore && (matters(name) || is_in(&CONNECTION_ONLY, name))
}

/// Whether a field may come after the body that it belongs to (RFC 9110 §6.5.1).
pub(super) fn belongs_in_trailers(name: &[u8]) -> bool {
    !matters(name) && !is_in(&CONNECTION_ONLY, name)
}

/// Whether HTTP/2 has no place for it (RFC 9113 §8.2.2); of `te` only for some values.
pub(super) fn is_connection_only(name: &[u8]) -> bool {
    is_in(&CONNECTION_ONLY, name) && !matches!(name, b"te" | b"trailer")
}

fn matters(name: &[u8]) -> bool {
    is_in(&MATTERS, name) || begins_as(&MATTERS_FROM, name)
}

fn is_in(list: &[&str], name: &[u8]) -> bool {
    let folded = || name.iter().map(|&byte| fold(byte));
    let found = list.binary_search_by(|listed| listed.bytes().cmp(folded()));
    found.is_ok()
}

fn begins_as(list: &[&str], name: &[u8]) -> bool {
    list.iter().any(|begin| {
        name.len() > begin.len()
            && begin
                .bytes()
                .eq(name[..begin.len()].iter().map(|&b| fold(b)))
    })
}

const fn fold(byte: u8) -> u8 {
    match byte {
        b'_' => b'-',
        _ => byte.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_is_sorted() {
        for list in [&MATTERS[..], &END_TO_END, &CONNECTION_ONLY] {
            assert!(list.is_sorted());
        }
    }

    #[test]
    fn only_what_is_about_the_connection_may_be_nominated() {
        for good in [
            "close",
            "keep-alive, Upgrade, HTTP2-Settings",
            "TE",
            "X-Hop-Secret",
            "proxy-connection",
            "",
            ", ,",
        ] {
            assert!(may_nominate(good.as_bytes()), "{good}");
        }
        for bad in [
            "Host",
            "close, content-LENGTH",
            "keep-alive,Cookie",
            "x_forwarded_for",
            "X-Forwarded-Anything",
            "Sec-Fetch-Site",
            "user-agent",
            "X-HTTP-Method-Override",
        ] {
            assert!(!may_nominate(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn an_underscore_is_an_alias_only_of_what_matters() {
        for bad in [
            "Content_Length",
            "transfer_encoding",
            "X_Forwarded-For",
            "X_HTTP_METHOD_OVERRIDE",
            "if_match",
        ] {
            assert!(is_alias(bad.as_bytes()), "{bad}");
        }
        for good in [
            "Content-Length",
            "X_Tenant",
            "user_agent",
            "_",
            "x_forwardee",
        ] {
            assert!(!is_alias(good.as_bytes()), "{good}");
        }
    }

    #[test]
    fn a_trailer_can_tell_nothing_that_had_to_be_known_before() {
        for good in ["server-timing", "grpc-status", "etag", "x-checksum"] {
            assert!(belongs_in_trailers(good.as_bytes()), "{good}");
        }
        for bad in [
            "Host",
            "content-length",
            "TE",
            "Authorization",
            "x-forwarded-for",
        ] {
            assert!(!belongs_in_trailers(bad.as_bytes()), "{bad}");
        }
    }
}
