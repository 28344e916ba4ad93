//! How a write has a resource key: the modes of multiple granularity locking, and which of them go together.
//!
//! Source: Gray, Lorie, Putzolu and Traiger, "Granularity of Locks and Degrees of Consistency in a Shared Data Base" (1976),
//! section 2. An intention on a key announces a claim on a key below it.

/// How a key is had. What stands later is at least as strong, but that [`Mode::Shared`] and
/// [`Mode::IntentionExclusive`] are not to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// A key below it is shared (IS).
    IntentionShared,
    /// A key below it is had alone (IX).
    IntentionExclusive,
    /// It and all below it are shared (S).
    Shared,
    /// It and all below it are shared, and a key below it is had alone (SIX).
    SharedIntentionExclusive,
    /// It and all below it are had alone (X).
    Exclusive,
}

impl Mode {
    /// Every mode, in their order.
    pub const ALL: [Self; 5] = [
        Self::IntentionShared,
        Self::IntentionExclusive,
        Self::Shared,
        Self::SharedIntentionExclusive,
        Self::Exclusive,
    ];

    /// Whether one write may have a key in this mode while another has it in the other.
    pub const fn is_compatible_with(self, other: Self) -> bool {
        !self.conflicts().contains(other)
    }

    /// The modes beside which it may not be.
    pub const fn conflicts(self) -> Modes {
        const IS: Modes = Modes::of(Mode::IntentionShared);
        const IX: Modes = Modes::of(Mode::IntentionExclusive);
        const S: Modes = Modes::of(Mode::Shared);
        const SIX: Modes = Modes::of(Mode::SharedIntentionExclusive);
        const X: Modes = Modes::of(Mode::Exclusive);
        match self {
            Self::IntentionShared => X,
            Self::IntentionExclusive => S.and(SIX).and(X),
            Self::Shared => IX.and(SIX).and(X),
            Self::SharedIntentionExclusive => IX.and(S).and(SIX).and(X),
            Self::Exclusive => IS.and(IX).and(S).and(SIX).and(X),
        }
    }

    /// The weakest mode that is as strong as both.
    pub fn join(self, other: Self) -> Self {
        match (self.min(other), self.max(other)) {
            (Self::IntentionExclusive, Self::Shared) => Self::SharedIntentionExclusive,
            (_, stronger) => stronger,
        }
    }

    /// What it announces on every key above.
    pub const fn intention(self) -> Self {
        match self {
            Self::IntentionShared | Self::Shared => Self::IntentionShared,
            Self::IntentionExclusive | Self::SharedIntentionExclusive | Self::Exclusive => {
                Self::IntentionExclusive
            }
        }
    }

    /// Whether who has a key in this mode has what stands below it in the other.
    pub fn covers_below(self, other: Self) -> bool {
        match self {
            Self::IntentionShared | Self::IntentionExclusive => false,
            Self::Shared | Self::SharedIntentionExclusive => {
                Self::Shared.join(other) == Self::Shared
            }
            Self::Exclusive => true,
        }
    }

    /// Whether it only announces a claim on a key below.
    pub const fn is_intention(self) -> bool {
        matches!(self, Self::IntentionShared | Self::IntentionExclusive)
    }
}

/// Some of the modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes(u8);

impl Modes {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// This one.
    pub const fn of(mode: Mode) -> Self {
        Self(1 << mode as u8)
    }

    /// Those of both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are in both.
    pub const fn shared_with(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether `mode` is one of them.
    pub const fn contains(self, mode: Mode) -> bool {
        self.0 & Self::of(mode).0 != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table 1 of the paper, as it is printed: rows and columns IS, IX, S, SIX, X.
    #[test]
    fn the_modes_go_together_as_the_paper_says() {
        const YES: [[bool; 5]; 5] = [
            [true, true, true, true, false],
            [true, true, false, false, false],
            [true, false, true, false, false],
            [true, false, false, false, false],
            [false, false, false, false, false],
        ];
        for (row, one) in Mode::ALL.iter().enumerate() {
            for (column, other) in Mode::ALL.iter().enumerate() {
                let expected = YES[row][column];
                assert_eq!(
                    one.is_compatible_with(*other),
                    expected,
                    "{one:?} {other:?}"
                );
            }
        }
    }

    #[test]
    fn a_join_conflicts_with_all_that_one_of_the_two_does_and_nothing_weaker_would() {
        for one in Mode::ALL {
            for other in Mode::ALL {
                let both = one.conflicts().and(other.conflicts());
                let join = one.join(other);
                assert_eq!(join, other.join(one));
                assert_eq!(both.and(join.conflicts()), join.conflicts());
                let weaker = Mode::ALL.into_iter().filter(|mode| *mode < join);
                for mode in weaker.filter(|mode| mode.join(join) == join) {
                    let covers = mode.join(one) == mode && mode.join(other) == mode;
                    assert!(!covers, "{one:?} {other:?} {mode:?}");
                }
            }
        }
    }
}
