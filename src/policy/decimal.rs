//! Decimal digits, written without the machinery of `format!`: every answer has some.
//!
//! They come about in a register, and go into memory at once: what is read from there in larger pieces than it was written in just before
//! is waited for.

/// As many as a word has room for.
const EACH: u32 = 8;

/// The least number that has more.
const BEYOND: u64 = 10_u64.pow(EACH);

/// A number in decimal digits, at most sixteen.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    /// What is not of the number stands behind it.
    digits: [u8; 2 * EACH as usize],
    count: usize,
}

impl Decimal {
    /// The digits of this, or of the greatest that has sixteen.
    #[inline]
    pub fn new(number: u64) -> Self {
        let number = number.min(BEYOND * BEYOND - 1);
        let (digits, count) = if number < BEYOND {
            let (word, count) = digits(number, 1);
            (word.into(), count)
        } else {
            let (above, count) = digits(number / BEYOND, 1);
            let (below, more) = digits(number % BEYOND, EACH);
            let below = u128::from(below) << (u8::BITS * count);
            (u128::from(above) | below, count + more)
        };
        Self {
            digits: digits.to_le_bytes(),
            count: count as usize,
        }
    }

    /// As they are written.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[..self.count]
    }
}

/// Writes the digits of this behind what is there.
#[inline]
pub fn append(number: u64, out: &mut Vec<u8>) {
    let (word, count) = if number < BEYOND {
        digits(number, 1)
    } else {
        append_beyond(number / BEYOND, out);
        digits(number % BEYOND, EACH)
    };
    let end = out.len() + count as usize;
    out.extend_from_slice(&word.to_le_bytes());
    out.truncate(end);
}

#[cold]
fn append_beyond(number: u64, out: &mut Vec<u8>) {
    append(number, out);
}

/// The digits of a number that is not beyond, the first of them the lowest byte, and how many they are: at least so many, with zeros before.
#[inline]
const fn digits(mut number: u64, least: u32) -> (u64, u32) {
    let (mut word, mut count) = (0, 0);
    loop {
        // What comes before stands before.
        word = (word << u8::BITS) | (b'0' as u64 + number % 10);
        number /= 10;
        count += 1;
        if number == 0 && count >= least {
            return (word, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_as_everywhere() {
        let greatest = BEYOND * BEYOND - 1;
        for number in [
            0,
            7,
            10,
            409,
            BEYOND - 1,
            BEYOND,
            7 * BEYOND + 90,
            greatest,
            u64::MAX,
        ] {
            let decimal = Decimal::new(number);
            assert_eq!(
                decimal.as_bytes(),
                number.min(greatest).to_string().as_bytes()
            );
            let mut out = b"octets: ".to_vec();
            append(number, &mut out);
            assert_eq!(out, format!("octets: {number}").as_bytes());
        }
    }
}
