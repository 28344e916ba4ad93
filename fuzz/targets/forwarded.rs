//! Whatever came in `Forwarded` and its like, what is appended is the last member of a list, and can be read as such.
#![no_main]

use http::{HeaderMap, HeaderValue, Version};
use libfuzzer_sys::fuzz_target;
use writegate::policy::forward::{Forwarding, Hop, Introduction, introduce, prepare_request};
use writegate::policy::head::Fields;

const OURS: &str = "for=192.0.2.1;host=\"a.example\";proto=http";

fuzz_target!(|input: (&[u8], &[u8], &[u8])| {
    let (first, second, connection) = input;
    let mut fields = HeaderMap::new();
    for (name, value) in [
        ("forwarded", first),
        ("forwarded", second),
        ("x-forwarded-for", first),
        ("x-forwarded-for", second),
        ("via", first),
        ("connection", connection),
        ("te", second),
    ] {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            fields.append(name, value);
        }
    }
    let host = HeaderValue::from_static("a.example");
    let client = Introduction::new(Some([192, 0, 2, 1].into()), false);
    let hop = Hop {
        client: &client,
        host: Some(&host),
        version: Version::HTTP_11,
        forwarding: Forwarding::Append,
        via: true,
    };
    let mut prepared = Fields::from(fields);
    prepare_request(&mut prepared, hop.version, false);
    let mut fields = prepared.into_map();
    introduce(&mut fields, &hop);
    let one = |name: &str| {
        let lines: Vec<_> = fields.get_all(name).into_iter().collect();
        assert_eq!(lines.len(), 1, "{name}: {lines:?}");
        lines[0].as_bytes().to_vec()
    };
    let forwarded = one("forwarded");
    let members = members(&forwarded);
    assert_eq!(
        members.last(),
        Some(&OURS.as_bytes()),
        "{:?}",
        forwarded.escape_ascii()
    );
    let addresses = one("x-forwarded-for");
    let last = addresses
        .rsplit(|&byte| byte == b',')
        .next()
        .expect("one at least");
    assert_eq!(last.trim_ascii(), b"192.0.2.1");
    let options = fields.get("connection").map(HeaderValue::as_bytes);
    assert!(matches!(options, None | Some(b"te")), "{options:?}");
});

/// RFC 9110 §5.6.1 and §5.6.4: a comma within a quoted string parts nothing.
fn members(list: &[u8]) -> Vec<&[u8]> {
    let (mut members, mut start, mut at, mut is_quoted) = (Vec::new(), 0, 0, false);
    while at < list.len() {
        match list[at] {
            b'"' => is_quoted = !is_quoted,
            b'\\' if is_quoted => at += 1,
            b',' if !is_quoted => {
                members.push(list[start..at].trim_ascii());
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    assert!(!is_quoted, "a quoted string does not end");
    members.push(list[start..].trim_ascii());
    members
}
