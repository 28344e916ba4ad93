//! What the fields of a message say of where its body ends (RFC 9112 §6).

use super::Malformed;
use crate::policy::present::Named;

/// What the fields have said so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Framings {
    length: Option<u64>,
    is_chunked: bool,
}

/// What they say in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Length(u64),
    Chunked,
}

impl Framings {
    /// Takes note of a field, where it is about that.
    pub(super) fn see(&mut self, named: Option<Named>, value: &[u8]) -> Result<(), Malformed> {
        match named {
            Some(Named::ContentLength) => {
                let is_first = self.length.replace(number(value)?).is_none();
                is_first.then_some(()).ok_or(Malformed::ContentLength)
            }
            Some(Named::TransferEncoding) => {
                let is_first = !std::mem::replace(&mut self.is_chunked, true);
                let is_known = is_first && value.eq_ignore_ascii_case(b"chunked");
                is_known.then_some(()).ok_or(Malformed::TransferEncoding)
            }
            _ => Ok(()),
        }
    }

    /// HTTP/1.0 knows no transfer coding (RFC 9112 §6.1).
    pub(super) fn told(self, is_http_11: bool) -> Result<Told, Malformed> {
        match (self.is_chunked, self.length) {
            (true, Some(_)) => Err(Malformed::TwoFramings),
            (true, None) if !is_http_11 => Err(Malformed::TransferEncoding),
            (true, None) => Ok(Told::Chunked),
            (false, Some(length)) => Ok(Told::Length(length)),
            (false, None) => Ok(Told::Nothing),
        }
    }
}

/// Digits and nothing else, as many as a body can have octets. Zeros before others nobody writes, and some read as octal.
pub(super) fn number(value: &[u8]) -> Result<u64, Malformed> {
    let has_zeros = value.len() > 1 && value[0] == b'0';
    if has_zeros || value.is_empty() {
        return Err(Malformed::ContentLength);
    }
    let number = value.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    });
    number.ok_or(Malformed::ContentLength)
}
