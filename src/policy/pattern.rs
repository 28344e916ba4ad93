//! The path of a route: literal segments, parameters that take one whole segment, and at the end perhaps one that takes
//! all the rest.
//!
//! Patterns are ordered: the lesser is the more specific, segment by segment, literal before parameter before catch-all.

use std::cmp::Ordering;

use super::path::{Distinguish, canonical};

/// Keeps the depth of the router, and with it the work of finding a route, bounded.
const SEGMENT_LIMIT: usize = 64;

/// A route's path, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Segment>,
}

/// One part of a [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// A canonical segment, case folded.
    Literal(Box<str>),
    /// `{name}`: any one segment.
    Parameter(Box<str>),
    /// `{*name}`: all the rest, or nothing.
    CatchAll(Box<str>),
}

/// Why a text is no route's path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is empty or relative.
    #[error("the path of a route begins with `/`")]
    NotAbsolute,
    /// It has a query or a fragment.
    #[error("a route matches the path alone: `{0}` does not belong here (a literal one is written `%{code:02X}`)", code = u32::from(*.0))]
    NotInPath(char),
    /// It has a character that has no place in a log, nor in the path of a request.
    #[error("the path of a route cannot hold control characters: write it percent-encoded, as in `%{code:02X}`", code = u32::from(*.0))]
    Control(char),
    /// Braces around less than a whole segment.
    #[error(
        "`{0}` has braces around less than a whole segment: write `{{name}}` instead (a literal brace is `%7B` or `%7D`)"
    )]
    PartialSegment(String),
    /// A parameter as other routers write it.
    #[error("`{0}` would be taken literally: write `{{{name}}}`; a literal colon is `%3A`", name = name_after_colon(.0))]
    Colon(String),
    /// A wildcard as other routers write it.
    #[error(
        "`{0}` would be taken literally: write `{{*rest}}` for all that follows; a literal star is `%2A`"
    )]
    Star(String),
    /// A parameter as Flask and Django write it.
    #[error(
        "`{text}` would be taken literally: write `{{{name}}}`; a literal `{c}` is `%{code:02X}`",
        name = name_within(.text),
        code = u32::from(*.c)
    )]
    Foreign {
        /// The segment.
        text: String,
        /// What in it is another router's.
        c: char,
    },
    /// A regular expression.
    #[error(
        "`{text}` looks like a regular expression, and would be taken literally: write `{{name}}` for any one segment, \
         `{{*rest}}` for all that follows; a literal `{c}` is `%{code:02X}`",
        code = u32::from(*.c)
    )]
    Expression {
        /// The segment, or the whole path.
        text: String,
        /// What in it looks so.
        c: char,
    },
    /// A parameter's name is not a name.
    #[error("`{0}` is no name for a parameter: use letters, digits and `_`, a letter first")]
    BadName(String),
    /// A parameter is called as a source of keys is.
    #[error("`{{{0}}}` is a source of keys already: give the parameter another name")]
    ReservedName(String),
    /// Two parameters are called the same.
    #[error("two parameters are called `{0}`")]
    SameName(String),
    /// A catch-all stands before the end.
    #[error("`{0}` takes all the rest, so nothing can follow it")]
    CatchAllNotLast(String),
    /// A literal segment that no canonical path has.
    #[error("no canonical path has the segment `{0}`, so the route would never match")]
    NeverMatches(String),
    /// More segments than a route may have.
    #[error("a route has at most {SEGMENT_LIMIT} segments")]
    TooLong,
}

impl PatternError {
    fn expression(text: &str, c: char) -> Self {
        let text = text.to_owned();
        Self::Expression { text, c }
    }

    /// What is wrong with a literal segment that would mean something else to another router. No URL has these characters
    /// but `$` and `+`, which do not stand at these places in one.
    fn of_another_router(text: &str) -> Option<Self> {
        if let Some(c) = text.chars().find(|c| matches!(c, '<' | '>')) {
            let text = text.to_owned();
            return Some(Self::Foreign { text, c });
        }
        if let Some(name) = text.strip_prefix('$')
            && !name.is_empty()
        {
            let text = text.to_owned();
            return Some(Self::Foreign { text, c: '$' });
        }
        let ending = |c: &char| text.ends_with(*c);
        let within = text
            .chars()
            .find(|c| matches!(c, '^' | '[' | ']' | '\\' | '|'));
        if let Some(c) = within.or_else(|| ['$', '+'].into_iter().find(ending)) {
            return Some(Self::expression(text, c));
        }
        text.contains('*').then(|| Self::Star(text.to_owned()))
    }
}

