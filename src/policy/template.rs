//! A key template: text with sources in braces, and the keys that it makes of a request.
//!
//! Two requests get the same key from one template only if every source has the same value in both: what a source
//! inserts holds no character that the text between two sources must have, so a value cannot forge another key.

use std::hash::{BuildHasher, RandomState};

use smallvec::SmallVec;

use super::key::{KEY_LIMIT, Key, KeyError};
use super::pattern::Pattern;
use super::pointer::PointerError;
use super::source::{Facts, Source, Values};
use super::unfillable::{Asked, Unfillable};
use super::wanted::Wanted;

/// A key template, parsed.
#[derive(Clone, Debug)]
pub struct Template {
    text: Box<str>,
    /// Each source with the text before it.
    parts: Box<[(Box<str>, Source)]>,
    tail: Box<str>,
}

/// Why a text is no key template.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It is empty.
    #[error("a key template cannot be empty")]
    Empty,
    /// It has a character that has no place in a log.
    #[error("a key template cannot hold control characters")]
    Control,
    /// A brace without its partner.
    #[error("this `{0}` has no partner")]
    Unpaired(char),
    /// A source that needs a name has none.
    #[error("`{{{0}}}` names nothing: write `{{{0}name}}`")]
    NoName(String),
    /// A field name that no request can have.
    #[error("`{name}` is no field name")]
    BadField {
        /// What was written.
        name: String,
        /// What is wrong with it.
        source: http::header::InvalidHeaderName,
    },
    /// A place in a body that is named wrongly.
    #[error("`{pointer}` is no JSON Pointer (RFC 6901): {source}")]
    BadPointer {
        /// What was written.
        pointer: String,
        /// What is wrong with it.
        source: PointerError,
    },
    /// Braces around what is no source.
    #[error("`{{{name}}}` is no source of keys: {known}")]
    Unknown {
        /// What was written.
        name: String,
        /// What could have been.
        known: String,
    },
    /// Nothing keeps the values of two sources apart.
    #[error(
        "a value of {left} could run over into {right} and forge another key: put text with a character between them \
         that neither can hold, as in `{left}:{right}` (letters, digits, `-._~%`{slash} do not do)"
    )]
    Adjacent {
        /// The source on the left.
        left: String,
        /// The source on the right.
        right: String,
        /// Whether `/` does not do either, as text.
        slash: &'static str,
    },
}

impl TemplateError {
    pub(super) fn unknown(name: &str, pattern: &Pattern) -> Self {
        let parameters: Vec<String> = pattern
            .parameters()
            .map(|name| format!("`{{{name}}}`"))
            .collect();
        let parameters = match parameters.as_slice() {
            [] => "the path has no parameters".to_owned(),
            some => format!("the path has {}", some.join(", ")),
        };
        Self::Unknown {
            name: name.to_owned(),
            known: format!(
                "{parameters}; there are also {{path}}, {{method}}, {{host}}, {{client-subject}}, {{query:…}}, {{header:…}}, {{cookie:…}}, {{json:/…}} and {{form:…}}"
            ),
        }
    }
}

