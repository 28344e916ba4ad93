//! What the demonstration says of its figures: the table, and whether the gateway kept its promise.
//!
//! Invariant: no figure and no judgement stands here that does not come from what was counted.

use std::fmt::{self, Display, Write};

use super::burst::Figures;

/// What became of the increments that went through the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The backend counted each, once.
    Kept,
    /// So many were answered as done, and are not in the count.
    Lost(u64),
    /// None is lost, but so many were not done: their clients had no answer.
    Unanswered(u64),
    /// The backend counted so many more than were sent.
    Repeated(u64),
}

/// Straight at the backend, and through the gateway.
pub(super) struct Report {
    pub(super) straight: Figures,
    pub(super) through: Figures,
}

impl Verdict {
    /// Whether all is as it should be.
    pub fn is_kept(self) -> bool {
        self == Self::Kept
    }

    /// What the process that shows it ends with.
    pub fn exit_code(self) -> u8 {
        u8::from(!self.is_kept())
    }
}

impl Figures {
    /// Done, as far as their clients know, and not there.
    fn lost(&self) -> u64 {
        self.answered.saturating_sub(self.counted)
    }

    fn verdict(&self) -> Verdict {
        if self.lost() > 0 {
            Verdict::Lost(self.lost())
        } else if self.counted > self.sent {
            Verdict::Repeated(self.counted - self.sent)
        } else if self.counted < self.sent {
            Verdict::Unanswered(self.sent - self.counted)
        } else {
            Verdict::Kept
        }
    }
}

impl Report {
    pub(super) fn verdict(&self) -> Verdict {
        self.through.verdict()
    }

    /// A row for each figure.
    fn table(&self) -> String {
        let row = |name: &str, figure: fn(&Figures) -> String| {
            [
                name.to_owned(),
                figure(&self.straight),
                figure(&self.through),
            ]
        };
        let rows = [
            ["", "straight", "through writegate"].map(str::to_owned),
            row("increments sent", |figures| figures.sent.to_string()),
            row("answered with 200", |figures| figures.answered.to_string()),
            row("counted by the backend", |figures| {
                figures.counted.to_string()
            }),
            row("lost", |figures| figures.lost().to_string()),
            row("409s met", |figures| figures.conflicts.to_string()),
            row("time taken", |figures| {
                format!("{:.1} s", figures.took.as_secs_f64())
            }),
        ];
        let mut table = String::new();
        for [name, straight, through] in rows {
            // Writing to a String cannot fail.
            let _infallible = writeln!(table, "  {name:<22}  {straight:>8}  {through:>17}");
        }
        table
    }

    fn of_the_backend(&self) -> String {
        let Figures { sent, counted, .. } = self.straight;
        match self.straight.lost() {
            0 => "Straight at the backend nothing was lost this time: no two increments of one item met.".to_owned(),
            lost => format!(
                "Straight at the backend, {lost} of {sent} increments were answered with 200 and are gone: each was\n\
                 overwritten by another that had read the count before it. The stock is up by {counted}."
            ),
        }
    }

    fn of_the_gateway(&self) -> String {
        let Figures { conflicts, .. } = self.through;
        match self.verdict() {
            Verdict::Kept => format!(
                "Through writegate all are there. An increment that met another was answered with 409 instead of\n\
                 being forwarded, {conflicts} times, and sent again after the time that the 409 names. This takes longer,\n\
                 since the increments of one item no longer happen at once, but one after the other."
            ),
            Verdict::Lost(count) => {
                format!("Through writegate {count} were LOST. That must not be.")
            }
            Verdict::Unanswered(count) => format!(
                "Through writegate none was lost, but {count} were not done: no answer with 200 came for them."
            ),
            Verdict::Repeated(count) => {
                format!("Through writegate {count} more were counted than sent. That must not be.")
            }
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (table, backend, gateway) =
            (self.table(), self.of_the_backend(), self.of_the_gateway());
        writeln!(f, "{table}\n{backend}\n{gateway}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn figures(answered: u64, counted: u64) -> Figures {
        Figures {
            sent: 200,
            answered,
            counted,
            conflicts: 300,
            took: Duration::from_millis(1234),
        }
    }

    #[test]
    fn only_when_each_increment_is_there_once_the_promise_is_kept() {
        for (answered, counted, verdict) in [
            (200, 200, Verdict::Kept),
            (200, 199, Verdict::Lost(1)),
            (200, 0, Verdict::Lost(200)),
            (199, 198, Verdict::Lost(1)),
            (199, 199, Verdict::Unanswered(1)),
            // Done, though its client had no answer.
            (199, 200, Verdict::Kept),
            (200, 201, Verdict::Repeated(1)),
        ] {
            let report = Report {
                straight: figures(200, 50),
                through: figures(answered, counted),
            };
            assert_eq!(report.verdict(), verdict, "{answered} {counted}");
            assert_eq!(report.verdict().is_kept(), counted == 200);
            assert_eq!(report.verdict().exit_code(), u8::from(counted != 200));
        }
    }

    #[test]
    fn the_report_tells_the_figures_and_what_they_mean() {
        let report = |straight, through| Report { straight, through }.to_string();
        let told = report(figures(200, 53), figures(200, 200));
        for part in [
            "  lost                         147                  0\n",
            "  409s met                     300                300\n",
            "  time taken                 1.2 s              1.2 s\n",
            "147 of 200 increments were answered with 200 and are gone",
            "up by 53.",
            "Through writegate all are there.",
        ] {
            assert!(told.contains(part), "{part:?} is not in\n{told}");
        }
        let told = report(figures(200, 200), figures(200, 198));
        assert!(told.contains("nothing was lost this time"), "{told}");
        assert!(told.contains("2 were LOST"), "{told}");
    }
}
