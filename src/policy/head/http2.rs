//! Whether a request that came over HTTP/2 can be said in HTTP/1.1 in one way only (RFC 9113 §8.2 and §8.3).
//!
//! The head was decoded and its values are free of NUL, CR and LF by then: the types of the `http` crate see to that.
//! A fragment in `:path` is gone by then, too.

use http::header::{CONTENT_LENGTH, COOKIE, HOST};
use http::{HeaderMap, Method, request};

use super::framing::number;
use super::line::has_control;
use super::names::{belongs_in_trailers, is_alias, is_connection_only};
use super::request_line::{check_target, is_host};
use super::{Limits, Malformed};

/// What a field line has over HTTP/1.1 beside its name and its value: a colon, a space, CR LF.
const FIELD_EXTRA: usize = 4;

/// Checks the head of a request that came over HTTP/2.
///
/// A `CONNECT` has a scheme and a path where it is an extended one (RFC 8441 §4), and neither where it asks for a
/// forward proxy.
pub fn check_http2(head: &request::Parts, limits: Limits) -> Result<(), Malformed> {
    let is_extended = head.uri.scheme().is_some();
    if head.method == Method::CONNECT && !is_extended {
        return Err(Malformed::Connect);
    }
    check_path(head, limits)?;
    check_size(head, limits)?;
    check_host(head)?;
    check_fields(&head.headers)
}

/// Checks a trailer section that came over HTTP/2, from either side.
pub fn check_http2_trailers(fields: &HeaderMap) -> bool {
    fields
        .keys()
        .map(|name| name.as_str().as_bytes())
        .all(|name| belongs_in_trailers(name) && !is_alias(name))
}

/// By what it would be over HTTP/1.1, where a cookie is one field. It may come in pieces (RFC 9113 §8.2.3), and browsers
/// send it so.
fn check_size(head: &request::Parts, limits: Limits) -> Result<(), Malformed> {
    let fields = &head.headers;
    let pieces = fields.get_all(COOKIE).iter().count().saturating_sub(1);
    let octets = fields
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + FIELD_EXTRA)
        .chain([head.method.as_str().len()])
        .chain(
            head.uri
                .path_and_query()
                .map(|target| target.as_str().len()),
        )
        .chain(head.uri.authority().map(|host| host.as_str().len()));
    if octets.sum::<usize>() > limits.head || fields.len() - pieces > limits.fields {
        return Err(Malformed::TooLarge(limits));
    }
    Ok(())
}

fn check_path(head: &request::Parts, limits: Limits) -> Result<(), Malformed> {
    let is_known = |scheme: &str| scheme == "http" || scheme == "https";
    if !head.uri.scheme_str().is_none_or(is_known) {
        return Err(Malformed::Target);
    }
    let target = head.uri.path_and_query().ok_or(Malformed::Target)?;
    let target = target.as_str();
    let is_asterisk = target == "*" && head.method == Method::OPTIONS;
    if !target.starts_with('/') && !is_asterisk {
        return Err(Malformed::Target);
    }
    check_target(target.as_bytes(), limits)
}

/// `Host` may stand beside `:authority`, or in its place; it says the same (RFC 9113 §8.3.1).
fn check_host(head: &request::Parts) -> Result<(), Malformed> {
    let named = head.uri.authority().map(|named| named.as_str().as_bytes());
    let mut lines = head.headers.get_all(HOST).iter();
    let field = lines.next().map(|host| host.as_bytes());
    let is_repeated = lines.next().is_some();
    let host = named.or(field).ok_or(Malformed::Host)?;
    let is_same = field.is_none_or(|field| field.eq_ignore_ascii_case(host));
    (is_host(host) && is_same && !is_repeated)
        .then_some(())
        .ok_or(Malformed::Host)
}

fn check_fields(fields: &HeaderMap) -> Result<(), Malformed> {
    let mut lengths = fields.get_all(CONTENT_LENGTH).iter();
    if let Some(length) = lengths.next() {
        number(length.as_bytes())?;
    }
    if lengths.next().is_some() {
        return Err(Malformed::ContentLength);
    }
    fields
        .iter()
        .try_for_each(|(name, value)| check_field(name.as_str().as_bytes(), value.as_bytes()))
}

