//! Decimal digits, written without the machinery of `format!`: every answer has some.

/// As many as the greatest number has.
const MOST: usize = 20;

/// Two digits, by what they say: half as many divisions as with one.
static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

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
        while number >= 10 {
            decimal.from -= 2;
            decimal.digits[decimal.from..][..2].copy_from_slice(&PAIRS[(number % 100) as usize]);
            number /= 100;
        }
        if number > 0 || decimal.from == MOST {
            decimal.from -= 1;
            decimal.digits[decimal.from] = b'0' + number as u8;
        }
        decimal
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
        for number in [0, 7, 10, 99, 100, 409, 1005, 70_010, 1_000_000, u64::MAX] {
            let decimal = Decimal::new(number);
            assert_eq!(decimal.as_bytes(), number.to_string().as_bytes());
        }
    }
}
