//! How long a peer may be waited for while a key, or memory, waits with it.
//!
//! A token bucket of time: it starts full, each octet earns `1 / rate` of a second up to the brim,
//! and waiting spends it. So a peer may be silent for the whole of it once, and must keep the
//! rate on average; time in which nobody waits for the peer costs nothing.

use std::time::Duration;

/// The waiting that one peer has left.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    left: Duration,
    most: Duration,
    /// Octets a second.
    rate: u64,
    /// What is left of the waiting in all, where it has a bound.
    in_all: Option<Duration>,
}

impl Pace {
    /// A peer that may be silent for `most`, and else keeps `rate` octets a second. No rate is
    /// asked of it where that is zero.
    pub const fn new(most: Duration, rate: u64) -> Self {
        Self {
            left: most,
            most,
            rate,
            in_all: None,
        }
    }

    /// The same, but of a peer that is waited for at most so long in all.
    #[must_use]
    pub const fn within(self, in_all: Option<Duration>) -> Self {
        Self { in_all, ..self }
    }

    /// How much longer to wait now.
    pub fn left(&self) -> Duration {
        self.in_all
            .map_or(self.left, |in_all| in_all.min(self.left))
    }

    /// The peer was waited for, and then moved so many octets.
    pub fn moved(&mut self, waited: Duration, octets: u64) {
        let earned = octets
            .saturating_mul(1_000_000)
            .checked_div(self.rate)
            .map_or(self.most, Duration::from_micros);
        self.left = self
            .left
            .saturating_sub(waited)
            .saturating_add(earned)
            .min(self.most);
        self.in_all = self.in_all.map(|in_all| in_all.saturating_sub(waited));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_dribbles_runs_out_and_one_that_keeps_the_rate_does_not() {
        let second = Duration::from_secs(1);
        let mut dribbling = Pace::new(10 * second, 1024);
        let mut steady = dribbling;
        for _ in 0..10 {
            dribbling.moved(second, 1);
            steady.moved(second, 1024);
        }
        assert!(dribbling.left() < Duration::from_millis(20));
        assert_eq!(steady.left(), 10 * second);
    }

    #[test]
    fn what_is_waited_for_in_all_is_never_earned_back() {
        let second = Duration::from_secs(1);
        let mut pace = Pace::new(10 * second, 0).within(Some(3 * second));
        assert_eq!(pace.left(), 3 * second);
        pace.moved(2 * second, u64::MAX);
        assert_eq!(pace.left(), second);
        pace.moved(2 * second, 1);
        assert_eq!(pace.left(), Duration::ZERO);
    }

    #[test]
    fn what_was_fast_before_may_not_be_silent_for_longer() {
        let mut pace = Pace::new(Duration::from_secs(10), 1024);
        pace.moved(Duration::ZERO, u64::MAX);
        assert_eq!(pace.left(), Duration::from_secs(10));
    }
}
