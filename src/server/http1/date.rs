//! The date of a response that comes without one (RFC 9110 §6.6.1): its line is written once a second.

use std::cell::RefCell;
use std::time::{Duration, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::wire::encode_line;

thread_local! {
    /// The second that was written last, and its line.
    static LAST: RefCell<(u64, Vec<u8>)> = const { RefCell::new((0, Vec::new())) };
}

/// Writes the line of the date as it is now.
pub(super) fn encode_date(out: &mut Vec<u8>) {
    // It may be some milliseconds behind, and is told in seconds.
    let now = clock_gettime(ClockId::RealtimeCoarse);
    let second = u64::try_from(now.tv_sec).unwrap_or(0);
    LAST.with_borrow_mut(|(last, written)| {
        if *last != second || written.is_empty() {
            *last = second;
            written.clear();
            let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second));
            encode_line(b"date", date.as_bytes(), written);
        }
        out.extend_from_slice(written);
    });
}
