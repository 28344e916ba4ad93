//! What a gateway would have done on one key: each write, in the order of their begins, is let through or refused.
//!
//! A write that is refused takes no hold, so it refuses nobody: of three writes that overlap, two are refused only if both
//! meet the one that was let through. Clients are taken to give up; one that comes again is not in the log.
//!
//! Every question is asked twice, of overlaps that are certain and of those that are possible.

use super::span::{Meeting, Span};

/// What came of a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// It would have been refused.
    pub(super) refused: bool,
    /// It would have been let through beside another, because one of the two is only observed.
    pub(super) observed: bool,
    /// It would have been refused, were no write only observed.
    pub(super) refused_if_all_are_guarded: bool,
}

/// Who has one key.
#[derive(Clone, Copy, Debug, Default)]
struct Holders {
    guarded: Option<Span>,
    any: Option<Span>,
    if_all_are_guarded: Option<Span>,
}

/// Who has one key, by certain overlaps and by possible ones.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gate([Holders; 2]);

/// The two ways to look at an overlap: the one that counts as one.
pub(super) const VIEWS: [Meeting; 2] = [Meeting::Certain, Meeting::Possible];

impl Gate {
    /// What this key alone says of a write.
    pub(super) fn ask(&self, span: &Span, is_observed: bool, view: usize) -> Verdict {
        let holders = &self.0[view];
        let meets =
            |holder: &Option<Span>| holder.is_some_and(|holder| holder.meets(span) >= VIEWS[view]);
        Verdict {
            refused: !is_observed && meets(&holders.guarded),
            observed: meets(&holders.any),
            refused_if_all_are_guarded: meets(&holders.if_all_are_guarded),
        }
    }

    /// Holds this key for a write, as far as `verdict`, which all its keys have come to, lets it through.
    pub(super) fn hold(&mut self, span: &Span, is_observed: bool, view: usize, verdict: Verdict) {
        let holders = &mut self.0[view];
        if !verdict.refused {
            later(&mut holders.any, span);
            if !is_observed {
                later(&mut holders.guarded, span);
            }
        }
        if !verdict.refused_if_all_are_guarded {
            later(&mut holders.if_all_are_guarded, span);
        }
    }
}

impl Verdict {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            refused: self.refused || other.refused,
            observed: self.observed || other.observed,
            refused_if_all_are_guarded: self.refused_if_all_are_guarded
                || other.refused_if_all_are_guarded,
        }
    }
}

/// Of two that were let through, the one that ends later is met by whoever meets the other from now on.
fn later(holder: &mut Option<Span>, span: &Span) {
    if holder.is_none_or(|holder| holder.over() <= span.over()) {
        *holder = Some(*span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(writes: &[(i64, i64, bool)]) -> Vec<(bool, bool, bool)> {
        let mut gate = Gate::default();
        let mut verdicts = Vec::new();
        for (start, end, is_observed) in writes {
            let span = Span {
                start: *start,
                end: *end,
                ..Span::default()
            };
            let verdict = gate.ask(&span, *is_observed, 0);
            gate.hold(&span, *is_observed, 0, verdict);
            verdicts.push((
                verdict.refused,
                verdict.observed && !verdict.refused,
                verdict.refused_if_all_are_guarded,
            ));
        }
        verdicts
    }

    #[test]
    fn a_refused_write_refuses_nobody() {
        let writes = [(0, 10, false), (5, 20, false), (12, 30, false)];
        assert_eq!(
            refused(&writes),
            [
                (false, false, false),
                (true, false, true),
                (false, false, false)
            ]
        );
    }

    #[test]
    fn an_observed_write_is_let_through_and_refuses_nobody() {
        let writes = [(0, 10, true), (5, 20, false), (6, 7, true), (8, 9, false)];
        assert_eq!(
            refused(&writes),
            [
                (false, false, false),
                (false, true, true),
                (false, true, true),
                (true, false, true)
            ]
        );
    }
}
