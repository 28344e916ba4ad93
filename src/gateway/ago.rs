//! When the other write was let through, as a refusal tells it: so that the clock of the wall is read once a second, and a date is
//! made once a day.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::policy::key_state::Moment;
use crate::policy::rejection::Since;
use crate::table::Table;

/// In seconds.
const DAY: u64 = 24 * 60 * 60;

/// For how long two clocks are taken to go alike. The one of the wall may be set meanwhile.
const ALIKE: Duration = Duration::from_secs(1);

/// The clock of the wall, as one worker knows it.
#[derive(Debug)]
pub(super) struct Wall {
    /// By whose clock moments are told.
    table: Arc<Table>,
    /// A moment, and when that was.
    read: Cell<Option<(Moment, Duration)>>,
    /// The day that was told last, and its date.
    day: Cell<Option<(u64, [u8; 10])>>,
    /// The moment that was told last, and how: many meet one write that takes long.
    told: Cell<Option<(Moment, Since)>>,
}

impl Wall {
    pub(super) const fn new(table: Arc<Table>) -> Self {
        Self {
            table,
            read: Cell::new(None),
            day: Cell::new(None),
            told: Cell::new(None),
        }
    }

    /// When that was, asked at `now`.
    pub(super) fn at(&self, moment: Moment, now: Moment) -> Since {
        let is_recent = |(read, _): &(Moment, Duration)| now.since(*read) < ALIKE;
        let read = self.read.get().filter(is_recent);
        let (read, epoch) = read.unwrap_or_else(|| self.read());
        if let Some((told, since)) = self.told.get()
            && told == moment
        {
            return since;
        }
        // It was before one of the two, and after the other.
        let epoch = epoch.saturating_sub(read.since(moment)) + moment.since(read);
        let since = self.since(epoch);
        self.told.set(Some((moment, since)));
        since
    }

    /// Both clocks at once: whoever asks may have waited since its `now`.
    fn read(&self) -> (Moment, Duration) {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let read = (self.table.moment(Instant::now()), epoch.unwrap_or_default());
        self.read.set(Some(read));
        self.told.set(None);
        read
    }

    fn since(&self, epoch: Duration) -> Since {
        let (day, seconds) = (epoch.as_secs() / DAY, (epoch.as_secs() % DAY) as u32);
        let told = self.day.get().filter(|(told, _)| *told == day);
        let (_, date) = told.unwrap_or_else(|| {
            let told = (day, date_of(day));
            self.day.set(Some(told));
            told
        });
        Since::new(date, seconds * 1000 + epoch.subsec_millis())
    }
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
        let wall = Wall::new(Table::new(1));
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
            assert_eq!(wall.since(since_epoch).to_string(), expected.to_string());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_of_the_wall_is_read_once_a_second() {
        let wall = Wall::new(Table::new(1));
        let now = |wall: &Wall| wall.table.moment(Instant::now());
        let (begun, told) = (now(&wall), Duration::from_secs(1_000_000));
        wall.read.set(Some((begun, told)));
        tokio::time::advance(Duration::from_millis(999)).await;
        for (age, epoch) in [(0, 1_000_000_999), (999, 1_000_000_000)] {
            let asked = now(&wall);
            let age = Duration::from_millis(age);
            let moment = if age.is_zero() { asked } else { begun };
            assert_eq!(asked.since(moment), age);
            let expected = wall.since(Duration::from_millis(epoch));
            assert_eq!(wall.at(moment, asked), expected);
        }
        // Asked for by one that has waited.
        assert_eq!(wall.at(begun, begun), wall.since(told));
        let asked = now(&wall);
        tokio::time::advance(Duration::from_secs(1)).await;
        let before = SystemTime::now();
        let late = now(&wall);
        assert_eq!(asked.since(begun), Duration::from_millis(999));
        let anew = wall.at(begun, late);
        let (read, epoch) = wall.read.get().expect("it was read");
        assert_eq!(read, late);
        assert!(UNIX_EPOCH + epoch >= before);
        // What was told by the reading before is told anew.
        assert_ne!(anew, wall.since(told));
    }
}