impl Pattern {
    /// Reads a path as configured. Literals match whatever their case and spelling, and a trailing slash means nothing.
    pub fn parse(text: &str, distinguish: Distinguish) -> Result<Self, PatternError> {
        if let Some(control) = text.chars().find(|c| c.is_control()) {
            return Err(PatternError::Control(control));
        }
        if text.starts_with('^') || text.contains("(?") {
            let c = text.chars().find(|c| matches!(c, '^' | '('));
            return Err(PatternError::expression(text, c.unwrap_or('^')));
        }
        let relative = text.strip_prefix('/').ok_or(PatternError::NotAbsolute)?;
        if let Some(stray) = text.chars().find(|c| matches!(c, '?' | '#')) {
            return Err(PatternError::NotInPath(stray));
        }
        let mut pattern = Self::default();
        for text in relative.split('/').filter(|text| !text.is_empty()) {
            if let Some(Segment::CatchAll(name)) = pattern.segments.last() {
                return Err(PatternError::CatchAllNotLast(format!("{{*{name}}}")));
            }
            pattern.push(text, distinguish)?;
            if pattern.segments.len() > SEGMENT_LIMIT {
                return Err(PatternError::TooLong);
            }
        }
        Ok(pattern)
    }

    /// Its parts, from left to right.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether it matches the same paths, whatever its parameters are called.
    pub fn has_same_paths(&self, other: &Self) -> bool {
        by_specificity(self, other).is_eq()
    }

    /// The names of its parameters, from left to right.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(Segment::name)
    }

    fn push(&mut self, text: &str, distinguish: Distinguish) -> Result<(), PatternError> {
        let Some(name) = text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'))
        else {
            if text.contains(['{', '}']) {
                return Err(PatternError::PartialSegment(text.to_owned()));
            }
            if text.starts_with(':') {
                return Err(PatternError::Colon(text.to_owned()));
            }
            if let Some(error) = PatternError::of_another_router(text) {
                return Err(error);
            }
            return self.push_literal(text, distinguish);
        };
        let (name, is_catch_all) = match name.strip_prefix('*') {
            Some(name) => (name, true),
            None => (name, false),
        };
        self.check_name(name)?;
        self.segments.push(if is_catch_all {
            Segment::CatchAll(name.into())
        } else {
            Segment::Parameter(name.into())
        });
        Ok(())
    }

    /// An encoded slash that the route does not tell from a slash makes two segments of one.
    fn push_literal(&mut self, text: &str, distinguish: Distinguish) -> Result<(), PatternError> {
        let view = Distinguish {
            encoded_slash: distinguish.encoded_slash,
            ..Distinguish::default()
        };
        let path = format!("/{text}");
        let literals = canonical(&path, view);
        if literals == "/" {
            return Err(PatternError::NeverMatches(text.to_owned()));
        }
        let literals = literals.split('/').skip(1);
        self.segments
            .extend(literals.map(|text| Segment::Literal(text.into())));
        Ok(())
    }

    fn check_name(&self, name: &str) -> Result<(), PatternError> {
        if !is_name(name) {
            return Err(PatternError::BadName(name.to_owned()));
        }
        if matches!(name, "path" | "method" | "host") {
            return Err(PatternError::ReservedName(name.to_owned()));
        }
        if self.parameters().any(|other| other == name) {
            return Err(PatternError::SameName(name.to_owned()));
        }
        Ok(())
    }
}

impl Segment {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter(name) | Self::CatchAll(name) => Some(name),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Literal(_) => 0,
            Self::Parameter(_) => 1,
            Self::CatchAll(_) => 2,
        }
    }
}

/// `id` of `:id`, if it is a name.
fn name_after_colon(text: &str) -> &str {
    let name = text.trim_start_matches(':');
    if is_name(name) { name } else { "name" }
}

