//! The problem document (RFC 9457), written part by part into the bytes that are sent.
//!
//! Invariant: whatever others have written is escaped; what is written as it is has no character that would have to be.

use std::ops::Deref;
use std::rc::Rc;

use bytes::Bytes;

use super::since::Since;
use super::told::Told;
use crate::policy::decimal;
use crate::policy::eights::{below, equal, may_have};
use crate::policy::key::Key;

/// The room for one: most need no more.
const ONE: usize = 768;

/// The longest document whose room is kept for the next.
const KEPT: usize = 4 * 1024;

/// Where documents are written, one after the other. The next is written over one that nobody has any more, so that most take no room
/// of their own.
#[derive(Debug, Default)]
pub struct Room(Rc<Vec<u8>>);

/// What is told, as it is sent.
#[derive(Clone, Debug)]
pub enum Written {
    /// In room that is lent: the next is written there once it is let go of.
    Lent(Rc<Vec<u8>>),
    /// In memory of its own.
    Own(Bytes),
}

/// A document on its way.
pub(super) struct Json<'a>(&'a mut Vec<u8>);

impl Room {
    /// Has a document written.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut Json<'_>)) -> Written {
        if Rc::get_mut(&mut self.0).is_none() {
            self.0 = Rc::default();
        }
        let out = Rc::get_mut(&mut self.0).expect("nobody else has it");
        out.clear();
        out.reserve(ONE);
        write(&mut Json(out));
        if out.len() > KEPT {
            // Nothing is kept of the room for one that is as large as few are.
            return Written::Own(std::mem::take(out).into());
        }
        Written::Lent(Rc::clone(&self.0))
    }
}

/// Has a document written in memory of its own.
pub(super) fn write(write: impl FnOnce(&mut Json<'_>)) -> Bytes {
    let mut out = Vec::with_capacity(ONE);
    write(&mut Json(&mut out));
    out.into()
}

impl Deref for Written {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Lent(lent) => lent,
            Self::Own(own) => own,
        }
    }
}

impl Json<'_> {
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
        let quoted = serde_json::to_string(text).expect("a text can be written as JSON");
        // It stands in quotes already.
        self.say(&quoted[1..quoted.len() - 1]);
    }
}

impl Told for Json<'_> {
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
            Ok(_) | Err(_) => decimal::append(number, self.0),
        }
    }
}

/// Whether each of these stands for itself in a string.
fn are_plain(text: &[u8]) -> bool {
    let escaped = |eight| below(eight, b' ') | equal(eight, b'"') | equal(eight, b'\\');
    !may_have(text, escaped) || text.iter().all(|byte| PLAIN[usize::from(*byte)])
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

    /// This, written in the room.
    fn written(room: &mut Room, text: &str) -> Written {
        room.write(|json| json.say(text))
    }

    #[test]
    fn what_is_with_a_client_is_not_written_over() {
        let mut room = Room::default();
        let texts: Vec<String> = (0..100).map(|nth| format!("{nth:100}")).collect();
        let held: Vec<Written> = texts.iter().map(|text| written(&mut room, text)).collect();
        for (held, text) in held.iter().zip(&texts) {
            assert_eq!(**held, *text.as_bytes());
        }
        // What nobody has is: a room that took its place would be made while this one is there.
        drop(held);
        let kept = Rc::as_ptr(&room.0);
        drop(written(&mut room, "next"));
        assert_eq!(Rc::as_ptr(&room.0), kept);
    }

    #[test]
    fn the_room_for_one_that_is_large_is_not_kept() {
        let mut room = Room::default();
        let large = "x".repeat(10 * KEPT);
        assert_eq!(*written(&mut room, &large), *large.as_bytes());
        assert_eq!(*written(&mut room, "next"), *b"next");
        assert!(room.0.capacity() <= KEPT);
    }

    #[test]
    fn a_text_is_plain_where_a_library_writes_it_as_it_is() {
        let plain = "plain text, of ä\u{7f}!#[]";
        for byte in (0..0x80).map(char::from) {
            for at in (0..plain.len()).filter(|at| plain.is_char_boundary(*at)) {
                for text in [&plain[..at], &plain[at..]] {
                    let text = format!("{text}{byte}{}", &plain[at..]);
                    let is_plain =
                        serde_json::to_string(&text).expect("JSON") == format!("\"{text}\"");
                    assert_eq!(are_plain(text.as_bytes()), is_plain, "{text:?}");
                }
            }
        }
    }

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
