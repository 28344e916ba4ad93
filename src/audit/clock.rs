//! Times as servers write them, to microseconds since the epoch.
//!
//! A log has many lines of one second: the last second that was read is kept, and read again only when it is another.

const MICROS: i64 = 1_000_000;

/// Reads times; one for a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    /// The text of the last second, and which that was, as if it were in UTC.
    last: Vec<u8>,
    second: i64,
}

/// A time that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Microseconds since the epoch.
    pub(super) at: i64,
    /// How much of a second its last digit stands for, in microseconds.
    pub(super) resolution: u32,
    /// Bytes of its text.
    pub(super) length: usize,
}

impl Clock {
    /// `10/Oct/2000:13:55:36 -0700`, with a fraction of the second or without, with a zone or without (then UTC).
    pub(super) fn civil(&mut self, text: &[u8]) -> Option<Moment> {
        self.read(text, 20, civil_second)
    }

    /// `2016-04-15T20:17:00.310Z`, in the same ways.
    pub(super) fn iso(&mut self, text: &[u8]) -> Option<Moment> {
        self.read(text, 19, iso_second)
    }

    fn read(
        &mut self,
        text: &[u8],
        length: usize,
        second: fn(&[u8]) -> Option<i64>,
    ) -> Option<Moment> {
        let (whole, rest) = text.split_at_checked(length)?;
        if self.last != whole {
            self.second = second(whole)?;
            self.last.clear();
            self.last.extend_from_slice(whole);
        }
        let (fraction, resolution, digits) = match rest {
            [b'.' | b',', digits @ ..] => fraction(digits)?,
            _ => (0, 1_000_000, 0),
        };
        let after = if digits == 0 { 0 } else { digits + 1 };
        let (zone, zone_length) = zone(&rest[after..]);
        Some(Moment {
            at: (self.second - zone) * MICROS + fraction,
            resolution,
            length: length + after + zone_length,
        })
    }
}

/// A number with or without a fraction, in millionths: `0.123` is 123,000.
pub(super) fn millionths(text: &[u8]) -> Option<i64> {
    let (whole, rest) = match memchr::memchr(b'.', text) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let whole = integer(whole)?.checked_mul(MICROS)?;
    match rest {
        None => Some(whole),
        Some(digits) => {
            let (part, _, length) = fraction(digits)?;
            (length == digits.len()).then(|| whole.checked_add(part))?
        }
    }
}

/// Digits and nothing else; at most 17, so that what is made of them cannot run over.
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 17 {
        return None;
    }
    text.iter().try_fold(0, |value, byte| {
        byte.is_ascii_digit()
            .then(|| value * 10 + i64::from(byte - b'0'))
    })
}

/// The millionths that the digits at the begin of `text` say, what the last of them stands for, and how many there are.
fn fraction(text: &[u8]) -> Option<(i64, u32, usize)> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let (mut value, mut unit) = (0, MICROS);
    for byte in text[..digits].iter().take(6) {
        unit /= 10;
        value += i64::from(byte - b'0') * unit;
    }
    Some((value, u32::try_from(unit).ok()?, digits))
}

/// ` -0700`, `+02:00` or `Z`: seconds east of Greenwich, and the length of the text.
fn zone(text: &[u8]) -> (i64, usize) {
    let space = usize::from(text.first() == Some(&b' '));
    let (sign, digits) = match &text[space..] {
        [b'Z', ..] => return (0, space + 1),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return (0, 0),
    };
    let (hours, minutes, length) = match digits {
        [h, i, b':', m, n, ..] => ([*h, *i], [*m, *n], 6),
        [h, i, m, n, ..] => ([*h, *i], [*m, *n], 5),
        _ => return (0, 0),
    };
    match (integer(&hours), integer(&minutes)) {
        (Some(hours), Some(minutes)) => (sign * (hours * 3600 + minutes * 60), space + length),
        _ => (0, 0),
    }
}

