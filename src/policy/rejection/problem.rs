//! The problem document (RFC 9457), written part by part into the bytes that are sent.
//!
//! Invariant: whatever others have written is escaped; what is written as it is has no character that would have to be.

use http::HeaderValue;

use super::since::Since;
use super::told::Told;
use crate::policy::decimal::Decimal;
use crate::policy::key::Key;

/// The room for one: most need no more.
const ROOM: usize = 768;

/// A document on its way.
pub(super) struct Json(Vec<u8>);

impl Json {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(ROOM))
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// How much was written.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of a field.
    pub(super) fn value(&mut self, value: &HeaderValue) {
        self.0.extend_from_slice(value.as_bytes());
    }

    /// What is ASCII digits and signs.
    pub(super) fn since(&mut self, since: &Since) {
        self.0.extend_from_slice(since.as_bytes());
    }

    /// An array of these.
    pub(super) fn keys(&mut self, keys: &[Key]) {
        for (nth, key) in keys.iter().enumerate() {
            self.say(if nth == 0 { "[\"" } else { "\",\"" });
            self.key(key);
        }
        self.say("\"]");
    }

    /// What a library knows how to write.
    #[cold]
    fn escape(&mut self, text: &str) {
        let start = self.0.len();
        serde_json::to_writer(&mut self.0, text)
            .expect("a text can be written as JSON, and to memory");
        // It stands in quotes already.
        self.0.pop();
        self.0.remove(start);
    }
}

impl Told for Json {
    #[inline]
    fn say(&mut self, ours: &str) {
        self.0.extend_from_slice(ours.as_bytes());
    }

    fn quote(&mut self, theirs: &str) {
        if are_plain(theirs.as_bytes()) {
            self.say(theirs);
        } else {
            self.escape(theirs);
        }
    }

    fn key(&mut self, key: &Key) {
        // That it is text need not be found out.
        let bytes = key.shown_bytes();
        if are_plain(bytes) {
            self.0.extend_from_slice(bytes);
        } else {
            self.escape(key.shown());
        }
    }

    fn number(&mut self, number: u64) {
        match u8::try_from(number) {
            Ok(digit @ 0..=9) => self.0.push(b'0' + digit),
            Ok(_) | Err(_) => self.0.extend_from_slice(Decimal::new(number).as_bytes()),
        }
    }
}

/// Whether each of these stands for itself in a string.
fn are_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| PLAIN[usize::from(*byte)])
}

/// Those that do (RFC 8259 §7).
static PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut control = 0;
    while control < 0x20 {
        plain[control] = false;
        control += 1;
    }
    plain[b'"' as usize] = false;
    plain[b'\\' as usize] = false;
    plain
};

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::super::tests::{answered, answers};
    use super::super::{Ending, Form, Rejection, samples};
    use super::*;
    use crate::policy::key::Keys;

    #[test]
    fn whatever_stands_in_it_is_read_again_as_it_was() {
        for text in ["order:7", "a\"b\\c\n\u{1}\u{7f}\u{2028}ä😀", ""] {
            let Rejection::Conflict(mut conflict) = samples::conflict(None) else {
                panic!("it is one");
            };
            conflict.keys = Keys::from_iter([Key::new(text), Key::new("b"), Key::new(text)]);
            conflict.holder_route = text.into();
            conflict.ending = Ending::Waited(Duration::from_millis(90_061_550));
            conflict.retry_after = Duration::ZERO;
            let conflict = Rejection::Conflict(conflict);
            let response = answered(&conflict, &answers(), Form::Problem);
            let read: Value = serde_json::from_slice(response.body()).expect("JSON");
            let detail = format!(
                "This PUT waited 90061.6 s for its turn, and was not forwarded: a POST ({text}) has been writing to {text} for 1.2 s; \
                 b, {text} are not free, either. Read the resource again, then retry."
            );
            assert_eq!(
                read,
                json!({
                    "type": "https://writegate.example/problems#wait-timeout",
                    "title": "The turn of this request did not come in time",
                    "status": 409,
                    "detail": detail,
                    "key": text,
                    "keys": [text, "b", text],
                    "waited_ms": 90_061_550,
                    "retry_after_ms": 0,
                    "holder": {"method": "POST", "route": text, "since": "2026-11-23T18:29:00.120Z", "age_ms": 1203}
                })
            );
        }
    }
}
