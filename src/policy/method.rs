//! Which methods write, and which methods a request may come to at the origin server.
//!
//! A request with a method override has several: a backend may heed the override or may not. It is a write if one of them
//! is, and it is judged by each.

use std::borrow::Cow;
use std::fmt;
use std::slice;

use http::Method;

use super::Head;
use super::content::Content;
use super::fields::{field_lines, text};
use super::key::KeyError;
use super::present::Named;

/// The most different methods that one request may come to.
pub const METHOD_LIMIT: usize = 8;

/// What a query or a form calls the method.
pub const METHOD_NAME: &str = "_method";

const OVERRIDES: [&str; 3] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
];

/// Whether the IANA HTTP Method Registry calls `method` safe. Methods are case-sensitive, and an unknown one is a write.
pub fn is_safe(method: &Method) -> bool {
    matches!(
        method.as_str(),
        "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PROPFIND" | "REPORT" | "SEARCH" | "QUERY"
    )
}

/// The safe methods that return the state of a resource, which a write could tear.
const READS: [&str; 6] = ["GET", "HEAD", "PROPFIND", "REPORT", "SEARCH", "QUERY"];

fn is_read(method: &Method) -> bool {
    READS.contains(&method.as_str())
}

/// The methods that a route, or `[guard]`, speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Methods {
    /// Every method that is not safe.
    Unsafe,
    /// These and the safe ones that read a resource.
    UnsafeAndReads,
    /// These, safe or not.
    Listed(Box<[Method]>),
}

impl Methods {
    /// Whether `method` is one of them.
    pub fn contains(&self, method: &Method) -> bool {
        match self {
            Self::Unsafe => !is_safe(method),
            Self::UnsafeAndReads => !is_safe(method) || is_read(method),
            Self::Listed(listed) => listed.contains(method),
        }
    }

    /// These, and those that read a resource.
    pub fn with_reads(self) -> Self {
        match self {
            Self::Unsafe | Self::UnsafeAndReads => Self::UnsafeAndReads,
            Self::Listed(listed) => {
                let reads = READS
                    .into_iter()
                    .flat_map(|name| Method::from_bytes(name.as_bytes()));
                let mut all = listed.into_vec();
                for read in reads {
                    if !all.contains(&read) {
                        all.push(read);
                    }
                }
                Self::Listed(all.into())
            }
        }
    }

    /// Whether they are not listed.
    pub const fn are_unlisted(&self) -> bool {
        match self {
            Self::Unsafe | Self::UnsafeAndReads => true,
            Self::Listed(_) => false,
        }
    }

    /// Whether two routes that differ in nothing else leave open which of them a request takes: a list is more specific
    /// than [`Methods::Unsafe`], two lists with a method in common are not.
    pub(super) fn is_ambiguous_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Listed(left), Self::Listed(right)) => {
                left.iter().any(|method| right.contains(method))
            }
            (one, other) => one.are_unlisted() && other.are_unlisted(),
        }
    }

    pub(super) fn lists_a_safe_method(&self) -> bool {
        match self {
            Self::Unsafe => false,
            Self::UnsafeAndReads => true,
            Self::Listed(listed) => listed.iter().any(is_safe),
        }
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsafe => f.write_str("unsafe"),
            Self::UnsafeAndReads => f.write_str("unsafe, and reads"),
            Self::Listed(listed) if listed.is_empty() => f.write_str("none"),
            Self::Listed(listed) => {
                let names: Vec<&str> = listed.iter().map(Method::as_str).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

/// Where a method override stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A field, by its name in lower case.
    Field(&'static str),
    /// `_method` in the query.
    Query,
    /// `_method` in a form.
    Body,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, "the field `{name}`"),
            Self::Query => f.write_str("`_method` in the query"),
            Self::Body => f.write_str("`_method` in the body"),
        }
    }
}

/// The methods that a request may come to, never empty, the effective one first: an unsafe override if there is one,
/// else the method itself.
///
/// The method itself is always among them, or `PUT` with an override of `POST` would pass where only `POST` may.
pub(super) fn candidates<'a>(head: &Head<'a>) -> Result<Cow<'a, [Method]>, KeyError> {
    let mut methods = Vec::new();
    if may_be_overridden(head) {
        for (_, text) in overrides(head) {
            push_override(&text, &mut methods)?;
        }
    }
    let folded = folded(head.method);
    if methods.is_empty() && folded.is_none() {
        return Ok(Cow::Borrowed(slice::from_ref(head.method)));
    }
    let own = folded.unwrap_or_else(|| head.method.clone());
    if !methods.contains(&own) {
        methods.push(own);
    }
    Ok(Cow::Owned(methods))
}

/// What overrides the method of a request, and where each stands; a safe or malformed one does not.
pub fn heeded(head: &Head<'_>) -> Vec<(Place, Method)> {
    let read = overrides(head).filter_map(|(place, text)| Some((place, read_override(&text)?)));
    read.collect()
}

