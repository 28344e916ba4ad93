//! Hexadecimal digits, written and read without the machinery of `format!`: every request has some.

/// The digits of these bytes: two of each, in lower case.
pub fn digits<const N: usize>(bytes: [u8; N]) -> [[u8; 2]; N] {
    let mut digits = [[0; 2]; N];
    for (byte, pair) in bytes.into_iter().zip(&mut digits) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    digits
}

/// By arithmetic, so that the compiler can make many at once.
const fn digit(nibble: u8) -> u8 {
    let letters = if nibble > 9 { b'a' - b'9' - 1 } else { 0 };
    nibble + b'0' + letters
}

/// Reads digits in lower case, as [`digits()`] are; none where there are more or fewer, or anything else.
pub fn read<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let mut pairs: [[u8; 2]; N] = pairs.try_into().ok().filter(|_| rest.is_empty())?;
    // By arithmetic, and without a way out half-way, as it is written.
    let mut wrong = 0;
    for digit in pairs.as_flattened_mut() {
        let (figure, letter) = (digit.wrapping_sub(b'0'), digit.wrapping_sub(b'a'));
        *digit = match (figure, letter) {
            (0..10, _) => figure,
            (_, 0..6) => letter + 10,
            _ => NONE,
        };
        wrong |= *digit & NONE;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = high << 4 | low & 15;
    }
    (wrong == 0).then_some(bytes)
}

/// No digit's value, and none of whose bits a digit's has.
const NONE: u8 = 0xf0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_are_those_of_format_and_are_read_again() {
        let bytes: [u8; 256] = std::array::from_fn(|nth| nth as u8);
        let digits = digits(bytes);
        let expected: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digits.as_flattened(), expected.as_bytes());
        assert_eq!(read(digits.as_flattened()), Some(bytes));
    }

    #[test]
    fn what_is_not_digits_in_lower_case_is_not_read() {
        for wrong in [
            "", "0", "000", "0g", "g0", "0A", "A0", "+0", " 0", "0\0", "\u{e9}",
        ] {
            assert_eq!(read::<1>(wrong.as_bytes()), None, "{wrong:?}");
        }
        assert_eq!(read::<1>(b"0a"), Some([10]));
    }
}
