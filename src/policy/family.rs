//! Re-entrancy: what a write gives to its backend, so that what the backend sends through the gateway while it works on it
//! passes the keys of that write instead of meeting them.
//!
//! Invariants:
//! - A family is 128 random bits, and is neither logged, listed nor shown: who knows it works for the write that has it.
//! - All that pass by one write's keys are of its family, and hold the keys beside each other. The keys are free when the
//!   last of them has settled.

use std::fmt;

use http::{HeaderName, HeaderValue};

use super::hex;

/// The field by which it goes to the upstream and comes back.
pub const HOLD: HeaderName = HeaderName::from_static(HOLD_NAME);

pub(super) const HOLD_NAME: &str = "writegate-hold";

const FAMILY_DIGITS: usize = 32;

const PLACE_DIGITS: usize = 16;

/// How long a pass is as it is written: the digits of both with a hyphen between.
const PASS_LENGTH: usize = FAMILY_DIGITS + 1 + PLACE_DIGITS;

/// A hold and all that came of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Family([u8; 16]);

/// What proves that a request is of a family: its bits, and where to look whether it holds anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Whose it is.
    pub family: Family,
    /// The hash of a key that it holds.
    pub place: u64,
}

impl Family {
    /// The family of these bits, which nobody can foresee.
    pub const fn new(bits: [u8; 16]) -> Self {
        Self(bits)
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Family(..)")
    }
}

impl Pass {
    /// Reads what came in a field; none if it is no pass.
    pub fn read(value: &HeaderValue) -> Option<Self> {
        let (family, place) = value.to_str().ok()?.split_once('-')?;
        let is_hex = |text: &str, digits: usize| {
            text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        if !is_hex(family, FAMILY_DIGITS) || !is_hex(place, PLACE_DIGITS) {
            return None;
        }
        Some(Self {
            family: Family(u128::from_str_radix(family, 16).ok()?.to_be_bytes()),
            place: u64::from_str_radix(place, 16).ok()?,
        })
    }

    /// As it is written into the field.
    pub fn bytes(&self) -> [u8; PASS_LENGTH] {
        let mut text = [b'-'; PASS_LENGTH];
        text[..FAMILY_DIGITS].copy_from_slice(hex::digits(self.family.0).as_flattened());
        let place = hex::digits(self.place.to_be_bytes());
        text[FAMILY_DIGITS + 1..].copy_from_slice(place.as_flattened());
        text
    }

    /// The same as a value that is kept out of compression's tables and of logs (RFC 7541 §7.1.3).
    pub fn value(&self) -> HeaderValue {
        let mut value =
            HeaderValue::from_bytes(&self.bytes()).expect("hexadecimal digits are visible ASCII");
        value.set_sensitive(true);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_read_as_it_was_written_and_nothing_else_is() {
        let pass = Pass {
            family: Family::new([0xab; 16]),
            place: 7,
        };
        assert_eq!(Pass::read(&pass.value()), Some(pass));
        let text = pass.value();
        let text = text.to_str().unwrap();
        for wrong in [
            "",
            "-",
            "ab-7",
            &text[1..],
            &format!("{text}0"),
            &text.replace('-', "+"),
            &text.replacen('a', "+", 1),
        ] {
            assert_eq!(
                Pass::read(&HeaderValue::from_str(wrong).unwrap()),
                None,
                "{wrong}"
            );
        }
        assert_eq!(format!("{:?}", pass.family), "Family(..)");
    }
}
