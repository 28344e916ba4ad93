//! Identifiers of requests, for those that come without one.

use std::cell::RefCell;

use bytes::BytesMut;
use http::HeaderValue;

use crate::policy::hex;

/// How long one is.
const DIGITS: usize = 32;

/// How many share their room. It is kept for as long as the last of them is, which a hold does.
const TOGETHER: usize = 32;

/// The identifiers of one worker.
#[derive(Debug, Default)]
pub(super) struct Ids(RefCell<BytesMut>);

impl Ids {
    /// One that no other request has: it need not be secret.
    pub(super) fn next(&self) -> HeaderValue {
        let mut digits = [0; DIGITS];
        hex::write(&fastrand::u128(..).to_be_bytes(), &mut digits);
        let mut room = self.0.borrow_mut();
        if room.capacity() < DIGITS {
            *room = BytesMut::with_capacity(DIGITS * TOGETHER);
        }
        room.extend_from_slice(&digits);
        HeaderValue::from_maybe_shared(room.split().freeze())
            .expect("hexadecimal digits are visible ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_alike_and_each_is_whole() {
        let ids = Ids::default();
        let mut made: Vec<HeaderValue> = Vec::new();
        for _ in 0..3 * TOGETHER {
            let next = ids.next();
            assert_eq!(next.len(), DIGITS);
            assert!(next.as_bytes().iter().all(u8::is_ascii_hexdigit));
            assert!(!made.contains(&next));
            made.push(next);
        }
    }
}
