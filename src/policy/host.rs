//! The canonical host: lower case, without default port and trailing dot. It is its own canonical host.

use std::borrow::Cow;

/// The canonical form of a `Host` field or `:authority`, as sent. Empty if nothing names a host.
///
/// The default ports of `http` and of `https` are both dropped: which of the two the client spoke is not known behind
/// another proxy.
pub fn canonical_host(host: &str) -> Cow<'_, str> {
    let (name, port) = split_port(host.trim_end_matches('.'));
    let name = name.trim_end_matches('.');
    let port = port.filter(|port| !matches!(port, 80 | 443));
    match port {
        None if name.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            Cow::Owned(name.to_ascii_lowercase())
        }
        None => Cow::Borrowed(name),
        Some(port) => Cow::Owned(format!("{}:{port}", name.to_ascii_lowercase())),
    }
}

/// What follows the last colon counts as a port only where it is one: empty, or a number.
fn split_port(host: &str) -> (&str, Option<u16>) {
    let Some((name, port)) = host.rsplit_once(':') else {
        return (host, None);
    };
    let is_one_name = !name.contains(':') || (name.starts_with('[') && name.ends_with(']'));
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        _ if !is_one_name || !is_number => (host, None),
        Ok(port) => (name, Some(port)),
        Err(_) if port.is_empty() => (name, None),
        Err(_) => (host, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_a_host_are_one() {
        for spelling in [
            "example.com",
            "EXAMPLE.com",
            "example.com.",
            "example.com:80",
            "example.com:443",
            "example.com.:080",
            "example.com:",
        ] {
            assert_eq!(canonical_host(spelling), "example.com", "{spelling}");
        }
        assert_eq!(canonical_host("Example.com:08080"), "example.com:8080");
        assert_eq!(canonical_host("[::A]:80"), "[::a]");
        assert_eq!(canonical_host("[::1]"), "[::1]");
        assert_eq!(canonical_host("."), "");
    }

    proptest! {
        #[test]
        fn a_canonical_host_stays_as_it_is(host in prop_oneof!["[aA.:0-9\\[\\]]{0,12}", any::<String>()]) {
            let once = canonical_host(&host).into_owned();
            prop_assert_eq!(canonical_host(&once), once.as_str());
        }
    }
}