/// `id` of `<int:id>`, `<id:int>`, `<id>` and `$id`, if it is a name that a parameter can have, and no type of Flask's or
/// Django's.
fn name_within(text: &str) -> &str {
    const OTHERS: [&str; 10] = [
        "int", "str", "string", "float", "path", "uuid", "slug", "any", "host", "method",
    ];
    let inner = text.trim_start_matches('$');
    let inner = inner.split_once('<').map_or(inner, |(_, inner)| inner);
    let inner = inner.split('>').next().unwrap_or_default();
    let names = inner.rsplit(':').map(str::trim);
    let mut names = names.filter(|name| is_name(name) && !OTHERS.contains(name));
    names.next().unwrap_or("name")
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// By specificity, then by the text of the literals, so that a listing is in good order. Names do not count.
pub(super) fn by_specificity(left: &Pattern, right: &Pattern) -> Ordering {
    let ranks = |pattern: &Pattern| {
        pattern
            .segments
            .iter()
            .map(Segment::rank)
            .collect::<Vec<_>>()
    };
    let texts = |pattern: &Pattern| {
        let texts = pattern.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => text.clone(),
            Segment::Parameter(_) | Segment::CatchAll(_) => Box::default(),
        });
        texts.collect::<Vec<_>>()
    };
    ranks(left)
        .cmp(&ranks(right))
        .then_with(|| texts(left).cmp(&texts(right)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Pattern, PatternError> {
        Pattern::parse(text, Distinguish::default())
    }

    #[test]
    fn literals_are_canonical_whatever_their_spelling() {
        assert_eq!(parse("/Orders/{id}/"), parse("/orders/{id}"));
        assert_eq!(parse("/caf%c3%a9"), parse("/café"));
        assert_eq!(parse("/a%2Fb"), parse("/a/b"));
        let encoded = Distinguish {
            encoded_slash: true,
            ..Distinguish::default()
        };
        let pattern = Pattern::parse("/a%2fb", encoded).unwrap();
        assert_eq!(pattern.segments(), [Segment::Literal("a%2Fb".into())]);
    }

    #[test]
    fn what_can_match_nothing_is_refused() {
        assert_eq!(parse(""), Err(PatternError::NotAbsolute));
        assert_eq!(parse("orders"), Err(PatternError::NotAbsolute));
        assert_eq!(parse("/a?b"), Err(PatternError::NotInPath('?')));
        assert_eq!(
            parse("/v{x}"),
            Err(PatternError::PartialSegment("v{x}".to_owned()))
        );
        assert_eq!(
            parse("/{a}{b}"),
            Err(PatternError::BadName("a}{b".to_owned()))
        );
        assert_eq!(parse("/{}"), Err(PatternError::BadName(String::new())));
        assert_eq!(
            parse("/{path}"),
            Err(PatternError::ReservedName("path".to_owned()))
        );
        assert_eq!(
            parse("/{a}/{a}"),
            Err(PatternError::SameName("a".to_owned()))
        );
        assert_eq!(
            parse("/{*a}/b"),
            Err(PatternError::CatchAllNotLast("{*a}".to_owned()))
        );
        assert_eq!(
            parse("/a/../b"),
            Err(PatternError::NeverMatches("..".to_owned()))
        );
        assert_eq!(parse(&"/a".repeat(65)), Err(PatternError::TooLong));
    }

    #[test]
    fn an_error_says_what_to_write() {
        let error = parse("/a?b").unwrap_err();
        assert!(error.to_string().contains("written `%3F`"), "{error}");
    }

    #[test]
    fn a_parameter_written_as_elsewhere_is_not_taken_literally() {
        let error = |text| parse(text).unwrap_err().to_string();
        for (text, advice) in [
            (
                "/orders/:id",
                "`:id` would be taken literally: write `{id}`; a literal colon is `%3A`",
            ),
            ("/a/:id.json", "write `{name}`; a literal colon"),
            ("/a/:", "write `{name}`; a literal colon"),
            (
                "/a/*",
                "write `{*rest}` for all that follows; a literal star is `%2A`",
            ),
            ("/cart*", "write `{*rest}`"),
            ("/**/a", "write `{*rest}`"),
            (
                "/accounts/<int:id>/deposit",
                "`<int:id>` would be taken literally: write `{id}`; a literal `<` is `%3C`",
            ),
            ("/accounts/<id>", "write `{id}`; a literal `<`"),
            ("/accounts/<id:int>", "write `{id}`; a literal `<`"),
            ("/accounts/<path:path>", "write `{name}`; a literal `<`"),
            ("/a/v<id>.json", "write `{id}`; a literal `<`"),
            (
                "/accounts/$id",
                "`$id` would be taken literally: write `{id}`; a literal `$` is `%24`",
            ),
            (
                "/accounts/[0-9]+",
                "`[0-9]+` looks like a regular expression, and would be taken literally: write `{name}`",
            ),
            (r"/a/\d+", "a literal `\\` is `%5C`"),
            ("/a/(x|y)", "a literal `|` is `%7C`"),
            ("/a/b$", "a literal `$` is `%24`"),
            (
                "^/a/[0-9]+$",
                "`^/a/[0-9]+$` looks like a regular expression",
            ),
            (r"/a/(?P<id>\d+)", "looks like a regular expression"),
        ] {
            assert!(error(text).contains(advice), "{text}: {}", error(text));
        }
        assert!(parse("/v1/documents:commit").is_ok());
        for literal in [
            "/odata/Orders(7)",
            "/a$b",
            "/a+b",
            "/~home",
            "/a%5Bb%5D",
            "/%24batch",
        ] {
            assert!(parse(literal).is_ok(), "{literal}");
        }
        let literals = ["%3Aid", "%2A"].map(|text| Segment::Literal(text.into()));
        assert_eq!(parse("/%3aid/%2A").unwrap().segments(), literals);
        assert_eq!(canonical("/:id/*", Distinguish::default()), "/%3Aid/%2A");
    }

    proptest! {
        #[test]
        fn no_text_makes_a_panic(text in prop_oneof!["[/{}*:a%.;]{0,12}", any::<String>()]) {
            let _ = parse(&text);
        }
    }
}
