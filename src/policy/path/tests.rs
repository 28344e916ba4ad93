//! Which spellings are one.

use super::*;
use proptest::prelude::*;

const MERGED: Distinguish = Distinguish {
    case: false,
    trailing_slash: false,
    encoded_slash: false,
};

#[test]
fn spellings_that_backends_merge_have_one_canonical_path() {
    for spelling in [
        "/users/a@b.c",
        "/users/a%40b.c",
        "/users/a%40B.c",
        "/Users/a@b.c",
        "/users/a@b.c/",
        "//users//a@b.c",
        "/users/./a@b.c",
        "/x/../users/a@b.c",
        "/users;v=1/a@b.c;w",
        "/users%2Fa@b.c",
        "/users\\a@b.c",
        "/users%5Ca@b.c",
        "/%75sers/a@b.c",
        "/x/%2e%2E/users/a@b.c",
        "/x/..;p/users/a@b.c",
        "/../users/a@b.c/.",
        "users/a@b.c",
        "/users/x/../a@b.c",
        "/users/;p/a@b.c",
    ] {
        assert_eq!(canonical(spelling, MERGED), "/users/a%40b.c", "{spelling}");
    }
}

#[test]
fn a_percent_sign_that_escapes_nothing_means_itself() {
    assert_eq!(canonical("/100%", MERGED), "/100%25");
    assert_eq!(canonical("/%zz", MERGED), "/%25zz");
    assert_eq!(canonical("/%2541", MERGED), "/%2541", "decoded once only");
    assert_eq!(canonical("/%+1", MERGED), "/%25%2B1");
}

#[test]
fn targets_without_a_path_are_the_root_or_a_segment() {
    assert_eq!(canonical("", MERGED), "/");
    assert_eq!(canonical("/..", MERGED), "/");
    assert_eq!(canonical("*", MERGED), "/%2A");
}

#[test]
fn a_path_that_is_canonical_is_borrowed() {
    for path in ["/", "/orders/7", "/users/a%40b.c", "/a..b/.c/~d", "/%C3%A9"] {
        assert!(
            matches!(canonical(path, MERGED), Cow::Borrowed(_)),
            "{path}"
        );
    }
}

#[test]
fn a_route_tells_apart_what_it_names() {
    let case = Distinguish {
        case: true,
        ..MERGED
    };
    assert_eq!(canonical("/A/%62/", case), "/A/b");
    let slash = Distinguish {
        trailing_slash: true,
        ..MERGED
    };
    assert_eq!(canonical("/A/b/", slash), "/a/b/");
    assert_eq!(canonical("/a/b", slash), "/a/b");
    assert_eq!(canonical("/a/.", slash), "/a/");
    let encoded = Distinguish {
        encoded_slash: true,
        ..MERGED
    };
    assert_eq!(canonical("/a%2fb%5Cc/d\\e", encoded), "/a%2Fb%2Fc/d/e");
    assert_eq!(canonical("/a/..%2F", encoded), "/a/..%2F");
}

fn distinguish() -> impl Strategy<Value = Distinguish> {
    any::<(bool, bool, bool)>().prop_map(|(case, trailing_slash, encoded_slash)| Distinguish {
        case,
        trailing_slash,
        encoded_slash,
    })
}

/// Made of what the rules look at, so that they meet; and of anything.
fn path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/"),
        Just("\\"),
        Just("."),
        Just(".."),
        Just(";"),
        Just("%"),
        Just("%2F"),
        Just("%2f"),
        Just("%5c"),
        Just("%2e"),
        Just("%3B"),
        Just("%25"),
        Just("%41"),
        Just("%c3"),
        Just("A"),
        Just("b"),
        Just("2"),
        Just("é"),
        Just("~"),
        Just("@"),
    ];
    let built = proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat());
    // Nothing in it is odd by itself, but beside another.
    let simple = "/[ab_./]{0,6}";
    prop_oneof![4 => built, 1 => any::<String>(), 2 => simple]
}

proptest! {
    #[test]
    fn canonicalising_twice_changes_nothing(path in path(), distinguish in distinguish()) {
        let once = canonical(&path, distinguish).into_owned();
        prop_assert!(once.starts_with('/') && once.is_ascii());
        let twice = canonical(&once, distinguish);
        prop_assert!(matches!(twice, Cow::Borrowed(_)), "{:?} is taken for a spelling of {:?}", once, twice);
        prop_assert_eq!(&twice, &once);
    }

    #[test]
    fn what_is_borrowed_is_what_would_be_written(path in path(), distinguish in distinguish()) {
        let rewritten = rewrite(path.as_bytes(), distinguish);
        prop_assert_eq!(canonical(&path, distinguish), rewritten);
    }

    #[test]
    fn equivalent_spellings_have_one_canonical_path(
        segments in proptest::collection::vec("[a-zA-Z0-9@.+ é%;/-]{0,6}x", 1..5),
        choices in proptest::collection::vec(0_u8..8, 64),
    ) {
        let mut choices = choices.into_iter().cycle();
        let mut choose = || choices.next().unwrap();
        let plain = segments.iter().fold(String::new(), |mut path, segment| {
            path.push('/');
            encode(segment.as_bytes(), false, &mut path);
            path
        });
        let mut spelled = String::new();
        for segment in &segments {
            spelled.push_str(["/", "//", "/./", "/x/../", "\\", "%2F", "/;p/", "/"][usize::from(choose())]);
            for byte in segment.bytes() {
                match choose() {
                    0 => spelled.push_str(&format!("%{byte:02x}")),
                    1 => spelled.push_str(&format!("%{:02X}", byte.to_ascii_uppercase())),
                    2 if is_unreserved(byte) => spelled.push(char::from(byte.to_ascii_uppercase())),
                    _ => encode(&[byte], false, &mut spelled),
                }
            }
        }
        spelled.push_str(["", "/", "//", "/.", ";p=1", "/x/..", "%2f", ""][usize::from(choose())]);
        prop_assert_eq!(canonical(&spelled, MERGED), canonical(&plain, MERGED));
    }
}
