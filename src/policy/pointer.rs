//! A JSON Pointer (RFC 6901), as a key template names a place in a body.
//!
//! A token `*` stands for every element where an array is met, and for the member `*` where an object is.

use std::fmt;

/// A place in a JSON document, or with `/*` several.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pointer {
    text: Box<str>,
    tokens: Box<[Box<str>]>,
}

/// Why a text is no JSON Pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// It does not begin with `/`.
    #[error("it begins with `/`")]
    NoSlash,
    /// A `~` that is neither `~0` nor `~1`.
    #[error("a `~` in it is written `~0`, and a `/` within a name `~1`")]
    Tilde,
}

impl Pointer {
    /// One of at least one token: the document as a whole names nothing.
    pub(super) fn parse(text: &str) -> Result<Self, PointerError> {
        let tokens = text.strip_prefix('/').ok_or(PointerError::NoSlash)?;
        let tokens: Result<Box<[Box<str>]>, _> = tokens.split('/').map(unescaped).collect();
        Ok(Self {
            text: text.into(),
            tokens: tokens?,
        })
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names and indices on the way, unescaped.
    pub(super) fn tokens(&self) -> &[Box<str>] {
        &self.tokens
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn unescaped(token: &str) -> Result<Box<str>, PointerError> {
    let mut parts = token.split('~');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (c, rest) = match part.as_bytes().first() {
            Some(b'0') => ('~', &part[1..]),
            Some(b'1') => ('/', &part[1..]),
            Some(_) | None => return Err(PointerError::Tilde),
        };
        name.push(c);
        name.push_str(rest);
    }
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_unescaped_as_the_standard_says() {
        for (text, tokens) in [
            ("/", &[""][..]),
            ("/a/b", &["a", "b"]),
            ("/a~1b/m~0n/~01", &["a/b", "m~n", "~1"]),
            ("//a/*", &["", "a", "*"]),
            ("/ü {", &["ü {"]),
        ] {
            let pointer = Pointer::parse(text).unwrap();
            let found: Vec<&str> = pointer.tokens().iter().map(|token| &**token).collect();
            assert_eq!(found, tokens, "{text}");
        }
        assert_eq!(Pointer::parse("a"), Err(PointerError::NoSlash));
        assert_eq!(Pointer::parse(""), Err(PointerError::NoSlash));
        for text in ["/~", "/a~2", "/~0~"] {
            assert_eq!(Pointer::parse(text), Err(PointerError::Tilde), "{text}");
        }
    }
}
