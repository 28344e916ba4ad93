//! The sources of a key template: what stands in braces, one variant each, and the values that a request has for it.
//!
//! A value comes out percent-encoded: unreserved characters, `%XX`, and a `/` only from [`Source::Path`] and
//! [`Source::Rest`]. Case is folded, as in the canonical path, so that one identifier is one key wherever it stands;
//! `distinguish = ["case"]` and credentials keep it.

use std::borrow::Cow;
use std::fmt;

use http::Method;
use http::header::{AUTHORIZATION, COOKIE, HeaderName, PROXY_AUTHORIZATION};
use smallvec::{SmallVec, smallvec};

use super::content::{Content, NoValue, is_too_many};
use super::fields::field_lines;
use super::head::Fields;
use super::host::canonical_host;
use super::key::KEY_LIMIT;
use super::path::{decode, encode};
use super::pattern::{Pattern, Segment};
use super::pointer::Pointer;
use super::template::TemplateError;

/// Where a key template takes a value from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `{name}`: the segment that a parameter of the route took.
    Parameter {
        /// Its name in the route.
        name: Box<str>,
        /// Which segment of the path, from 0.
        segment: usize,
    },
    /// `{name}` of a `{*name}`: all segments from there, perhaps none.
    Rest {
        /// Its name in the route.
        name: Box<str>,
        /// The first segment that it takes, from 0.
        segment: usize,
    },
    /// `{path}`: the canonical path.
    Path,
    /// `{method}`: the effective method.
    Method,
    /// `{host}`: the canonical host; missing if none is named.
    Host,
    /// `{client-subject}`: the subject of the certificate that the client has shown; missing if it has shown none.
    ClientSubject,
    /// `{query:name}`: each value of a query parameter; an empty one counts as missing.
    Query(Box<str>),
    /// `{header:name}`: each line of a field, trimmed; an empty one counts as missing.
    Header(HeaderName),
    /// `{cookie:name}`: each value of a cookie; an empty one counts as missing.
    Cookie(Box<str>),
    /// `{json:/a/b}`: each value at the places of a JSON Pointer in the body; null, an object, an array and an empty text
    /// count as missing.
    Json(Pointer),
    /// `{form:name}`: each value of a field of a form in the body; an empty one counts as missing.
    Form(Box<str>),
}

/// What a request tells its key templates.
pub(super) struct Facts<'a> {
    /// Canonical, under the route's own `distinguish`.
    pub(super) path: &'a str,
    pub(super) method: &'a Method,
    pub(super) host: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) headers: &'a Fields,
    pub(super) client_subject: Option<&'a str>,
    /// None before the body is read: then no source of it may be asked.
    pub(super) content: Option<&'a Content>,
    pub(super) fold_case: bool,
}

/// The different values of one source, none if it is missing; one more than [`KEY_LIMIT`] stands for any number beyond.
pub(super) type Values<'a> = SmallVec<[Cow<'a, str>; 1]>;

impl Source {
    /// Reads what stands between braces in a template of a route with this path.
    pub(super) fn parse(text: &str, pattern: &Pattern) -> Result<Self, TemplateError> {
        let Some((kind, name)) = text.split_once(':') else {
            return Self::parse_plain(text, pattern);
        };
        let named = || match name {
            "" => Err(TemplateError::NoName(text.to_owned())),
            _ => Ok(Box::from(name)),
        };
        match kind {
            "query" => Ok(Self::Query(named()?)),
            "cookie" => Ok(Self::Cookie(named()?)),
            "header" => HeaderName::from_bytes(name.as_bytes())
                .map(Self::Header)
                .map_err(|source| TemplateError::BadField {
                    name: name.to_owned(),
                    source,
                }),
            "form" => Ok(Self::Form(named()?)),
            "json" => match Pointer::parse(&named()?) {
                Ok(pointer) => Ok(Self::Json(pointer)),
                Err(source) => Err(TemplateError::BadPointer {
                    pointer: name.to_owned(),
                    source,
                }),
            },
            _ => Err(TemplateError::unknown(text, pattern)),
        }
    }

    fn parse_plain(text: &str, pattern: &Pattern) -> Result<Self, TemplateError> {
        for (segment, part) in pattern.segments().iter().enumerate() {
            match part {
                Segment::Parameter(name) if **name == *text => {
                    let name = name.clone();
                    return Ok(Self::Parameter { name, segment });
                }
                Segment::CatchAll(name) if **name == *text => {
                    let name = name.clone();
                    return Ok(Self::Rest { name, segment });
                }
                Segment::Parameter(_) | Segment::CatchAll(_) | Segment::Literal(_) => {}
            }
        }
        match text {
            "path" => Ok(Self::Path),
            "method" => Ok(Self::Method),
            "host" => Ok(Self::Host),
            "client-subject" => Ok(Self::ClientSubject),
            _ => Err(TemplateError::unknown(text, pattern)),
        }
    }

    /// Whether a value of it may hold a `/`.
    pub(super) fn may_hold_slash(&self) -> bool {
        matches!(self, Self::Path | Self::Rest { .. })
    }

    /// Whether a request of its route may have no value for it.
    pub(super) fn may_be_missing(&self) -> bool {
        match self {
            Self::Host
            | Self::ClientSubject
            | Self::Query(_)
            | Self::Header(_)
            | Self::Cookie(_)
            | Self::Json(_)
            | Self::Form(_) => true,
            Self::Parameter { .. } | Self::Rest { .. } | Self::Path | Self::Method => false,
        }
    }

