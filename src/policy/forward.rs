//! Which fields of a request and of a response go on, and what the gateway adds (RFC 9110 §7.6).
//!
//! Everything that is not about this connection alone passes as it came: names, values, and the order of
//! lines with one name. The order of different names has no meaning (RFC 9110 §5.3), and may change; nor has the case of
//! names, which go on in lower case unless it is to be kept.

mod forwarded;

pub use forwarded::Introduction;

use http::header::Entry;
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::{HeaderMap, HeaderName, HeaderValue, Version, response};
use serde::Deserialize;

use super::family::HOLD;
use super::fields::{is_upgrade, nominated, remove_spellings, tokens};
use super::head::{Fields, ResponseHead, lists};
use super::present::{Named, Present};

/// RFC 7239.
pub(super) const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(super) const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub(super) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(super) const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
pub(super) const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

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
    /// The client.
    pub client: &'a Introduction,
    /// The host that it asked for.
    pub host: Option<&'a HeaderValue>,
    /// The version in which it was received.
    pub version: Version,
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

/// What a message that is passed on leaves behind: of what is about the connection alone, all that may be there.
const LEFT_BEHIND: Present = Present::NONE
    .with(Named::Connection)
    .with(Named::Hold)
    .with(Named::KeepAlive)
    .with(Named::ProxyConnection)
    .with(Named::Te);

/// Leaves behind what is about the connection alone, where the fields go on as they came otherwise. False where they do not.
fn pass_on(fields: &mut Fields, left_behind: Present, changed: &[Named]) -> bool {
    let is_plain = |option: &[u8]| {
        option.eq_ignore_ascii_case(b"keep-alive") || option.eq_ignore_ascii_case(b"close")
    };
    let passes = fields.are_as_they_came()
        && !changed.iter().any(|named| fields.present().has(*named))
        && fields.values(Named::Connection).all(is_plain);
    if passes {
        fields.leave_out(left_behind);
    }
    passes
}

