//! The lines of a head: where each ends, and a field line's name and value.

use memchr::memchr;

use super::{Malformed, are_token};
use crate::policy::eights::{below, equal, find, may_have};

/// The longest name of a field that a map takes.
const NAME_LIMIT: usize = 65_535;

/// The lines of a head without their CR LF.
pub(super) struct Lines<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Lines<'a> {
    /// The names and values of the field lines, to the empty line behind them.
    pub(super) fn fields(
        mut self,
    ) -> impl Iterator<Item = Result<(&'a [u8], &'a [u8]), Malformed>> {
        std::iter::from_fn(move || match self.next()? {
            Ok([]) => None,
            line => Some(line.and_then(field)),
        })
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<&'a [u8], Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let end = memchr(b'\n', self.rest)?;
        let line = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        Some(line.strip_suffix(b"\r").ok_or(Malformed::LineEnd))
    }
}

/// The name and the value of a field line (RFC 9112 §5), the value without the white space around it.
pub(super) fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let colon = find(line, b':').ok_or(Malformed::FieldLine)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if !(1..=NAME_LIMIT).contains(&colon) || !are_token(name) {
        return Err(Malformed::FieldLine);
    }
    if has_control(value) {
        return Err(Malformed::FieldValue);
    }
    // RFC 9110 §5.5; of all that is trimmed only SP and HTAB can be there.
    Ok((name, value.trim_ascii()))
}

/// Whether a value has a control character, other than a tabulator.
pub(super) fn has_control(value: &[u8]) -> bool {
    let is_control = |&byte: &u8| (byte < b' ' && byte != b'\t') || byte == 0x7f;
    let is_marked = |eight| below(eight, b' ') | equal(eight, 0x7f);
    may_have(value, is_marked) && value.iter().any(is_control)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_as_long_as_a_map_takes_and_no_longer() {
        for (length, is_good) in [(NAME_LIMIT, true), (NAME_LIMIT + 1, false)] {
            let line = "n".repeat(length) + ": v";
            let read = field(line.as_bytes());
            assert_eq!(read.is_ok_and(|(name, _)| name.len() == length), is_good);
        }
    }

    proptest! {
        #[test]
        fn a_control_is_seen_wherever_it_stands(
            value in proptest::collection::vec(prop_oneof![8 => b' '..=b'~', 1 => any::<u8>()], 0..40)
        ) {
            let controls = value.iter().filter(|byte| byte.is_ascii_control() && **byte != b'\t');
            prop_assert_eq!(has_control(&value), controls.count() > 0);
        }
    }
}
