//! One path in all the ways that some backend reads as the same.

use fastrand::Rng;
use std::fmt::Write as _;

/// The path, spelled as chance has it; now and then as it stands.
pub(crate) fn spelled(path: &str, rng: &mut Rng) -> String {
    let turn = rng.u8(..12);
    let mut out = String::new();
    for segment in path.split('/').skip(1) {
        out.push_str(separator(turn, rng));
        respell(segment, turn, rng, &mut out);
    }
    match turn {
        7 => out.push('/'),
        8 => out.push_str("/."),
        9 => out.push_str(";v=1"),
        _ => {}
    }
    out
}

/// What stands before a segment. The first is always a `/`, as a request target demands.
fn separator(turn: u8, rng: &mut Rng) -> &'static str {
    match turn {
        1 => "//",
        2 => "/x/../",
        3 => "/./",
        4 if rng.bool() => "/x/%2e%2E/",
        5 if rng.bool() => "/%2F",
        6 if rng.bool() => "/%5C",
        10 if rng.bool() => "/;p/",
        _ => "/",
    }
}

fn respell(segment: &str, turn: u8, rng: &mut Rng, out: &mut String) {
    for byte in segment.bytes() {
        let letter = char::from(byte);
        match (turn, letter) {
            (0, _) => out.push(letter),
            (_, '@') if rng.bool() => out.push_str("%40"),
            (11, _) if letter.is_ascii_alphanumeric() && rng.u8(..4) == 0 => {
                let _infallible = write!(out, "%{byte:02x}");
            }
            (5 | 7 | 9, _) if rng.u8(..3) == 0 => out.push(letter.to_ascii_uppercase()),
            _ => out.push(letter),
        }
    }
    if turn == 9 && rng.bool() {
        out.push_str(";a=b");
    }
}

#[test]
fn every_spelling_names_the_same_resource_to_the_witness() {
    let path = "/users/ann@example.com/notes-1";
    let mut rng = Rng::with_seed(7);
    for _ in 0..2_000 {
        let spelling = spelled(path, &mut rng);
        assert_eq!(
            super::witness::resource_of(&spelling),
            path[1..],
            "{spelling}"
        );
    }
}
