//! How the names of a message's fields were written, for backends and clients that mind it (RFC 9110 §5.1 has it that
//! nobody does).

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The names of a message's fields as they were written, in the order of the lines of each.
#[derive(Clone, Debug, Default)]
pub(super) struct Spelling(HeaderMap<Bytes>);

impl Spelling {
    pub(super) fn add(&mut self, name: &HeaderName, spelled: Bytes) {
        // Where it has no room, neither have the fields themselves.
        let _ = self.0.try_append(name, spelled);
    }

    /// The lines of these fields: the name, how it was written, as far as that is known, and the value.
    pub(super) fn lines<'a>(
        &'a self,
        fields: &'a HeaderMap,
    ) -> impl Iterator<Item = (&'a HeaderName, &'a [u8], &'a HeaderValue)> {
        fields.keys().flat_map(move |name| {
            let mut spelled = self.0.get_all(name).iter();
            let lines = fields.get_all(name).iter();
            lines.map(move |value| {
                let spelled = spelled
                    .next()
                    .map_or(name.as_str().as_bytes(), |spelled| &spelled[..]);
                (name, spelled, value)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_the_name_that_it_came_with() {
        let (mut fields, mut spelling) = (HeaderMap::new(), Spelling::default());
        for (spelled, value) in [("X-One", "1"), ("SOAPAction", "a"), ("x-oNE", "2")] {
            let name = HeaderName::from_bytes(spelled.as_bytes()).expect("a name");
            spelling.add(&name, Bytes::from_static(spelled.as_bytes()));
            fields.append(name, HeaderValue::from_static(value));
        }
        fields.append("x-one", HeaderValue::from_static("3"));
        fields.append("via", HeaderValue::from_static("v"));
        let lines = spelling.lines(&fields).map(|(_, spelled, value)| {
            let name = std::str::from_utf8(spelled).expect("text");
            format!("{name}: {}", value.to_str().expect("text"))
        });
        assert_eq!(
            lines.collect::<Vec<_>>(),
            [
                "X-One: 1",
                "x-oNE: 2",
                "x-one: 3",
                "SOAPAction: a",
                "via: v"
            ]
        );
    }
}
