//! When a request was at work, as far as the line that was logged of it can tell, and what that says of two of them.
//!
//! Microseconds since the epoch, as integers. A log cuts its times off, so that a begin and an end are each known as a
//! range. Two requests overlap *certainly* if they do wherever in their ranges the times lie, *possibly* if there is a
//! place for them where they do. Begin and end of one request move together, but the begin of one is only ever compared
//! with the end of the other: so each comparison may be made by itself.

/// When a request was at work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// The earliest moment at which it may have begun.
    pub(crate) start: i64,
    /// The earliest at which it may have ended.
    pub(crate) end: i64,
    /// By how much it began later at most, exclusive.
    pub(crate) start_slack: u32,
    /// By how much it ended later at most, exclusive.
    pub(crate) end_slack: u32,
}

/// How two requests met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Meeting {
    /// They did not overlap, or not as far as the log can tell.
    None,
    /// They may have.
    Possible,
    /// They did.
    Certain,
}

impl Span {
    /// The moment at which it had ended in any case.
    pub(crate) fn over(&self) -> i64 {
        self.end + i64::from(self.end_slack)
    }

    /// The moment at which it had begun in any case.
    pub(crate) fn begun(&self) -> i64 {
        self.start + i64::from(self.start_slack)
    }

    /// How it met another.
    pub(crate) fn meets(&self, other: &Self) -> Meeting {
        if self.start >= other.over() || other.start >= self.over() {
            Meeting::None
        } else if self.begun() <= other.end && other.begun() <= self.end {
            Meeting::Certain
        } else {
            Meeting::Possible
        }
    }

    /// For how long both were at work: at least, and at most. What `crowd` finds without comparing each with each.
    #[cfg(test)]
    pub(crate) fn shared(&self, other: &Self) -> (i64, i64) {
        let least = self
            .shortest()
            .min(other.shortest())
            .min(self.end - other.begun())
            .min(other.end - self.begun());
        let most = self
            .longest()
            .min(other.longest())
            .min(self.over() - other.start)
            .min(other.over() - self.start);
        (least.max(0), most.max(0))
    }

    /// How long it took at least.
    pub(super) fn shortest(&self) -> i64 {
        self.end - self.start
    }

    /// How long it took at most: begin and end are cut off to the same resolution; where the end has more slack, it is that of the duration.
    pub(super) fn longest(&self) -> i64 {
        let slack = i64::from(self.end_slack.saturating_sub(self.start_slack));
        self.end - self.start + slack
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: i64, end: i64, slack: u32) -> Span {
        Span {
            start,
            end,
            start_slack: slack,
            end_slack: slack,
        }
    }

    #[test]
    fn exact_times_leave_nothing_open() {
        let first = span(0, 10, 0);
        for (start, end, meeting) in [
            (10, 20, Meeting::None),
            (9, 20, Meeting::Certain),
            (2, 3, Meeting::Certain),
            (-5, 0, Meeting::None),
        ] {
            let other = span(start, end, 0);
            assert_eq!(first.meets(&other), meeting, "{other:?}");
            assert_eq!(other.meets(&first), meeting, "{other:?}");
        }
        assert_eq!(first.shared(&span(9, 20, 0)), (1, 1));
        assert_eq!(first.shared(&span(2, 3, 0)), (1, 1));
    }

    #[test]
    fn whole_seconds_make_an_overlap_of_less_a_possible_one() {
        let first = span(0, 1500, 1000);
        assert_eq!(first.meets(&span(1000, 2000, 1000)), Meeting::Possible);
        assert_eq!(first.meets(&span(0, 1500, 1000)), Meeting::Certain);
        assert_eq!(first.meets(&span(3000, 4000, 1000)), Meeting::None);
        assert_eq!(first.shared(&span(0, 1500, 1000)), (500, 1500));
        let instant = span(0, 0, 1000);
        assert_eq!(instant.meets(&instant), Meeting::Possible);
    }
}
