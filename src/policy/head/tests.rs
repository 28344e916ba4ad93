//! The check of a request head.

use super::*;
use http::uri::Authority;
use proptest::prelude::*;

fn check_by_default(head: &[u8]) -> Result<Framing, Malformed> {
    check(head, Limits::default())
}

fn head(fields: &str) -> Vec<u8> {
    format!("PUT /orders/7 HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n").into_bytes()
}

#[test]
fn an_ordinary_head_has_one_reading() {
    assert_eq!(check_by_default(&head("")), Ok(Framing::Length(0)));
    assert_eq!(
        check_by_default(&head("content-length: 12\r\n")),
        Ok(Framing::Length(12))
    );
    assert_eq!(
        check_by_default(&head("Transfer-Encoding:\tChunked \r\n")),
        Ok(Framing::Chunked)
    );
    assert_eq!(
        check_by_default(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
        Ok(Framing::Length(0))
    );
    assert_eq!(
        check_by_default(b"GET http://A.example/x HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        Ok(Framing::Length(0))
    );
    assert_eq!(
        check_by_default(b"GET / HTTP/1.0\r\n\r\n"),
        Ok(Framing::Length(0))
    );
    for host in [
        "a:80",
        "a:",
        "[::1]",
        "[::1]:8080",
        "a_b.example.",
        "127.0.0.1:1",
    ] {
        let raw = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(
            check_by_default(raw.as_bytes()),
            Ok(Framing::Length(0)),
            "{host}"
        );
    }
}

#[test]
fn more_fields_than_a_map_has_room_for_are_refused_whatever_may_come() {
    let limits = Limits {
        head: 1 << 20,
        fields: 100_000,
        ..Limits::default()
    };
    let many: String = (0..6_000).map(|nth| format!("{nth}:\r\n")).collect();
    let parsed = parse_request(head(&many).into(), limits, false);
    assert_eq!(parsed.err(), Some(Malformed::TooLarge(limits)));
    let few: String = (0..5_999).map(|nth| format!("{nth}:\r\n")).collect();
    let parsed = parse_request(head(&few).into(), limits, false);
    assert_eq!(
        parsed.expect("it has one reading").head.fields.map().len(),
        6_000
    );
}

#[test]
fn a_head_with_two_readings_is_refused() {
    for (fields, why) in [
        (
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            Malformed::TwoFramings,
        ),
        (
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            Malformed::ContentLength,
        ),
        ("Content-Length: 5, 5\r\n", Malformed::ContentLength),
        ("Content-Length: +5\r\n", Malformed::ContentLength),
        ("Content-Length: 05\r\n", Malformed::ContentLength),
        ("Content-Length: 00\r\n", Malformed::ContentLength),
        (
            "Content-Length: 99999999999999999999999\r\n",
            Malformed::ContentLength,
        ),
        (
            "Transfer-Encoding: gzip, chunked\r\n",
            Malformed::TransferEncoding,
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            Malformed::TransferEncoding,
        ),
        (
            "Transfer-Encoding: ,chunked\r\n",
            Malformed::TransferEncoding,
        ),
        ("Host: b\r\n", Malformed::Host),
        ("A : b\r\n", Malformed::FieldLine),
        ("A: b\r\n folded\r\n", Malformed::FieldLine),
        (": b\r\n", Malformed::FieldLine),
        ("no colon\r\n", Malformed::FieldLine),
        ("A: b\rc\r\n", Malformed::FieldValue),
        ("A: b\0c\r\n", Malformed::FieldValue),
        ("A: b\n", Malformed::LineEnd),
        ("Connection: close, Cookie\r\n", Malformed::Nominated),
        ("Content_Length: 5\r\n", Malformed::Alias),
    ] {
        assert_eq!(check_by_default(&head(fields)), Err(why), "{fields:?}");
    }
}

#[test]
fn a_request_line_with_two_readings_is_refused() {
    for (raw, why) in [
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Malformed::RequestLine),
        ("GET / \r\nHost: a\r\n\r\n", Malformed::RequestLine),
        ("GET /\r\nHost: a\r\n\r\n", Malformed::RequestLine),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", Malformed::Version),
        ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", Malformed::Target),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", Malformed::Target),
        ("GET / HTTP/1.1\r\n\r\n", Malformed::Host),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Malformed::Host),
        ("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", Malformed::Host),
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", Malformed::Host),
        ("GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", Malformed::Host),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", Malformed::Host),
        ("GET http://a:b:c/ HTTP/1.0\r\n\r\n", Malformed::Target),
        ("GET http://a%zz/ HTTP/1.0\r\n\r\n", Malformed::Target),
        ("GET http://a]/ HTTP/1.0\r\n\r\n", Malformed::Target),
        ("GET http://u@a/ HTTP/1.0\r\n\r\n", Malformed::Target),
        ("GET http:///a HTTP/1.0\r\n\r\n", Malformed::Target),
        (
            "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
            Malformed::Connect,
        ),
        (
            "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            Malformed::TransferEncoding,
        ),
    ] {
        assert_eq!(check_by_default(raw.as_bytes()), Err(why), "{raw:?}");
    }
}

#[test]
fn what_cannot_become_a_request_line_is_not_waited_for() {
    for good in ["", "G", "PUT", "PUT /", "PUT /a HTTP/1.1\r\nHost"] {
        assert_eq!(
            check_beginning(good.as_bytes(), Limits::default()),
            Ok(()),
            "{good}"
        );
    }
    for bad in [" ", "G(", "\u{16}\u{3}", &"G".repeat(129), "PUT /\r\n"] {
        assert!(
            check_beginning(bad.as_bytes(), Limits::default()).is_err(),
            "{bad}"
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = check_by_default(&raw);
    }

    /// What passes the check can be read.
    #[test]
    fn a_target_that_passes_is_a_target_to_the_parser_too(
        form in "([hH]ttps?://[a0-9.:%@\\[\\]z]{0,6})?",
        rest in "[ -~\u{80}-\u{7ff}]{0,40}",
    ) {
        let target = format!("{form}/{rest}");
        let raw = format!("GET {target} HTTP/1.0\r\n\r\n").into_bytes();
        if check_by_default(&raw).is_ok() {
            prop_assert!(target.parse::<http::Uri>().is_ok());
        }
    }

    #[test]
    fn a_host_that_passes_is_an_authority_to_the_parser_too(host in "[a0-9.:%@\\[\\]z]{1,8}") {
        let raw = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        if check_by_default(raw.as_bytes()).is_ok() {
            prop_assert!(host.parse::<Authority>().is_ok());
        }
    }
}
