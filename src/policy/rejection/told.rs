//! How a text comes about, part by part, wherever it is to stand.

use std::time::Duration;

use super::conflict::millis;
use crate::policy::key::Key;

/// What takes a text.
pub(super) trait Told {
    /// Words of ours, or of a method: nothing in them is to be escaped.
    fn say(&mut self, ours: &str);

    /// What others have written.
    fn quote(&mut self, theirs: &str);

    /// A key, as it may be shown.
    fn key(&mut self, key: &Key);

    /// A number.
    fn number(&mut self, number: u64);

    /// In seconds, to the tenth.
    fn time(&mut self, duration: Duration) {
        const TENTHS: [&str; 10] = [
            ".0 s", ".1 s", ".2 s", ".3 s", ".4 s", ".5 s", ".6 s", ".7 s", ".8 s", ".9 s",
        ];
        let tenths = millis(duration).saturating_add(50) / 100;
        self.number(tenths / 10);
        self.say(TENTHS[(tenths % 10) as usize]);
    }
}

/// As it is.
impl Told for String {
    fn say(&mut self, ours: &str) {
        self.push_str(ours);
    }

    fn quote(&mut self, theirs: &str) {
        self.push_str(theirs);
    }

    fn key(&mut self, key: &Key) {
        self.push_str(key.shown());
    }

    fn number(&mut self, number: u64) {
        self.push_str(&number.to_string());
    }
}
