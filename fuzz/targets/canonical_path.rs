//! The canonical path is its own, however a path is spelled, and escaping a character makes no other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use writegate::policy::path::{Distinguish, canonical};

fuzz_target!(|input: (u8, u8, &str)| {
    let (bits, which, path) = input;
    let distinguish = Distinguish {
        case: bits & 1 > 0,
        trailing_slash: bits & 2 > 0,
        encoded_slash: bits & 4 > 0,
    };
    let once = canonical(path, distinguish);
    assert_eq!(canonical(&once, distinguish), once, "of {path:?}");
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%/".contains(&byte);
    assert!(once.bytes().all(is_plain), "{once:?} of {path:?}");

    // A letter or a digit means the same when it is escaped.
    let letters: Vec<usize> = (0..path.len())
        .filter(|&at| path.as_bytes()[at].is_ascii_alphanumeric())
        .filter(|&at| !path.as_bytes()[at.saturating_sub(2)..at].contains(&b'%'))
        .collect();
    if let Some(&at) = letters.get(usize::from(which)) {
        let escape = format!("%{:02x}", path.as_bytes()[at]);
        let escaped = [&path[..at], &escape, &path[at + 1..]].concat();
        assert_eq!(
            canonical(&escaped, distinguish),
            once,
            "{escaped:?} is not {path:?}"
        );
    }
});
