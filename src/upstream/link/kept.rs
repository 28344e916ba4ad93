//! How long a connection of HTTP/1.1 is kept between exchanges, and where.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::pool::Pool;
use crate::policy::head::ResponseHead;
use crate::policy::present::Named;
use crate::wire::Socket;

/// The longest that an idle connection is kept, whatever the backend says.
const KEPT_AT_MOST: Duration = Duration::from_secs(3600);

/// What a connection knows of its place between exchanges.
pub(super) struct Kept<S: Socket> {
    pub(super) home: Rc<Pool<S>>,
    is_reused: bool,
    /// How long it may be idle.
    patience: Duration,
    idle_until: Instant,
}

impl<S: Socket> Kept<S> {
    /// Of a connection that was just made.
    pub(super) fn new(home: &Rc<Pool<S>>) -> Self {
        Self {
            home: Rc::clone(home),
            is_reused: false,
            patience: Duration::ZERO,
            idle_until: Instant::now(),
        }
    }

    /// Whether another exchange came before.
    pub(super) const fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// Whether the backend would still keep it.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now < self.idle_until
    }

    /// Takes note of how long the backend says that it keeps an idle connection.
    pub(super) fn heed(&mut self, response: &ResponseHead) {
        let hint = response
            .fields
            .value(Named::KeepAlive)
            .and_then(|value| keep_alive_timeout(str::from_utf8(value).ok()?));
        // Let go a second before the backend does, or at half the time where that is less.
        let patience = hint.map_or(self.home.idle_timeout, |hint| {
            let hint = hint.min(KEPT_AT_MOST);
            hint.saturating_sub(Duration::from_secs(1)).max(hint / 2)
        });
        self.patience = patience;
    }

    /// An exchange is over, and the connection is idle since then.
    pub(super) fn rest(&mut self, since: Instant) {
        self.is_reused = true;
        self.idle_until = since + self.patience;
    }
}

/// The `timeout` parameter of a `Keep-Alive` field, in seconds.
fn keep_alive_timeout(value: &str) -> Option<Duration> {
    let seconds = value.split(',').find_map(|parameter| {
        let (name, seconds) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("timeout")
            .then(|| seconds.trim().parse().ok())?
    })?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_of_a_keep_alive_field_is_found() {
        assert_eq!(
            keep_alive_timeout("timeout=5"),
            Some(Duration::from_secs(5))
        );
        assert_eq!(
            keep_alive_timeout("max=100, Timeout = 15"),
            Some(Duration::from_secs(15))
        );
        assert_eq!(keep_alive_timeout("max=100"), None);
        assert_eq!(keep_alive_timeout("timeout=soon"), None);
    }
}
