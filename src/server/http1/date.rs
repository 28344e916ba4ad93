//! The date of a response that comes without one (RFC 9110 §6.6.1): its line is written once a second.

use std::cell::RefCell;
use std::time::SystemTime;

use crate::wire::encode_line;

thread_local! {
    /// The second that was written last, and its line.
    static LAST: RefCell<(u64, Vec<u8>)> = const { RefCell::new((0, Vec::new())) };
}

/// Writes the line of the date as it is now.
pub(super) fn encode_date(out: &mut Vec<u8>) {
    let now = SystemTime::now();
    let since = now.duration_since(SystemTime::UNIX_EPOCH);
    let second = since.map_or(0, |since| since.as_secs());
    LAST.with_borrow_mut(|(last, written)| {
        if *last != second || written.is_empty() {
            *last = second;
            written.clear();
            encode_line(b"date", httpdate::fmt_http_date(now).as_bytes(), written);
        }
        out.extend_from_slice(written);
    });
}
