//! What the body of a request says: the values that keys are made of, or why it has none, and what may override the method.
//!
//! These are facts for templates, found by whoever has read the body. A body that can be read in several ways has no value,
//! whatever it says: the origin server may read it in another way than we do.

use super::key::KEY_LIMIT;

/// Different values that are kept for one source. More make too many keys, also where case is folded.
const MOST: usize = 4 * KEY_LIMIT;

/// Letters of a name from a body that are shown of it.
const SHOWN: usize = 40;

/// What a body says.
#[derive(Clone, Debug)]
pub struct Content {
    json: Result<Values, NoValue>,
    form: Result<Values, NoValue>,
    methods: Vec<String>,
}

/// The values of each source, by what it is called: a JSON Pointer, or the name of a field.
#[derive(Clone, Debug, Default)]
pub struct Values(Vec<(Box<str>, Vec<Box<str>>)>);

/// Why a body has no value for a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoValue {
    /// There is none.
    #[error("it has no body")]
    NoBody,
    /// It does not fit the buffer.
    #[error("its body is larger than the {limit} bytes that are read for a key")]
    TooLarge {
        /// `request_buffer`
        limit: usize,
    },
    /// Nothing says what it is.
    #[error("it does not say what its body is (Content-Type)")]
    NoMediaType,
    /// More than one line says what it is.
    #[error("it says twice what its body is (Content-Type)")]
    MediaTypeTwice,
    /// It is neither by its media type.
    #[error("its Content-Type is neither that of JSON nor that of a form")]
    OtherType,
    /// It is no JSON by its media type.
    #[error("its Content-Type is not that of JSON")]
    NoJsonType,
    /// It is no form by its media type.
    #[error("its Content-Type is not that of a form")]
    NoFormType,
    /// A multipart body whose parts nothing tells apart.
    #[error("its Content-Type has no boundary that could stand between parts")]
    NoBoundary,
    /// It is coded in a way that is not undone here.
    #[error("its body has a Content-Encoding that is not read: gzip, deflate, br and zstd are")]
    UnknownCoding,
    /// It is coded several times over.
    #[error("its body has several Content-Encodings, of which one is read")]
    SeveralCodings,
    /// It is not what its coding says.
    #[error("its body is not what its Content-Encoding says")]
    BadCoding,
    /// Decoded, it does not fit the buffer.
    #[error("its body is larger, decoded, than the {limit} bytes that are read for a key")]
    TooLargeDecoded {
        /// `request_buffer`
        limit: usize,
    },
    /// It is no JSON.
    #[error("its body is not JSON from line {line}, column {column} on")]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
    },
    /// A name that stands for two members.
    #[error("its body has the member `{}` twice", shown(.0))]
    Twice(String),
    /// It is nested too deep.
    #[error("its body is nested more than {limit} levels deep")]
    TooDeep {
        /// How deep it may be.
        limit: usize,
    },
    /// It is no `multipart/form-data`.
    #[error("its body is not well-formed multipart/form-data")]
    NotMultipart,
    /// It has been read, and has nothing there.
    #[error("its body has nothing there that names a resource")]
    Absent,
}

impl Content {
    /// One that has no value of any kind.
    pub fn without(why: NoValue) -> Self {
        Self {
            json: Err(why.clone()),
            form: Err(why),
            methods: Vec::new(),
        }
    }

    /// A JSON document.
    pub fn of_json(values: Result<Values, NoValue>) -> Self {
        Self {
            json: values,
            form: Err(NoValue::NoFormType),
            methods: Vec::new(),
        }
    }

    /// A form, with each text of it that may be meant for the method.
    pub fn of_form(values: Result<Values, NoValue>, methods: Vec<String>) -> Self {
        Self {
            json: Err(NoValue::NoJsonType),
            form: values,
            methods,
        }
    }

    /// What stands at the places of a pointer, a number in its one canonical form.
    pub(super) fn json(&self, pointer: &str) -> &[Box<str>] {
        of(&self.json, pointer)
    }

    /// The values of a field of a form.
    pub(super) fn form(&self, name: &str) -> &[Box<str>] {
        of(&self.form, name)
    }

    pub(super) fn no_json(&self) -> &NoValue {
        self.json.as_ref().err().unwrap_or(&NoValue::Absent)
    }

    pub(super) fn no_form(&self) -> &NoValue {
        self.form.as_ref().err().unwrap_or(&NoValue::Absent)
    }

    /// Each `_method` of a form.
    pub(super) fn methods(&self) -> impl Iterator<Item = &str> {
        self.methods.iter().map(String::as_str)
    }
}

fn of<'a>(values: &'a Result<Values, NoValue>, name: &str) -> &'a [Box<str>] {
    let values = values.as_ref().map_or(&[][..], |values| &values.0);
    let found = values.iter().find(|(known, _)| **known == *name);
    found.map_or(&[], |(_, values)| values)
}

impl Values {
    /// One more value. An empty one counts as missing.
    pub fn add(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        let known = self.0.iter().position(|(known, _)| **known == *name);
        let at = known.unwrap_or_else(|| {
            self.0.push((name.into(), Vec::new()));
            self.0.len() - 1
        });
        let values = &mut self.0[at].1;
        if values.len() > MOST {
            return;
        }
        if let Err(at) = values.binary_search_by(|known| (**known).cmp(value)) {
            values.insert(at, value.into());
        }
    }
}

/// Whether so many values are too many by themselves.
pub(super) fn is_too_many(values: &[Box<str>]) -> bool {
    values.len() > MOST
}

/// What the client may be shown of a name that it sent.
fn shown(name: &str) -> String {
    let more = if name.chars().nth(SHOWN).is_some() {
        "…"
    } else {
        ""
    };
    let escaped = name.chars().take(SHOWN).flat_map(char::escape_debug);
    escaped.chain(more.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_within_bounds_and_without_what_could_mislead() {
        assert_eq!(shown("from"), "from");
        assert_eq!(shown("a\n\u{202e}"), "a\\n\\u{202e}");
        assert_eq!(shown(&"é".repeat(41)), "é".repeat(40) + "…");
    }

    #[test]
    fn values_are_kept_once_and_within_bounds() {
        let mut values = Values::default();
        for _ in 0..2 {
            for nth in 0..MOST + 9 {
                values.add("a", &nth.to_string());
            }
            values.add("b", "x");
            values.add("b", "");
        }
        let content = Content::of_json(Ok(values));
        assert_eq!(content.json("a").len(), MOST + 1);
        assert!(is_too_many(content.json("a")));
        assert_eq!(content.json("b").len(), 1);
        assert!(content.form("b").is_empty());
        assert_eq!(*content.no_form(), NoValue::NoFormType);
    }
}