/// Turns the fields that came from a client in this version into those that go upstream. `Expect` goes on only where the
/// upstream is to answer it.
pub fn prepare_request(fields: &mut Fields, version: Version, keeps_expect: bool) {
    let left_behind = if keeps_expect {
        LEFT_BEHIND
    } else {
        LEFT_BEHIND.with(Named::Expect)
    };
    let changed = [Named::Te, Named::TransferEncoding, Named::Upgrade];
    if pass_on(fields, left_behind, &changed) {
        return;
    }
    let present = fields.present();
    let fields = fields.map_mut();
    let is_trailers = |token: &str| token.eq_ignore_ascii_case("trailers");
    let takes_trailers = present.has(Named::Te) && tokens(fields, &TE).any(is_trailers);
    let upgrade = take_hop_by_hop(fields, present);
    // RFC 9110 §7.8: of HTTP/1.0 it is ignored.
    let upgrade = upgrade.filter(|_| version >= Version::HTTP_11);
    if present.has(Named::Expect) && !keeps_expect {
        fields.remove(EXPECT);
    }
    remove_hold(fields, present);
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
    if present.has(Named::TransferEncoding) {
        fields.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if let Some(protocol) = upgrade {
        fields.insert(UPGRADE, protocol);
    }
}

/// Says among the fields of a request who has sent it, and by whom it came.
pub fn introduce(fields: &mut HeaderMap, hop: &Hop<'_>) {
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

/// Turns the head that came from the upstream into the one that goes to the client.
pub fn prepare_response(head: &mut ResponseHead) {
    let left_behind = LEFT_BEHIND.with(Named::TransferEncoding);
    let fields = &mut head.fields;
    if pass_on(fields, left_behind, &[Named::Upgrade]) {
        return;
    }
    let fields = fields.map_mut();
    let present = Present::of(fields);
    let upgrade = take_hop_by_hop(fields, present);
    remove_hold(fields, present);
    if let Some(protocol) = upgrade {
        fields.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        fields.insert(UPGRADE, protocol);
    }
}

/// Turns the fields of an informational response into those that go to the client. It has no content
/// (RFC 9110 §15.2).
pub fn prepare_interim(fields: &mut HeaderMap) {
    let present = Present::of(fields);
    take_hop_by_hop(fields, present);
    remove_hold(fields, present);
    fields.remove(CONTENT_LENGTH);
}

/// Whether everybody finds the same end to this response (RFC 9112 §6.3). Some frame by the transfer
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
pub fn persists(head: &ResponseHead) -> bool {
    let has = |option: &[u8]| {
        head.fields
            .values(Named::Connection)
            .any(|line| lists(line, option))
    };
    if head.version == Version::HTTP_10 {
        has(b"keep-alive")
    } else {
        !has(b"close")
    }
}

/// Removes what is about the connection alone, and returns the protocol that the message changes to, if it does.
fn take_hop_by_hop(fields: &mut HeaderMap, present: Present) -> Option<HeaderValue> {
    let is_upgrade = present.has(Named::Upgrade);
    let upgrade = is_upgrade.then(|| upgrade(fields).cloned()).flatten();
    if present.has(Named::Connection) {
        let nominated: Vec<HeaderName> = nominated(fields).collect();
        for name in nominated {
            fields.remove(name);
        }
    }
    for (named, name) in [
        (Named::Connection, CONNECTION),
        (Named::KeepAlive, KEEP_ALIVE),
        (Named::ProxyConnection, PROXY_CONNECTION),
        (Named::Te, TE),
        (Named::TransferEncoding, TRANSFER_ENCODING),
        (Named::Upgrade, UPGRADE),
    ] {
        if present.has(named) {
            fields.remove(name);
        }
    }
    upgrade
}

/// A backend that answers with what it was sent gives it away.
fn remove_hold(fields: &mut HeaderMap, present: Present) {
    if present.has(Named::Hold) {
        remove_spellings(fields, &HOLD);
    }
}

fn tell_of_client(fields: &mut HeaderMap, hop: &Hop<'_>) {
    let address = hop.client.address();
    extend_list(fields, X_FORWARDED_FOR, address.clone(), |_| true);
    fields
        .entry(X_FORWARDED_PROTO)
        .or_insert_with(|| HeaderValue::from_static(hop.client.scheme()));
    if let Some(host) = hop.host {
        fields
            .entry(X_FORWARDED_HOST)
            .or_insert_with(|| host.clone());
    }
    // What were added to anything else could be taken for a part of it.
    let forwarded = hop.client.forwarded(hop.host);
    extend_list(fields, FORWARDED, forwarded, forwarded::is_list);
}

/// Adds a member to a list-valued field, in the one line that every backend understands; in place of what came, where that
/// does not let one be added.
fn extend_list(
    fields: &mut HeaderMap,
    name: HeaderName,
    member: HeaderValue,
    may_be_added_to: fn(&[u8]) -> bool,
) {
    let mut came = match fields.entry(name) {
        Entry::Vacant(none) => {
            none.insert(member);
            return;
        }
        Entry::Occupied(came) => came,
    };
    let mut list = Vec::new();
    if came.iter().all(|line| may_be_added_to(line.as_bytes())) {
        for line in came.iter() {
            list.extend_from_slice(line.as_bytes());
            list.extend_from_slice(b", ");
        }
    }
    list.extend_from_slice(member.as_bytes());
    if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(list)) {
        came.insert(value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::head::{Limits, parse_request};
    use super::*;

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(*name, HeaderValue::from_static(value));
        }
        fields
    }

    /// A client that asks for `a.example`.
    struct Asking {
        client: Introduction,
        host: HeaderValue,
    }

    impl Asking {
        fn new(is_secure: bool) -> Self {
            let address = "192.0.2.1".parse().expect("an address");
            let client = Introduction::new(Some(address), is_secure);
            Self {
                client,
                host: HeaderValue::from_static("a.example"),
            }
        }
    }

    fn prepare(fields: &mut HeaderMap, hop: &Hop<'_>) {
        let mut prepared = Fields::from(std::mem::take(fields));
        prepare_request(&mut prepared, hop.version, false);
        *fields = prepared.into_map();
        introduce(fields, hop);
    }

    fn hop(asking: &Asking) -> Hop<'_> {
        Hop {
            client: &asking.client,
            host: Some(&asking.host),
            version: Version::HTTP_11,
            forwarding: Forwarding::Append,
            via: true,
        }
    }

    proptest::proptest! {
        #[test]
        fn what_goes_on_is_the_same_of_lines_as_of_a_map(
            lines in proptest::collection::vec((0..NAMES.len(), 0..VALUES.len()), 0..6),
            keeps_expect: bool,
        ) {
            let lines = lines.iter().map(|(name, value)| format!("{}: {}\r\n", NAMES[*name], VALUES[*value]));
            let raw = format!("PUT /a HTTP/1.1\r\nHost: a\r\n{}\r\n", lines.collect::<String>());
            if let Ok(parsed) = parse_request(raw.into(), Limits::default(), false) {
                let as_came = parsed.head.fields;
                let mut ways = [Fields::from(as_came.map().into_owned()), as_came];
                let [map, lines] = ways.each_mut().map(|fields| {
                    prepare_request(fields, Version::HTTP_11, keeps_expect);
                    fields.map().into_owned()
                });
                proptest::prop_assert_eq!(map, lines);
            }
        }
    }

    const NAMES: [&str; 10] = [
        "Connection",
        "Keep-Alive",
        "Proxy-Connection",
        "TE",
        "Upgrade",
        "Expect",
        "Writegate-Hold",
        "writegate_hold",
        "X-One",
        "Transfer-Encoding",
    ];

    const VALUES: [&str; 8] = [
        "keep-alive",
        "close, keep-alive",
        "x-one",
        "upgrade",
        "websocket",
        "trailers",
        "100-continue",
        "chunked",
    ];

    #[test]
    fn what_is_about_the_connection_stays_behind_and_all_else_goes_on() {
        let asking = Asking::new(false);
        let mut request = fields(&[
            ("connection", "keep-alive, X-Secret"),
            ("x-secret", "1"),
            ("keep-alive", "5"),
            ("te", "trailers, gzip"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
            ("x-forwarded-for", "198.51.100.7"),
        ]);
        prepare(&mut request, &hop(&asking));
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
    fn a_pass_stays_behind_however_a_backend_spells_it_and_whatever_else_it_says() {
        for connection in ["close", "x-other"] {
            let raw = format!(
                "HTTP/1.1 200 OK\r\nConnection: {connection}\r\nX-Other: 1\r\nWritegate_Hold: a\r\n\
                 WRITEGATE-HOLD: b\r\nX-Kept: c\r\n\r\n"
            );
            let parsed = super::super::head::parse_response(raw.into(), false, false);
            let mut head = parsed.expect("it has one reading").head;
            prepare_response(&mut head);
            let fields = head.into_parts().headers;
            assert_eq!(fields.contains_key("x-other"), connection == "close");
            assert!(fields.contains_key("x-kept"));
            assert!(!fields.contains_key("connection"));
            assert!(!fields.contains_key("writegate-hold"), "{fields:?}");
            assert!(!fields.contains_key("writegate_hold"), "{fields:?}");
        }
    }

    #[test]
    fn a_client_cannot_have_the_fields_removed_that_give_a_message_its_meaning() {
        let asking = Asking::new(false);
        let mut request = fields(&[
            ("connection", "host, content-length"),
            ("host", "a.example"),
            ("content-length", "3"),
        ]);
        prepare(&mut request, &hop(&asking));
        assert!(request.contains_key("host") && request.contains_key("content-length"));
    }

    #[test]
    fn what_would_hide_the_client_stays_behind() {
        let asking = Asking::new(false);
        let mut request = fields(&[("forwarded", "for=\"198.51.100.7"), ("forwarded", "for=x")]);
        prepare(&mut request, &hop(&asking));
        assert_eq!(
            request["forwarded"],
            "for=192.0.2.1;host=\"a.example\";proto=http"
        );
    }

    #[test]
    fn an_upgrade_goes_on() {
        let asking = Asking::new(false);
        let mut request = fields(&[("connection", "Upgrade"), ("upgrade", "websocket")]);
        prepare(&mut request, &hop(&asking));
        assert_eq!(request["upgrade"], "websocket");
        assert_eq!(request["connection"], "upgrade");
        request.insert(TE, HeaderValue::from_static("trailers"));
        prepare(&mut request, &hop(&asking));
        assert_eq!(request["te"], "trailers");
        assert_eq!(request["connection"], "upgrade, te");
    }

    #[test]
    fn via_names_the_version_that_was_received() {
        let asking = Asking::new(false);
        let mut request = fields(&[("via", "1.1 proxy")]);
        let hop = Hop {
            version: Version::HTTP_10,
            ..hop(&asking)
        };
        prepare(&mut request, &hop);
        let lines: Vec<_> = request.get_all(VIA).into_iter().collect();
        assert_eq!(lines, ["1.1 proxy", "1.0 writegate"]);
    }

    #[test]
    fn what_a_client_says_of_itself_can_be_replaced() {
        let asking = Asking::new(false);
        let mut request = fields(&[
            ("x-forwarded-for", "198.51.100.7"),
            ("x-forwarded-proto", "https"),
        ]);
        prepare(
            &mut request,
            &Hop {
                forwarding: Forwarding::Replace,
                ..hop(&asking)
            },
        );
        assert_eq!(request["x-forwarded-for"], "192.0.2.1");
        assert_eq!(request["x-forwarded-proto"], "http");
    }

    #[test]
    fn what_came_within_tls_is_told_as_https() {
        let asking = Asking::new(true);
        let mut request = HeaderMap::new();
        prepare(&mut request, &hop(&asking));
        assert_eq!(request["x-forwarded-proto"], "https");
        let forwarded = request["forwarded"].to_str().unwrap();
        assert!(forwarded.ends_with(";proto=https"), "{forwarded}");
    }

    #[test]
    fn only_the_gateway_says_whose_certificate_the_client_has_shown() {
        let name = HeaderName::from_static("x-client-subject");
        let forged = || {
            fields(&[
                ("x-client-subject", "CN=admin"),
                ("x_client-subject", "CN=admin"),
                ("X_CLIENT_SUBJECT", "CN=admin"),
                ("x-client-subjects", "1"),
            ])
        };
        let told = |subject: Option<&'static str>| {
            let mut request = forged();
            tell(&mut request, &name, subject.map(HeaderValue::from_static));
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
