//! Hexadecimal digits, written without the machinery of `format!`: every request has some.

/// Writes `bytes`, each as two digits in lower case, into `digits`, which has room for just these.
pub fn write(bytes: &[u8], digits: &mut [u8]) {
    debug_assert_eq!(digits.len(), 2 * bytes.len());
    for (byte, pair) in bytes.iter().zip(digits.chunks_exact_mut(2)) {
        pair[0] = digit(byte >> 4);
        pair[1] = digit(byte & 15);
    }
}

/// By arithmetic, so that the compiler can make many at once.
const fn digit(nibble: u8) -> u8 {
    let letters = if nibble > 9 { b'a' - b'9' - 1 } else { 0 };
    nibble + b'0' + letters
}

#[cfg(test)]
mod tests {
    use super::write;

    #[test]
    fn the_digits_are_those_of_format() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut digits = vec![0; 512];
        write(&bytes, &mut digits);
        let expected: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digits, expected.as_bytes());
    }
}
