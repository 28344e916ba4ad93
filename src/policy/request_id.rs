//! The identifier of a request.

use http::HeaderValue;

use super::hex;

/// What names a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestId {
    /// It came with it.
    Given(HeaderValue),
    /// It was drawn here. It is kept as what was drawn, and written where it is told: most refusals tell nobody.
    Drawn([u8; 16]),
}

impl RequestId {
    /// As what was drawn is kept, if it could have been.
    pub fn bits(&self) -> Option<[u8; 16]> {
        match self {
            Self::Given(value) => hex::read(value.as_bytes()),
            Self::Drawn(bits) => Some(*bits),
        }
    }

    /// The identifier as it is told, for which this is room.
    pub fn bytes<'a>(&'a self, room: &'a mut [u8; 32]) -> &'a [u8] {
        match self {
            Self::Given(value) => value.as_bytes(),
            Self::Drawn(bits) => {
                room.copy_from_slice(hex::digits(*bits).as_flattened());
                room
            }
        }
    }

    /// The same as text.
    pub fn text<'a>(&'a self, room: &'a mut [u8; 32]) -> &'a str {
        str::from_utf8(self.bytes(room)).unwrap_or_default()
    }

    /// The same as the value of a field.
    pub fn value(&self) -> HeaderValue {
        match self {
            Self::Given(value) => value.clone(),
            Self::Drawn(bits) => HeaderValue::from_bytes(hex::digits(*bits).as_flattened())
                .expect("hexadecimal digits are visible ASCII"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_was_drawn_is_the_same_as_it_comes_with_the_next_request() {
        let drawn = RequestId::Drawn(std::array::from_fn(|nth| nth as u8 * 17));
        let mut room = [0; 32];
        let text = drawn.text(&mut room);
        assert_eq!(text, "00112233445566778899aabbccddeeff");
        let given = RequestId::Given(HeaderValue::from_str(text).expect("ASCII"));
        assert_eq!(given.bits(), drawn.bits());
        assert_eq!(given.value(), drawn.value());
        assert_eq!(given.text(&mut [0; 32]), "00112233445566778899aabbccddeeff");
        assert_eq!(RequestId::Given(HeaderValue::from_static("r")).bits(), None);
    }
}