fn check_field(name: &[u8], value: &[u8]) -> Result<(), Malformed> {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    if has_control(value) || is_space(value.first()) || is_space(value.last()) {
        return Err(Malformed::FieldValue);
    }
    let is_other_te = name == b"te" && !value.eq_ignore_ascii_case(b"trailers");
    if is_connection_only(name) || is_other_te {
        return Err(Malformed::ConnectionField);
    }
    if is_alias(name) {
        return Err(Malformed::Alias);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue, Request};

    fn check_by_default(head: &request::Parts) -> Result<(), Malformed> {
        check_http2(head, Limits::default())
    }

    fn request(method: &str, uri: &str, fields: &[(&str, &str)]) -> request::Parts {
        let request = Request::builder().method(method).uri(uri).body(());
        let (mut head, ()) = request.expect("a request").into_parts();
        for (name, value) in fields {
            let name = HeaderName::try_from(*name).expect("a name");
            let value = HeaderValue::try_from(*value).expect("a value");
            head.headers.append(name, value);
        }
        head
    }

    fn get(fields: &[(&str, &str)]) -> Result<(), Malformed> {
        check_by_default(&request("GET", "http://a.example/x?y", fields))
    }

    #[test]
    fn what_http_1_1_could_carry_passes() {
        assert_eq!(get(&[]), Ok(()));
        assert_eq!(get(&[("host", "A.example"), ("te", "trailers")]), Ok(()));
        assert_eq!(get(&[("content-length", "5"), ("trailer", "x")]), Ok(()));
        assert_eq!(get(&[("x_tenant", "a  b"), ("empty", "")]), Ok(()));
        let only_host = request("GET", "/x", &[("host", "a.example")]);
        assert_eq!(check_by_default(&only_host), Ok(()));
        let socket = request("CONNECT", "https://a.example/chat", &[]);
        assert_eq!(check_by_default(&socket), Ok(()));
        let all = request("OPTIONS", "*", &[("host", "a.example")]);
        assert_eq!(check_by_default(&all), Ok(()));
        let crumbs = [("cookie", "a=1"); 300];
        assert_eq!(get(&crumbs), Ok(()));
    }

    #[test]
    fn a_field_that_http_1_1_could_not_carry_is_refused() {
        for (name, value, why) in [
            ("a", " b", Malformed::FieldValue),
            ("a", "b\t", Malformed::FieldValue),
            ("connection", "close", Malformed::ConnectionField),
            ("keep-alive", "5", Malformed::ConnectionField),
            ("proxy-connection", "x", Malformed::ConnectionField),
            ("transfer-encoding", "chunked", Malformed::ConnectionField),
            ("upgrade", "h2c", Malformed::ConnectionField),
            ("te", "gzip", Malformed::ConnectionField),
            ("te", "trailers, gzip", Malformed::ConnectionField),
            ("content_length", "5", Malformed::Alias),
            ("x_forwarded_for", "::1", Malformed::Alias),
            ("content-length", "5, 5", Malformed::ContentLength),
            ("content-length", "+5", Malformed::ContentLength),
            ("host", "b.example", Malformed::Host),
            ("host", "", Malformed::Host),
        ] {
            assert_eq!(get(&[(name, value)]), Err(why), "{name}: {value}");
        }
        let twice = [("host", "a.example"); 2];
        assert_eq!(get(&twice), Err(Malformed::Host));
        let twice = [("content-length", "5"); 2];
        assert_eq!(get(&twice), Err(Malformed::ContentLength));
        let many = vec![("a", "b"); Limits::default().fields + 1];
        assert_eq!(get(&many), Err(Malformed::TooLarge(Limits::default())));
    }

    #[test]
    fn a_target_that_http_1_1_could_not_carry_is_refused() {
        let long = format!("http://a/{}", "x".repeat(Limits::default().target));
        for (method, uri, why) in [
            ("CONNECT", "a.example:80", Malformed::Connect),
            ("GET", "http://u@a.example/", Malformed::Host),
            ("GET", "http://a.example:x/", Malformed::Host),
            ("GET", "/x", Malformed::Host),
            ("GET", "*", Malformed::Target),
            ("GET", "ftp://a.example/", Malformed::Target),
            ("GET", "http://a/x?\"", Malformed::Target),
            ("GET", &*long, Malformed::TargetTooLong(Limits::default())),
        ] {
            let Ok(request) = Request::builder().method(method).uri(uri).body(()) else {
                continue;
            };
            let (head, ()) = request.into_parts();
            assert_eq!(check_by_default(&head), Err(why), "{method} {uri}");
        }
    }
}
