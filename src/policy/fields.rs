//! What the fields of a request say about its kind: where it moves to, and whether it is a request for a resource at all.

use http::header::{CONNECTION, CONTENT_TYPE, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

/// The lines of a field by its name in lower case. CGI and its heirs (WSGI, Rack, PHP) read `X_Tenant` as `X-Tenant`.
pub(super) fn field_lines<'a>(
    headers: &'a HeaderMap,
    name: &'a str,
) -> impl Iterator<Item = &'a HeaderValue> {
    let dashed = |byte| if byte == b'_' { b'-' } else { byte };
    let is_spelling = move |spelled: &HeaderName| {
        let spelled = spelled.as_str();
        spelled.len() == name.len() && spelled.bytes().map(dashed).eq(name.bytes().map(dashed))
    };
    let lines = headers
        .iter()
        .filter(move |(spelled, _)| is_spelling(spelled));
    lines.map(|(_, line)| line)
}

/// RFC 4918 §10.3: an absolute URI, or a path. A malformed one names nothing.
pub(super) fn destinations(headers: &HeaderMap) -> impl Iterator<Item = Uri> {
    let is_target = |uri: &Uri| uri.scheme().is_some() || uri.path().starts_with('/');
    headers
        .get_all("destination")
        .into_iter()
        .filter_map(|value| Uri::try_from(value.as_bytes().trim_ascii()).ok())
        .filter(is_target)
}

/// Whether `Content-Type` is `essence`, or begins with it up to a `+` or a `-`, as in `application/grpc-web+proto`.
pub(super) fn has_media_type(headers: &HeaderMap, essence: &str) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    let value = value.as_bytes();
    value.len() >= essence.len()
        && value[..essence.len()].eq_ignore_ascii_case(essence.as_bytes())
        && !value[essence.len()..]
            .first()
            .is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether the request asks to leave HTTP. An offer of another HTTP version does not: Java's client makes it with every
/// request in clear.
pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
    let tokens = |name| {
        let values = headers.get_all(name).into_iter();
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
    };
    let stays_http = |protocol: &str| {
        let name = protocol.split('/').next().unwrap_or(protocol);
        ["", "h2c", "h2", "http", "tls"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    };
    tokens(CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"))
        && tokens(UPGRADE).any(|protocol| !stays_http(protocol))
}
