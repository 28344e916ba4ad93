//! Decimal digits, written without the machinery of `format!`: every answer has some.

/// As many as the greatest number has.
const MOST: usize = 20;

/// A number in decimal digits.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    /// What is not of the number stands first.
    digits: [u8; MOST],
    from: usize,
}

impl Decimal {
    /// The digits of this.
    #[inline]
    pub fn new(mut number: u64) -> Self {
        let mut decimal = Self {
            digits: [b'0'; MOST],
            from: MOST,
        };
        loop {
            decimal.from -= 1;
            decimal.digits[decimal.from] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return decimal;
            }
        }
    }

    /// As they are written.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[self.from..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_as_everywhere() {
        for number in [0, 7, 10, 409, 1_000_000, u64::MAX] {
            let decimal = Decimal::new(number);
            assert_eq!(decimal.as_bytes(), number.to_string().as_bytes());
        }
    }
}
