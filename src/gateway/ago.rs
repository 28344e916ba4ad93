//! When the other write was let through, by how long ago that was: for each refusal, so that the date is made once a day.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::policy::rejection::Since;

/// In seconds.
const DAY: u64 = 24 * 60 * 60;

thread_local! {
    /// The day that was told last, and its date.
    static LAST: Cell<(u64, [u8; 10])> = const { Cell::new((0, *b"1970-01-01")) };
}

/// When that was.
pub(super) fn ago(age: Duration) -> Since {
    let at = (SystemTime::now() - age).duration_since(UNIX_EPOCH);
    since(at.unwrap_or_default())
}

fn since(epoch: Duration) -> Since {
    let (day, seconds) = (epoch.as_secs() / DAY, (epoch.as_secs() % DAY) as u32);
    let (mut last, mut date) = LAST.get();
    if last != day {
        (last, date) = (day, date_of(day));
        LAST.set((last, date));
    }
    Since::new(date, seconds * 1000 + epoch.subsec_millis())
}

fn date_of(day: u64) -> [u8; 10] {
    let begun = UNIX_EPOCH + Duration::from_secs(day * DAY);
    let text = humantime::format_rfc3339_seconds(begun).to_string();
    let date = text.as_bytes().first_chunk();
    *date.expect("a moment begins with its date")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_as_everywhere_whatever_was_told_before() {
        for millis in [
            0,
            86_399_999,
            86_400_000,
            1_795_804_140_120,
            951_782_400_000,
            1,
        ] {
            let since_epoch = Duration::from_millis(millis);
            let expected = humantime::format_rfc3339_millis(UNIX_EPOCH + since_epoch);
            assert_eq!(since(since_epoch).to_string(), expected.to_string());
        }
    }
}
