//! Whether what came as `Forwarded` (RFC 7239 §4) lets a member be added: a quoted string that does not end would hide it.

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
    use super::is_list;

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
}
