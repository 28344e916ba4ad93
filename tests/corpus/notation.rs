//! How the corpus writes bytes: as they are, but a line break in the file is none in the message.
//!
//! `\r`, `\n`, `\t`, `\0` and `\\` are what they are elsewhere, `\xHH` is any byte, and `\(3*ab\)` is `ababab`, in which all of
//! this may stand, too.

/// The bytes that `text` stands for.
pub(super) fn bytes(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let (bytes, is_closed) = part(&mut rest);
    assert!(!is_closed, "a bracket closes nothing: {text}");
    bytes
}

/// Takes the bytes up to the end of a repetition, or of the text; which of the two it was.
fn part(rest: &mut &[u8]) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    loop {
        match next(rest) {
            None => return (bytes, false),
            Some(b'\n') => {}
            Some(b'\\') => match next(rest).expect("something is escaped") {
                b'r' => bytes.push(b'\r'),
                b'n' => bytes.push(b'\n'),
                b't' => bytes.push(b'\t'),
                b'0' => bytes.push(0),
                b'\\' => bytes.push(b'\\'),
                b'x' => {
                    let digits = [next(rest), next(rest)].map(|digit| digit.expect("two digits"));
                    let digits = std::str::from_utf8(&digits).expect("ASCII");
                    bytes.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
                }
                b'(' => bytes.extend(repetition(rest)),
                b')' => return (bytes, true),
                other => panic!("`\\{}` stands for nothing", char::from(other)),
            },
            Some(byte) => bytes.push(byte),
        }
    }
}

fn repetition(rest: &mut &[u8]) -> Vec<u8> {
    let mut times = 0;
    loop {
        match next(rest).expect("a repetition ends") {
            b'*' => break,
            digit => times = times * 10 + usize::from(digit - b'0'),
        }
    }
    let (repeated, is_closed) = part(rest);
    assert!(is_closed, "a repetition ends");
    repeated.repeat(times)
}

fn next(rest: &mut &[u8]) -> Option<u8> {
    let (&byte, after) = rest.split_first()?;
    *rest = after;
    Some(byte)
}

#[test]
fn the_notation_of_the_corpus_is_read_as_described() {
    assert_eq!(bytes("a b\\r\\n\nc\\\\\\x00\\xff\n"), b"a b\r\nc\\\0\xff");
    assert_eq!(bytes("(\\(2*a\\(2*b\\)\\r\\)c)"), b"(abb\rabb\rc)");
}