fn civil_second(text: &[u8]) -> Option<i64> {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let [
        d,
        e,
        b'/',
        a,
        b,
        c,
        b'/',
        year @ ..,
        b':',
        _,
        _,
        b':',
        _,
        _,
        b':',
        _,
        _,
    ] = text
    else {
        return None;
    };
    let name = [*a, *b, *c];
    let month = MONTHS.chunks(3).position(|month| month == name)?;
    let day = integer(&[*d, *e])?;
    let month = i64::try_from(month).ok()? + 1;
    since_epoch(integer(year)?, month, day, &text[text.len() - 8..])
}

fn iso_second(text: &[u8]) -> Option<i64> {
    let [
        year @ ..,
        b'-',
        m,
        n,
        b'-',
        d,
        e,
        b'T' | b' ',
        _,
        _,
        b':',
        _,
        _,
        b':',
        _,
        _,
    ] = text
    else {
        return None;
    };
    let (month, day) = (integer(&[*m, *n])?, integer(&[*d, *e])?);
    since_epoch(integer(year)?, month, day, &text[text.len() - 8..])
}

/// The day by Howard Hinnant's `days_from_civil`, which holds for the Gregorian calendar without end.
fn since_epoch(year: i64, month: i64, day: i64, time: &[u8]) -> Option<i64> {
    let [h, i, _, m, n, _, s, t] = time else {
        return None;
    };
    let (hour, minute) = (integer(&[*h, *i])?, integer(&[*m, *n])?);
    let second = integer(&[*s, *t])?;
    let is_time = hour < 24 && minute < 60 && second < 61;
    if !is_time || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(moment: Option<Moment>) -> (i64, u32, usize) {
        let moment = moment.unwrap();
        (moment.at, moment.resolution, moment.length)
    }

    #[test]
    fn times_are_read_in_every_way_that_they_are_written() {
        let mut clock = Clock::default();
        let second = 971_211_336 * MICROS;
        for (text, fraction, resolution) in [
            ("10/Oct/2000:13:55:36 -0700", 0, 1_000_000),
            ("10/Oct/2000:20:55:36 +0000", 0, 1_000_000),
            ("10/Oct/2000:20:55:36", 0, 1_000_000),
            ("10/Oct/2000:20:55:36.250", 250_000, 1_000),
            ("10/Oct/2000:13:55:36.123456 -0700", 123_456, 1),
        ] {
            let expected = (second + fraction, resolution, text.len());
            assert_eq!(at(clock.civil(text.as_bytes())), expected, "{text}");
        }
        for text in [
            "2000-10-10T20:55:36Z",
            "2000-10-10T22:55:36+02:00",
            "2000-10-10T22:55:36+0200",
        ] {
            let expected = (second, 1_000_000, text.len());
            assert_eq!(at(clock.iso(text.as_bytes())), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        let mut clock = Clock::default();
        for text in [
            "",
            "10/Oct/2000",
            "10/Okt/2000:13:55:36",
            "40/Oct/2000:13:55:36",
            "10/Oct/2000:25:55:36",
            "10/Oct/2000 13:55:36",
            "xx/Oct/2000:13:55:36",
        ] {
            assert_eq!(clock.civil(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn numbers_keep_their_millionths() {
        assert_eq!(millionths(b"0.123"), Some(123_000));
        assert_eq!(millionths(b"1732418138.705"), Some(1_732_418_138_705_000));
        assert_eq!(millionths(b"7"), Some(7 * MICROS));
        for text in [
            &b""[..],
            b"-",
            b".5",
            b"1.",
            b"1.x",
            b"1.5x",
            b"-1",
            b"123456789012345678",
        ] {
            assert_eq!(millionths(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_second_is_the_one_that_was_written(second in 0_i64..4_000_000_000) {
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(second.unsigned_abs());
            let text = humantime::format_rfc3339_seconds(time).to_string();
            prop_assert_eq!(at(Clock::default().iso(text.as_bytes())).0, second * MICROS);
        }
    }
}
