//! What the fields of a request say about its kind: where it moves to, and whether it is a request for a resource at all.
//!
//! Invariant: a field that `Connection` nominates says nothing. It stays behind, so the origin server never reads it.

use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, UPGRADE};
use http::{HeaderMap, HeaderName, Uri};

use super::head::Fields;
use super::key::KeyError;
use super::present::Named;

/// The members of a list-valued field (RFC 9110 §5.6.1).
pub(super) fn tokens<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

/// The fields that `Connection` nominates, so that they stay behind (RFC 9110 §7.6.1).
pub(super) fn nominated(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    tokens(headers, &CONNECTION)
        .filter_map(|token| HeaderName::try_from(token).ok())
        // Without these a message has another meaning: no client may have them removed.
        .filter(|name| *name != HOST && *name != CONTENT_LENGTH)
}

/// What `Connection` nominates, as far as it is text.
fn options(fields: &Fields) -> impl Iterator<Item = &str> {
    let connection = fields.values(Named::Connection).filter_map(text);
    connection.flat_map(|line| line.split(',')).map(str::trim)
}

/// Whether a field is not among what is nominated, or cannot be.
fn goes_on<'a>(name: &[u8], mut options: impl Iterator<Item = &'a str>) -> bool {
    let stays = |field: HeaderName| name.eq_ignore_ascii_case(field.as_str().as_bytes());
    stays(HOST)
        || stays(CONTENT_LENGTH)
        || options.all(|option| !option.as_bytes().eq_ignore_ascii_case(name))
}

/// A field line, if it is text; of another there is no telling what a backend makes of it.
pub(super) fn text(line: &[u8]) -> Option<&str> {
    str::from_utf8(line).ok().filter(|line| line.is_ascii())
}

/// Whether some backend takes a field of the one name for one of the other: CGI and its heirs do, in whose variables both
/// become the same, in whatever case.
#[inline]
pub(super) fn is_spelling(spelled: &[u8], name: &[u8]) -> bool {
    let dashed = |byte: &u8| match *byte {
        b'_' => b'-',
        other => other.to_ascii_lowercase(),
    };
    spelled.len() == name.len() && spelled.iter().map(dashed).eq(name.iter().map(dashed))
}

/// Removes a field, however it is spelled.
pub(super) fn remove_spellings(headers: &mut HeaderMap, name: &HeaderName) {
    let spellings = headers
        .keys()
        .filter(|spelled| is_spelling(spelled.as_ref(), name.as_ref()));
    let spellings: Vec<HeaderName> = spellings.cloned().collect();
    for spelled in spellings {
        headers.remove(spelled);
    }
}

/// The lines of a field by its name in lower case. CGI and its heirs (WSGI, Rack, PHP) read `X_Tenant` as `X-Tenant`.
pub(super) fn field_lines<'a>(fields: &'a Fields, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let nominated: Vec<&str> = options(fields).collect();
    let lines = fields.iter().filter(move |(spelled, _)| {
        let nominated = nominated.iter().copied();
        is_spelling(spelled, name.as_bytes()) && goes_on(spelled, nominated)
    });
    lines.map(|(_, line)| line)
}

/// RFC 4918 §10.3: an absolute URI, or an absolute path. One that begins with `//` is read as either: an origin server
/// may take what follows for an authority, or merge the slashes. One that is neither may be read by it all the same,
/// and nobody could tell what it names.
pub(super) fn destinations(fields: &Fields) -> impl Iterator<Item = Result<Uri, KeyError>> {
    let is_named = |uri: &Uri| uri.scheme().is_some() || uri.path().starts_with('/');
    let parsed = move |text: &[u8]| {
        let uri = Uri::try_from(text).ok().filter(is_named);
        uri.ok_or(KeyError::Destination)
    };
    field_lines(fields, "destination").flat_map(move |value| {
        let text = value.trim_ascii();
        let has_authority = text.starts_with(b"//");
        let network = has_authority.then(|| parsed(&[b"http:", text].concat()));
        [Some(parsed(text)), network].into_iter().flatten()
    })
}

/// Whether `Content-Type` is `essence`, or begins with it up to a `+` or a `-`, as in `application/grpc-web+proto`.
pub(super) fn has_media_type(fields: &Fields, essence: &str) -> bool {
    let is_one = |value: &[u8]| {
        value
            .split_at_checked(essence.len())
            .is_some_and(|(begin, rest)| {
                begin.eq_ignore_ascii_case(essence.as_bytes())
                    && !rest.first().is_some_and(u8::is_ascii_alphanumeric)
            })
    };
    // Few are, and what is nominated takes longer to find out.
    fields.value(Named::ContentType).is_some_and(is_one)
        && goes_on(CONTENT_TYPE.as_str().as_bytes(), options(fields))
}

/// Whether the request asks to leave HTTP.
pub(super) fn asks_upgrade(fields: &Fields) -> bool {
    fields.present().has(Named::Upgrade) && is_upgrade(&fields.map())
}

/// The same, of fields as a map. An offer of another HTTP version does not: Java's client makes it with every
/// request in clear.
pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
    let stays_http = |protocol: &str| {
        let name = protocol.split('/').next().unwrap_or(protocol);
        ["", "h2c", "h2", "http", "tls"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    };
    let mut options = tokens(headers, &CONNECTION);
    // Of several the backend takes which it likes: beside one that stays HTTP no other is asked for.
    options.any(|option| option.eq_ignore_ascii_case("upgrade"))
        && headers.contains_key(UPGRADE)
        && !tokens(headers, &UPGRADE).any(stays_http)
}
