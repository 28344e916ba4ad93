//! The date of a response that comes without one (RFC 9110 §6.6.1): written once a second.

use std::cell::RefCell;
use std::time::SystemTime;

thread_local! {
    /// The second that was written last, and how.
    static LAST: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

/// Gives `write` the date as it is now.
pub(super) fn with_date(write: impl FnOnce(&str)) {
    let now = SystemTime::now();
    let since = now.duration_since(SystemTime::UNIX_EPOCH);
    let second = since.map_or(0, |since| since.as_secs());
    LAST.with_borrow_mut(|(last, written)| {
        if *last != second || written.is_empty() {
            *last = second;
            *written = httpdate::fmt_http_date(now);
        }
        write(written);
    });
}
