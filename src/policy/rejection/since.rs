//! When the other write was let through, as an answer tells it (RFC 3339).

use std::fmt;

const LENGTH: usize = "2026-11-23T18:29:00.120Z".len();

/// A moment of a day, in UTC, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since([u8; LENGTH]);

impl Since {
    /// So many milliseconds after the beginning of a day, of which this is the date.
    pub fn new(date: [u8; 10], millis: u32) -> Self {
        let mut text = *b"0000-00-00T00:00:00.000Z";
        text[..10].copy_from_slice(&date);
        let (seconds, millis) = (millis / 1000, millis % 1000);
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        let places = [
            (11, minutes / 60),
            (14, minutes % 60),
            (17, seconds),
            (20, millis / 10),
        ];
        for (at, number) in places {
            text[at] = digit(number / 10);
            text[at + 1] = digit(number % 10);
        }
        text[22] = digit(millis % 10);
        Self(text)
    }

    pub(super) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("a date is ASCII, as the rest")
    }

    pub(super) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const fn digit(number: u32) -> u8 {
    b'0' + (number % 10) as u8
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_moment_is_written_as_everywhere() {
        for millis in [0, 66_540_120, 86_399_999] {
            let at = UNIX_EPOCH + Duration::from_millis(millis.into());
            let expected = humantime::format_rfc3339_millis(at).to_string();
            assert_eq!(Since::new(*b"1970-01-01", millis).to_string(), expected);
        }
    }
}
