//! Which fields of a request and of a response go on, and what the gateway adds (RFC 9110 §7.6).
//!
//! Everything that is not about this connection alone passes as it came: names, values, and the order of
//! lines with one name. The order of different names has no meaning (RFC 9110 §5.3), and may change; nor has the case of
//! names, which go on in lower case unless it is to be kept.

mod forwarded;

use std::net::IpAddr;

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::{HeaderMap, HeaderName, HeaderValue, Version, response};
use serde::Deserialize;

use super::family::HOLD;
use super::fields::{is_upgrade, nominated, remove_spellings, tokens};

/// RFC 7239.
const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// The name under which a request is found again in logs.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is said of the client to the upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forwarding {
    /// Added to what came with the request.
    #[default]
    Append,
    /// Put in place of what came with the request.
    Replace,
    /// What came with the request passes, and nothing is added.
    Off,
}

/// What there is to say about the hop from the client.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// Where the client connects from; none over a Unix socket.
    pub client: Option<IpAddr>,
    /// The host that it asked for.
    pub host: Option<&'a HeaderValue>,
    /// The version in which it was received.
    pub version: Version,
    /// Whether TLS was spoken.
    pub is_secure: bool,
    /// The field that tells whose certificate the client has shown, and that of this one. Whatever the client says there
    /// itself stays behind.
    pub subject: Option<(&'a HeaderName, Option<&'a str>)>,
    /// What is said of it.
    pub forwarding: Forwarding,
    /// Whether the gateway names itself in `Via`.
    pub via: bool,
}

/// Whether a field is one that the gateway reads or writes itself, or that says how a message is framed or routed: none
/// that could be given another meaning.
pub fn is_of_gateway(name: &HeaderName) -> bool {
    let framing = [CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER];
    let hops = [
        TRANSFER_ENCODING,
        UPGRADE,
        VIA,
        KEEP_ALIVE,
        PROXY_CONNECTION,
    ];
    let client = [
        FORWARDED,
        X_FORWARDED_FOR,
        X_FORWARDED_HOST,
        X_FORWARDED_PROTO,
    ];
    framing.contains(name)
        || hops.contains(name)
        || client.contains(name)
        || [X_REQUEST_ID, HOLD].contains(name)
}

/// Has a trailer section say no more than a head may: nothing in the place of the field that tells whose certificate the
/// client has shown.
pub fn prepare_trailers(fields: &mut HeaderMap, subject: &HeaderName) {
    remove_spellings(fields, subject);
}

/// The protocol that a message changes to, if it leaves HTTP. An offer of another version of HTTP stays behind: what
/// were said in that, nobody here could guard.
pub fn upgrade(fields: &HeaderMap) -> Option<&HeaderValue> {
    fields.get(UPGRADE).filter(|_| is_upgrade(fields))
}

/// Writes a field that only the gateway writes: whatever the client says there itself stays behind.
pub fn tell(fields: &mut HeaderMap, name: &HeaderName, value: Option<HeaderValue>) {
    remove_spellings(fields, name);
    if let Some(value) = value {
        fields.insert(name, value);
    }
}