    /// Whether its values let their bearer in somewhere, so that only a digest of them may be shown.
    pub(super) fn is_credential(&self) -> bool {
        match self {
            Self::Cookie(_) => true,
            Self::Header(name) => {
                [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE].contains(name)
                    || name.as_str() == "x-api-key"
            }
            Self::Parameter { .. }
            | Self::Rest { .. }
            | Self::Path
            | Self::Method
            | Self::Host
            | Self::ClientSubject
            | Self::Query(_)
            | Self::Json(_)
            | Self::Form(_) => false,
        }
    }

    /// Whether its values stand in the body.
    pub(super) fn is_of_body(&self) -> bool {
        matches!(self, Self::Json(_) | Self::Form(_))
    }

    /// Why the body has no value for it; none if it does not stand there, or that was not read.
    pub(super) fn why_none<'a>(&self, facts: &Facts<'a>) -> Option<&'a NoValue> {
        let content = facts.content?;
        match self {
            Self::Json(_) => Some(content.no_json()),
            Self::Form(_) => Some(content.no_form()),
            Self::Parameter { .. }
            | Self::Rest { .. }
            | Self::Path
            | Self::Method
            | Self::Host
            | Self::ClientSubject
            | Self::Query(_)
            | Self::Header(_)
            | Self::Cookie(_) => None,
        }
    }

    /// Whether the body has more different values for it than are kept, however they are folded.
    pub(super) fn is_beyond(&self, facts: &Facts<'_>) -> bool {
        is_too_many(self.of_body(facts))
    }

    fn of_body<'a>(&self, facts: &Facts<'a>) -> &'a [Box<str>] {
        match (facts.content, self) {
            (Some(content), Self::Json(pointer)) => content.json(pointer.as_str()),
            (Some(content), Self::Form(name)) => content.form(name),
            _ => &[],
        }
    }

    pub(super) fn values<'a>(&self, facts: &Facts<'a>) -> Values<'a> {
        let fold_case = facts.fold_case && !self.is_credential();
        match self {
            Self::Parameter { segment, .. } => {
                let found = facts.path.split('/').nth(segment + 1);
                found.into_iter().map(Cow::Borrowed).collect()
            }
            Self::Rest { segment, .. } => {
                let found = facts.path.splitn(segment + 2, '/').nth(segment + 1);
                smallvec![Cow::Borrowed(found.unwrap_or(""))]
            }
            Self::Path => smallvec![Cow::Borrowed(facts.path)],
            Self::Method => distinct([facts.method.as_str().as_bytes()], false),
            Self::Host => distinct([canonical_host(facts.host).as_bytes()], fold_case),
            Self::ClientSubject => {
                let subject = facts.client_subject.map(str::as_bytes);
                distinct(subject, fold_case)
            }
            Self::Query(name) => {
                let pairs = form_urlencoded::parse(facts.query.unwrap_or("").as_bytes());
                let found = pairs.filter(|(found, _)| found == name.as_ref());
                distinct(
                    found.map(|(_, value)| value.into_owned().into_bytes()),
                    fold_case,
                )
            }
            Self::Header(name) => {
                let lines = field_lines(facts.headers, name.as_str());
                distinct(lines.map(<[u8]>::trim_ascii), fold_case)
            }
            Self::Cookie(name) => distinct(cookies(facts.headers, name.as_bytes()), fold_case),
            Self::Json(_) | Self::Form(_) => {
                let found = self.of_body(facts).iter();
                distinct(found.map(|value| value.as_bytes()), fold_case)
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter { name, .. } | Self::Rest { name, .. } => write!(f, "{{{name}}}"),
            Self::Path => f.write_str("{path}"),
            Self::Method => f.write_str("{method}"),
            Self::Host => f.write_str("{host}"),
            Self::ClientSubject => f.write_str("{client-subject}"),
            Self::Query(name) => write!(f, "{{query:{name}}}"),
            Self::Header(name) => write!(f, "{{header:{name}}}"),
            Self::Cookie(name) => write!(f, "{{cookie:{name}}}"),
            Self::Json(pointer) => write!(f, "{{json:{pointer}}}"),
            Self::Form(name) => write!(f, "{{form:{name}}}"),
        }
    }
}

fn distinct<'a>(raw: impl IntoIterator<Item: AsRef<[u8]>>, fold_case: bool) -> Values<'a> {
    let mut values = Values::new();
    for raw in raw {
        let raw = raw.as_ref();
        if raw.is_empty() {
            continue;
        }
        let mut value = String::with_capacity(raw.len() + 8);
        encode(raw, fold_case, &mut value);
        if !values.iter().any(|known| *known == value) {
            values.push(Cow::Owned(value));
        }
        if values.len() > KEY_LIMIT {
            break;
        }
    }
    values
}

/// A cookie's value without its quotes, percent-decoded: Python drops the ones, Express and PHP decode the other.
fn cookies<'a>(fields: &'a Fields, name: &'a [u8]) -> impl Iterator<Item = Vec<u8>> + 'a {
    field_lines(fields, COOKIE.as_str())
        .flat_map(|line| line.split(|byte| *byte == b';'))
        .filter_map(move |pair| {
            let equals = memchr::memchr(b'=', pair)?;
            let value = pair[equals + 1..].trim_ascii();
            let unquoted = value
                .strip_prefix(b"\"")
                .and_then(|value| value.strip_suffix(b"\""));
            (pair[..equals].trim_ascii() == name).then(|| decode(unquoted.unwrap_or(value)))
        })
}