/// Whether there may be any such text: hardly any request has one, and most of these have but to be looked at.
fn may_be_overridden(head: &Head<'_>) -> bool {
    head.content.is_some()
        || head
            .query
            .is_some_and(|query| may_name_a_method(query.as_bytes()))
        || head.headers.present().has(Named::MethodOverride)
}

/// Every text that a backend may take for the method.
fn overrides<'a>(head: &Head<'a>) -> impl Iterator<Item = (Place, Cow<'a, str>)> {
    let headers = head.headers;
    let fields = OVERRIDES.into_iter().flat_map(move |name| {
        // Node joins field lines with commas, and Express takes the first; another backend may take the last.
        let texts = field_lines(headers, name).flat_map(|line| text(line).unwrap_or("").split(','));
        texts.map(move |text| (Place::Field(name), Cow::Borrowed(text)))
    });
    // Of several, Express takes the first, PHP and Rack the last.
    let query = head.query.map(str::as_bytes);
    let query = query.filter(|list| may_name_a_method(list)).unwrap_or(b"");
    let named = form_urlencoded::parse(query).filter(|(name, _)| name == METHOD_NAME);
    let in_query = named.map(|(_, text)| (Place::Query, text));
    let content = head.content.into_iter().flat_map(Content::methods);
    let in_body = content.map(|text| (Place::Body, Cow::Borrowed(text)));
    fields.chain(in_query).chain(in_body)
}

/// The method for which backends that fold the case of methods take this one, as `PUT` for `put`; none where that is the same. `get` stays
/// what it is, an unknown method and so a write.
fn folded(method: &Method) -> Option<Method> {
    let mut letters = method.as_str().bytes();
    if !letters.any(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let upper = Method::from_bytes(method.as_str().to_ascii_uppercase().as_bytes());
    upper.ok().filter(|upper| !is_safe(upper))
}

/// Whether a query or an urlencoded body has to be parsed to know whether it names a method: most need not.
pub fn may_name_a_method(list: &[u8]) -> bool {
    memchr::memchr(b'%', list).is_some()
        || memchr::memmem::find(list, METHOD_NAME.as_bytes()).is_some()
}

fn read_override(text: &str) -> Option<Method> {
    let method = Method::from_bytes(text.trim().to_ascii_uppercase().as_bytes());
    method.ok().filter(|method| !is_safe(method))
}

fn push_override(text: &str, methods: &mut Vec<Method>) -> Result<(), KeyError> {
    let Some(method) = read_override(text).filter(|method| !methods.contains(method)) else {
        return Ok(());
    };
    if methods.len() == METHOD_LIMIT {
        return Err(KeyError::TooManyMethods {
            limit: METHOD_LIMIT,
        });
    }
    methods.push(method);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::head::Fields;
    use http::{HeaderName, HeaderValue};

    fn names(
        method: &str,
        query: Option<&str>,
        headers: &[(&'static str, &'static str)],
    ) -> Vec<String> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        let head = Head {
            method: &method,
            path: "/",
            query,
            host: "",
            headers: &headers,
            client_subject: None,
            content: None,
        };
        let methods = candidates(&head).unwrap();
        methods
            .iter()
            .map(|method| method.as_str().to_owned())
            .collect()
    }

    #[test]
    fn an_override_comes_first_and_the_method_itself_stays() {
        for field in [
            "x-http-method-override",
            "x-http-method",
            "x-method-override",
        ] {
            assert_eq!(
                names("POST", None, &[(field, " patch ")]),
                ["PATCH", "POST"]
            );
        }
        assert_eq!(names("GET", Some("a=b&%5Fmethod=put"), &[]), ["PUT", "GET"]);
        assert_eq!(
            names("POST", Some("_method=PUT&_method=DELETE"), &[]),
            ["PUT", "DELETE", "POST"]
        );
        assert_eq!(
            names("POST", None, &[("x-http-method", "GET, PUT")]),
            ["PUT", "POST"]
        );
    }

    #[test]
    fn a_safe_or_malformed_override_does_not_make_a_write_safe() {
        assert_eq!(
            names(
                "POST",
                Some("_method=get"),
                &[("x-http-method", "no method")]
            ),
            ["POST"]
        );
        assert_eq!(names("GET", Some("_method="), &[]), ["GET"]);
    }

    #[test]
    fn methods_are_folded_only_to_what_writes() {
        assert_eq!(names("put", None, &[]), ["PUT"]);
        assert_eq!(names("get", None, &[]), ["get"]);
        assert!(!is_safe(&Method::from_bytes(b"get").unwrap()));
    }

    #[test]
    fn overrides_without_end_are_refused() {
        let query: String = (0..9).map(|nth| format!("_method=M{nth}&")).collect();
        let head = Head {
            method: &Method::POST,
            path: "/",
            query: Some(&query),
            host: "",
            headers: &Fields::default(),
            client_subject: None,
            content: None,
        };
        assert_eq!(
            candidates(&head),
            Err(KeyError::TooManyMethods {
                limit: METHOD_LIMIT
            })
        );
    }
}