/// Turns the fields that came from a client into those that go upstream. `Expect` goes on only where
/// the upstream is to answer it.
pub fn prepare_request(fields: &mut HeaderMap, hop: &Hop<'_>, keeps_expect: bool) {
    let takes_trailers = tokens(fields, &TE).any(|token| token.eq_ignore_ascii_case("trailers"));
    let is_chunked = fields.contains_key(TRANSFER_ENCODING);
    let upgrade = upgrade(fields).cloned();
    remove_hop_by_hop(fields);
    if !keeps_expect {
        fields.remove(EXPECT);
    }
    if let Some((name, subject)) = hop.subject {
        let subject = subject.and_then(|text| HeaderValue::from_str(text).ok());
        tell(fields, name, subject);
    }
    let options = match (upgrade.is_some(), takes_trailers) {
        (true, true) => Some("upgrade, te"),
        (true, false) => Some("upgrade"),
        // RFC 9110 §10.1.4: without it the next hop might pass `TE` on.
        (false, true) => Some("te"),
        (false, false) => None,
    };
    if let Some(options) = options {
        fields.insert(CONNECTION, HeaderValue::from_static(options));
    }
    if takes_trailers {
        fields.insert(TE, HeaderValue::from_static("trailers"));
    }
    if is_chunked {
        fields.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if let Some(protocol) = upgrade {
        fields.insert(UPGRADE, protocol);
    }
    if hop.via {
        let received = match hop.version {
            Version::HTTP_10 => "1.0 writegate",
            Version::HTTP_2 => "2 writegate",
            _ => "1.1 writegate",
        };
        fields.append(VIA, HeaderValue::from_static(received));
    }
    match hop.forwarding {
        Forwarding::Append => tell_of_client(fields, hop),
        Forwarding::Replace => {
            for name in [
                FORWARDED,
                X_FORWARDED_FOR,
                X_FORWARDED_HOST,
                X_FORWARDED_PROTO,
            ] {
                fields.remove(name);
            }
            tell_of_client(fields, hop);
        }
        Forwarding::Off => {}
    }
}

/// Turns the fields that came from the upstream into those that go to the client.
pub fn prepare_response(fields: &mut HeaderMap) {
    let upgrade = upgrade(fields).cloned();
    remove_hop_by_hop(fields);
    // A backend that answers with what it was sent gives it away.
    fields.remove(HOLD);
    if let Some(protocol) = upgrade {
        fields.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        fields.insert(UPGRADE, protocol);
    }
}

/// Turns the fields of an informational response into those that go to the client. It has no content
/// (RFC 9110 §15.2).
pub fn prepare_interim(fields: &mut HeaderMap) {
    remove_hop_by_hop(fields);
    fields.remove(HOLD);
    fields.remove(CONTENT_LENGTH);
}

/// Whether everybody finds the same end to this response (RFC 9112 §6.3). hyper frames by the transfer
/// coding, and a client that is told a length besides would frame by that.
pub fn has_one_reading(head: &response::Parts) -> bool {
    let mut lengths = head.headers.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next();
    let is_number = |value: &HeaderValue| value.as_bytes().iter().all(u8::is_ascii_digit);
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    let has_length = length.is_some();
    let is_length_plain = length.is_none_or(is_number) && lengths.next().is_none();
    match (codings.next(), codings.next()) {
        (None, _) => is_length_plain,
        (Some(coding), None) => !has_length && coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

/// Whether the connection may be used again after this response (RFC 9112 §9.3).
pub fn persists(head: &response::Parts) -> bool {
    let has = |option: &str| {
        tokens(&head.headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case(option))
    };
    if head.version == Version::HTTP_10 {
        has("keep-alive")
    } else {
        !has("close")
    }
}

fn remove_hop_by_hop(fields: &mut HeaderMap) {
    if fields.contains_key(CONNECTION) {
        let nominated: Vec<HeaderName> = nominated(fields).collect();
        for name in nominated {
            fields.remove(name);
        }
        fields.remove(CONNECTION);
    }
    for name in [KEEP_ALIVE, PROXY_CONNECTION, TE, TRANSFER_ENCODING, UPGRADE] {
        fields.remove(name);
    }
}

fn tell_of_client(fields: &mut HeaderMap, hop: &Hop<'_>) {
    let client = hop.client.map(|client| client.to_canonical().to_string());
    extend_list(
        fields,
        &X_FORWARDED_FOR,
        client.as_deref().unwrap_or("unknown"),
    );
    let scheme = if hop.is_secure { "https" } else { "http" };
    fields
        .entry(X_FORWARDED_PROTO)
        .or_insert(HeaderValue::from_static(scheme));
    if let Some(host) = hop.host {
        fields
            .entry(X_FORWARDED_HOST)
            .or_insert_with(|| host.clone());
    }
    let node = match (hop.client, client) {
        (Some(IpAddr::V6(address)), Some(text)) if address.to_ipv4_mapped().is_none() => {
            format!("\"[{text}]\"")
        }
        (_, Some(text)) => text,
        (_, None) => "unknown".to_owned(),
    };
    let host = hop
        .host
        .and_then(|host| host.to_str().ok())
        .filter(|host| !host.contains(['"', '\\']))
        .map(|host| format!(";host=\"{host}\""));
    let mut came = fields.get_all(FORWARDED).iter();
    if !came.all(|value| forwarded::is_list(value.as_bytes())) {
        // What was added to it could be taken for a part of it.
        fields.remove(FORWARDED);
    }
    extend_list(
        fields,
        &FORWARDED,
        &format!("for={node}{};proto={scheme}", host.unwrap_or_default()),
    );
}

/// Adds a member to a list-valued field, in the one line that every backend understands.
fn extend_list(fields: &mut HeaderMap, name: &HeaderName, member: &str) {
    let mut list = Vec::new();
    for value in fields.get_all(name) {
        list.extend_from_slice(value.as_bytes());
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(member.as_bytes());
    if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(list)) {
        fields.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(*name, HeaderValue::from_static(value));
        }
        fields
    }

    fn hop(host: &HeaderValue) -> Hop<'_> {
        Hop {
            client: Some("192.0.2.1".parse().expect("an address")),
            host: Some(host),
            version: Version::HTTP_11,
            is_secure: false,
            subject: None,
            forwarding: Forwarding::Append,
            via: true,
        }
    }

    #[test]
    fn what_is_about_the_connection_stays_behind_and_all_else_goes_on() {
        let host = HeaderValue::from_static("a.example");
        let mut request = fields(&[
            ("connection", "keep-alive, X-Secret"),
            ("x-secret", "1"),
            ("keep-alive", "5"),
            ("te", "trailers, gzip"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
            ("x-forwarded-for", "198.51.100.7"),
        ]);
        prepare_request(&mut request, &hop(&host), false);
        let mut lines: Vec<_> = request
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort_by(|a, b| a.split(':').next().cmp(&b.split(':').next()));
        assert_eq!(
            lines,
            [
                "connection: te",
                "cookie: a=1",
                "cookie: b=2",
                "forwarded: for=192.0.2.1;host=\"a.example\";proto=http",
                "te: trailers",
                "via: 1.1 writegate",
                "x-forwarded-for: 198.51.100.7, 192.0.2.1",
                "x-forwarded-host: a.example",
                "x-forwarded-proto: http",
            ]
        );
    }

    #[test]
    fn a_client_cannot_have_the_fields_removed_that_give_a_message_its_meaning() {
        let host = HeaderValue::from_static("a.example");
        let mut request = fields(&[
            ("connection", "host, content-length"),
            ("host", "a.example"),
            ("content-length", "3"),
        ]);
        prepare_request(&mut request, &hop(&host), false);
        assert!(request.contains_key("host") && request.contains_key("content-length"));
    }

    #[test]
    fn what_would_hide_the_client_stays_behind() {
        let host = HeaderValue::from_static("a.example");
        let mut request = fields(&[("forwarded", "for=\"198.51.100.7"), ("forwarded", "for=x")]);
        prepare_request(&mut request, &hop(&host), false);
        assert_eq!(
            request["forwarded"],
            "for=192.0.2.1;host=\"a.example\";proto=http"
        );
    }

    #[test]
    fn an_upgrade_goes_on() {
        let host = HeaderValue::from_static("a.example");
        let mut request = fields(&[("connection", "Upgrade"), ("upgrade", "websocket")]);
        prepare_request(&mut request, &hop(&host), false);
        assert_eq!(request["upgrade"], "websocket");
        assert_eq!(request["connection"], "upgrade");
        request.insert(TE, HeaderValue::from_static("trailers"));
        prepare_request(&mut request, &hop(&host), false);
        assert_eq!(request["te"], "trailers");
        assert_eq!(request["connection"], "upgrade, te");
    }

    #[test]
    fn via_names_the_version_that_was_received() {
        let host = HeaderValue::from_static("a.example");
        let mut request = fields(&[("via", "1.1 proxy")]);
        let hop = Hop {
            version: Version::HTTP_10,
            ..hop(&host)
        };
        prepare_request(&mut request, &hop, false);
        let lines: Vec<_> = request.get_all(VIA).into_iter().collect();
        assert_eq!(lines, ["1.1 proxy", "1.0 writegate"]);
    }

    #[test]
    fn what_a_client_says_of_itself_can_be_replaced() {
        let host = HeaderValue::from_static("a.example");
        let mut request = fields(&[
            ("x-forwarded-for", "198.51.100.7"),
            ("x-forwarded-proto", "https"),
        ]);
        prepare_request(
            &mut request,
            &Hop {
                forwarding: Forwarding::Replace,
                ..hop(&host)
            },
            false,
        );
        assert_eq!(request["x-forwarded-for"], "192.0.2.1");
        assert_eq!(request["x-forwarded-proto"], "http");
    }

    #[test]
    fn what_came_within_tls_is_told_as_https() {
        let host = HeaderValue::from_static("a.example");
        let mut request = HeaderMap::new();
        let hop = Hop {
            is_secure: true,
            ..hop(&host)
        };
        prepare_request(&mut request, &hop, false);
        assert_eq!(request["x-forwarded-proto"], "https");
        let forwarded = request["forwarded"].to_str().unwrap();
        assert!(forwarded.ends_with(";proto=https"), "{forwarded}");
    }

    #[test]
    fn only_the_gateway_says_whose_certificate_the_client_has_shown() {
        let host = HeaderValue::from_static("a.example");
        let name = HeaderName::from_static("x-client-subject");
        let forged = || {
            fields(&[
                ("x-client-subject", "CN=admin"),
                ("x_client-subject", "CN=admin"),
                ("X_CLIENT_SUBJECT", "CN=admin"),
                ("x-client-subjects", "1"),
            ])
        };
        let told = |subject| {
            let mut request = forged();
            let hop = Hop {
                subject: Some((&name, subject)),
                ..hop(&host)
            };
            prepare_request(&mut request, &hop, false);
            let lines = request
                .iter()
                .filter(|(name, _)| name.as_str().contains("client"));
            let lines = lines.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
            let mut lines: Vec<_> = lines.collect();
            lines.sort();
            lines
        };
        assert_eq!(told(None), ["x-client-subjects: 1"]);
        assert_eq!(
            told(Some("CN=desk")),
            ["x-client-subject: CN=desk", "x-client-subjects: 1"]
        );
        let mut trailers = forged();
        prepare_trailers(&mut trailers, &name);
        assert_eq!(trailers.len(), 1);
    }
}
