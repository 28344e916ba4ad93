//! Looks into the table while a run goes on: no two live in it that may not, and none with a part of its keys.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::sleep;
use triomphe::Arc;
use writegate::policy::Mode;
use writegate::policy::key_state::{HoldId, Holder, Phase};
use writegate::table::{Mark, Writer};

use super::Run;

/// Looks now and then, for as long as it is polled.
pub(super) async fn look(run: Rc<Run>) {
    loop {
        let pause = run.draw(|rng| rng.u64(5..90));
        sleep(Duration::from_millis(pause)).await;
        for complaint in complaints(&run) {
            run.book.complain(complaint);
        }
    }
}

/// A holder as it was.
#[derive(Debug)]
struct Seen {
    writer: Arc<Writer>,
    mode: Mode,
    phase: Phase,
}

impl From<Holder<'_, Mark>> for Seen {
    fn from(holder: Holder<'_, Mark>) -> Self {
        Self {
            writer: Arc::clone(holder.writer),
            mode: holder.mode,
            phase: holder.phase,
        }
    }
}

fn complaints(run: &Run) -> Vec<String> {
    let mut by_hold: HashMap<HoldId, usize> = HashMap::new();
    let mut by_key: HashMap<String, Vec<Seen>> = HashMap::new();
    let mut complaints = Vec::new();
    run.at.table.for_each(|key, holder| {
        let holder = Seen::from(holder);
        *by_hold.entry(holder.writer.id).or_default() += usize::from(!holder.mode.is_intention());
        let others = by_key.entry(key.as_str().to_owned()).or_default();
        let beside = others.iter().find(|other| meets(other, &holder));
        if beside.is_some() {
            complaints.push(format!("two hold {key:?}: {holder:?} and {beside:?}"));
        }
        others.push(holder);
    });
    for holder in by_key.values().flatten() {
        let expected = if holder.writer.method() == "MOVE" {
            2
        } else {
            1
        };
        let held = by_hold[&holder.writer.id];
        if held != expected {
            complaints.push(format!("{holder:?} holds {held} keys"));
        }
    }
    complaints
}

/// Whether two may not be beside each other. One of unknown outcome may be there past its time.
fn meets(one: &Seen, other: &Seen) -> bool {
    let is_compatible: fn(Mode, Mode) -> bool = Mode::is_compatible_with;
    one.phase == Phase::InFlight
        && other.phase == Phase::InFlight
        && one.writer.family != other.writer.family
        && !is_compatible(one.mode, other.mode)
}
