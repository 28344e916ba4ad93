//! Which browser applications of other origins may read the gateway's own answers (the CORS protocol of the Fetch standard).
//!
//! Only answers that the gateway makes itself: what the backend says of its own responses, and of preflights, is the
//! backend's.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ORIGIN, VARY,
};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue};

/// What is not readable without being named here (Fetch, "CORS-safelisted response-header name").
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Retry-After, Proxy-Status, Writegate-Waited, Writegate-Joined, grpc-status, grpc-message, grpc-retry-pushback-ms",
);

/// Who may read the answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cors {
    /// Applications of the same origin only.
    #[default]
    SameOrigin,
    /// Any application, without what a browser adds of itself, such as cookies.
    Any,
    /// Those of these origins, with cookies, too.
    Listed(Box<[WebOrigin]>),
}

/// The origin of a document, as a browser writes it into `Origin` (RFC 6454 §6.2): scheme, host and perhaps port, in lower
/// case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOrigin(Box<str>);

/// Why a text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// `*` among others.
    #[error("write `cors = \"*\"`, not in a list")]
    Star,
    /// `null`
    #[error("`null` cannot be listed: it is the origin of any document in a sandbox")]
    Null,
    /// A pattern.
    #[error("`{0}`: there are no wildcards, list each origin")]
    Wildcard(String),
    /// A host alone.
    #[error("`{0}` has no scheme: write `https://{0}`")]
    NoScheme(String),
    /// An origin, but not as a browser writes it.
    #[error("no browser writes `{0}` as an origin: write `{1}`")]
    Spelling(String, String),
    /// None at all.
    #[error(
        "`{0}` is no origin: write scheme, host and perhaps port, as `https://app.example`; a host with other letters than a \
         to z as browsers send it, as `xn--…`"
    )]
    Not(String),
}

impl WebOrigin {
    /// One that a browser may send.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        match text {
            "*" => return Err(OriginError::Star),
            "null" => return Err(OriginError::Null),
            _ if text.contains('*') => return Err(OriginError::Wildcard(text.to_owned())),
            _ => {}
        }
        let not = || OriginError::Not(text.to_owned());
        let Some((scheme, rest)) = text.split_once("://") else {
            let is_host = !text.is_empty() && !text.contains(['/', '@']);
            return Err(match text.parse::<Authority>() {
                Ok(_) if is_host => OriginError::NoScheme(text.to_owned()),
                Ok(_) | Err(_) => not(),
            });
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let canonical = canonical(scheme, &rest[..end]).ok_or_else(not)?;
        if canonical != text {
            return Err(OriginError::Spelling(text.to_owned(), canonical));
        }
        Ok(Self(canonical.into()))
    }
}

/// As a browser writes it; none if it is no origin.
fn canonical(scheme: &str, authority: &str) -> Option<String> {
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let scheme = scheme.to_ascii_lowercase();
    let parsed: Authority = authority.parse().ok()?;
    let host = parsed.host().to_ascii_lowercase();
    let port = match authority[parsed.host().len()..].strip_prefix(':') {
        Some(port) => Some(port.parse::<u16>().ok()?),
        None => None,
    };
    if !is_scheme || host.is_empty() || authority.contains('@') {
        return None;
    }
    Some(match (&*scheme, port) {
        ("http", Some(80)) | ("https", Some(443)) | (_, None) => format!("{scheme}://{host}"),
        (_, Some(port)) => format!("{scheme}://{host}:{port}"),
    })
}

impl Cors {
    /// Lets a document of this origin read the answer that has these fields.
    pub(super) fn admit(&self, origin: Option<&HeaderValue>, fields: &mut HeaderMap) {
        let allowed = match self {
            Self::SameOrigin => return,
            Self::Any => HeaderValue::from_static("*"),
            Self::Listed(listed) => {
                fields.insert(VARY, HeaderValue::from(ORIGIN));
                let is_listed = |origin: &&HeaderValue| {
                    listed
                        .iter()
                        .any(|listed| listed.0.as_bytes() == origin.as_bytes())
                };
                let Some(origin) = origin.filter(is_listed) else {
                    return;
                };
                fields.insert(
                    ACCESS_CONTROL_ALLOW_CREDENTIALS,
                    HeaderValue::from_static("true"),
                );
                origin.clone()
            }
        };
        fields.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        fields.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for origin in [
            "https://app.example",
            "http://localhost:5173",
            "http://[::1]:8080",
            "capacitor://localhost",
            "https://xn--bcher-kva.example",
        ] {
            assert!(WebOrigin::parse(origin).is_ok(), "{origin}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_with_what_to_write() {
        for (text, told) in [
            ("https://app.example/", "write `https://app.example`"),
            ("https://App.example:443/a?b", "write `https://app.example`"),
            ("HTTP://app.example:80", "write `http://app.example`"),
            ("https://app.example:080", "write `https://app.example:80`"),
            ("app.example:8080", "write `https://app.example:8080`"),
            ("https://*.example", "no wildcards"),
            ("*", "write `cors = \"*\"`, not in a list"),
            ("null", "cannot be listed"),
            ("https://bücher.example", "as `https://app.example`"),
            ("https://", "as `https://app.example`"),
            ("https://u@app.example", "as `https://app.example`"),
            ("https://app.example:99999", "as `https://app.example`"),
            ("1://app.example", "as `https://app.example`"),
            ("", "as `https://app.example`"),
        ] {
            let error = WebOrigin::parse(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
