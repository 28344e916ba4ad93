//! A response head that passes the check is the same response to another parser.
#![no_main]

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use writegate::policy::head::{
    Following, RESPONSE_FIELD_LIMIT, check_response, check_response_beginning, parse_response,
};

fuzz_target!(|bytes: &[u8]| {
    let to_head = bytes.last() == Some(&b'H');
    let _ = check_response_beginning(bytes);
    let Ok(answer) = check_response(bytes, to_head) else {
        return;
    };
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return;
    };
    let head = &bytes[..end + 4];
    // Where it is cut, the bytes behind it say.
    let cut = bytes[head.len()..]
        .iter()
        .map(|&byte| usize::from(byte))
        .sum::<usize>();
    let beginning = &head[..cut % (head.len() + 1)];
    assert_eq!(
        check_response_beginning(beginning),
        Ok(()),
        "{:?}",
        beginning.escape_ascii()
    );

    let mut fields = [httparse::EMPTY_HEADER; RESPONSE_FIELD_LIMIT];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response.parse(head);
    assert_eq!(
        parsed,
        Ok(httparse::Status::Complete(head.len())),
        "{:?}",
        head.escape_ascii()
    );
    let status = response.code.expect("a status");
    let read =
        parse_response(Bytes::copy_from_slice(head), to_head, true).expect("it passes the check");
    let of_both = (read.answer, read.head.status.as_u16());
    assert_eq!(of_both, (answer, status));
    let mut theirs = HeaderMap::new();
    for field in response.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).expect("a name");
        let value = HeaderValue::from_bytes(field.value).expect("a value");
        theirs.append(name, value);
    }
    assert_eq!(
        read.head.into_parts().headers,
        theirs,
        "{:?}",
        head.escape_ascii()
    );
    let has = |name: &str| {
        response
            .headers
            .iter()
            .any(|field| field.name.eq_ignore_ascii_case(name))
    };
    let is_empty = to_head || matches!(status, 204 | 304);
    match answer.following {
        Following::Tunnel => assert_eq!(status, 101),
        Following::Head => assert!((100..200).contains(&status)),
        Following::Length(0) => assert!(is_empty || has("content-length")),
        Following::Length(_) => assert!(has("content-length") && !has("transfer-encoding")),
        Following::Chunked => assert!(has("transfer-encoding") && !has("content-length")),
        Following::Close => {
            assert!(!is_empty && !has("transfer-encoding") && !has("content-length"))
        }
    }
});