impl Template {
    /// Reads a template for the requests that `pattern` matches.
    pub fn parse(text: &str, pattern: &Pattern) -> Result<Self, TemplateError> {
        if text.is_empty() {
            return Err(TemplateError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(TemplateError::Control);
        }
        let mut parts: Vec<(Box<str>, Source)> = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, after) = (literal(&rest[..open])?, &rest[open + 1..]);
            let close = after.find('}').ok_or(TemplateError::Unpaired('{'))?;
            let source = Source::parse(&after[..close], pattern)?;
            if let Some((_, left)) = parts.last() {
                keep_apart(left, before, &source)?;
            }
            parts.push((before.into(), source));
            rest = &after[close + 1..];
        }
        Ok(Self {
            text: text.into(),
            parts: parts.into(),
            tail: literal(rest)?.into(),
        })
    }

    /// The template as configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether there may be a request of which it makes no key.
    pub fn may_make_none(&self) -> bool {
        self.parts.iter().any(|(_, source)| source.may_be_missing())
    }

    /// Whether it is the same key for every request.
    pub fn is_constant(&self) -> bool {
        self.parts.is_empty()
    }

    /// Its sources of which none of the requests that it is `asked` for has a value, as they are written.
    pub fn doubts(&self, asked: Asked<'_>) -> Vec<(String, Unfillable)> {
        let sources = self.parts.iter().map(|(_, source)| source);
        sources
            .filter_map(|source| Some((source.to_string(), source.unfillable(asked)?)))
            .collect()
    }

    /// Whether its keys have something of this.
    pub(super) fn uses(&self, wanted: &Source) -> bool {
        self.parts.iter().any(|(_, source)| source == wanted)
    }

    /// Whether it takes a value from the body.
    pub(super) fn uses_body(&self) -> bool {
        self.parts.iter().any(|(_, source)| source.is_of_body())
    }

    /// Adds what it takes from bodies.
    pub(super) fn add_to(&self, wanted: &mut Wanted) {
        for (_, source) in &self.parts {
            wanted.add(source);
        }
    }

    /// Each of its sources, with the values that a request has for it as they may be shown.
    pub(super) fn found(
        &self,
        facts: &Facts<'_>,
        digests: &RandomState,
    ) -> Vec<(&Source, Vec<String>)> {
        let shown = |source: &Source, value: &str| {
            if source.is_credential() {
                digest(digests, value)
            } else {
                value.to_owned()
            }
        };
        let sources = self.parts.iter().map(|(_, source)| source);
        sources
            .map(|source| {
                let values = source.values(facts);
                (
                    source,
                    values.iter().map(|value| shown(source, value)).collect(),
                )
            })
            .collect()
    }

    /// Gives `ask` a key for each combination of values. `digests` makes what is shown in place of credentials.
    pub(super) fn expand(
        &self,
        facts: &Facts<'_>,
        digests: &RandomState,
        mut ask: impl FnMut(Key),
    ) -> Result<(), KeyError> {
        // Where nothing else was configured: it is always there, and is a key as it is.
        if *self.text == *"{path}" {
            ask(Key::new(facts.path));
            return Ok(());
        }
        let mut values = SmallVec::<[Values<'_>; 2]>::new();
        let mut combinations = 1_usize;
        for (_, source) in &self.parts {
            let found = source.values(facts);
            if found.is_empty() {
                return Err(KeyError::Missing {
                    source_text: source.to_string(),
                    why: source.why_none(facts).cloned(),
                });
            }
            if source.is_beyond(facts) {
                return Err(KeyError::TooMany { limit: KEY_LIMIT });
            }
            combinations = combinations.saturating_mul(found.len());
            values.push(found);
        }
        if combinations > KEY_LIMIT {
            return Err(KeyError::TooMany { limit: KEY_LIMIT });
        }
        let is_concealed = self.parts.iter().any(|(_, source)| source.is_credential());
        for nth in 0..combinations {
            let bytes = self.render(&values, nth, |_, value, key| key.push_str(value));
            ask(if is_concealed {
                Key::concealed(
                    bytes,
                    self.render(&values, nth, |source, value, shown| {
                        if source.is_credential() {
                            shown.push_str(&digest(digests, value));
                        } else {
                            shown.push_str(value);
                        }
                    }),
                )
            } else {
                Key::new(bytes)
            });
        }
        Ok(())
    }

    /// The `nth` combination, counted with the first source as the lowest digit.
    fn render(
        &self,
        values: &[Values<'_>],
        nth: usize,
        insert: impl Fn(&Source, &str, &mut String),
    ) -> String {
        let mut rendered = String::with_capacity(self.text.len() + 32);
        let mut nth = nth;
        for ((before, source), values) in self.parts.iter().zip(values) {
            rendered.push_str(before);
            insert(source, &values[nth % values.len()], &mut rendered);
            nth /= values.len();
        }
        rendered.push_str(&self.tail);
        rendered
    }
}

/// What stands for a credential where it is shown.
fn digest(digests: &RandomState, value: &str) -> String {
    format!("<{:016x}>", digests.hash_one(value))
}

fn literal(text: &str) -> Result<&str, TemplateError> {
    match text.find('}') {
        Some(_) => Err(TemplateError::Unpaired('}')),
        None => Ok(text),
    }
}

fn keep_apart(left: &Source, between: &str, right: &Source) -> Result<(), TemplateError> {
    let may_hold_slash = left.may_hold_slash() || right.may_hold_slash();
    let separates = |c: char| match c {
        '/' => !may_hold_slash,
        _ => !c.is_ascii_alphanumeric() && !"-._~%".contains(c),
    };
    if between.contains(separates) {
        return Ok(());
    }
    Err(TemplateError::Adjacent {
        left: left.to_string(),
        right: right.to_string(),
        slash: if may_hold_slash { " and `/`" } else { "" },
    })
}
