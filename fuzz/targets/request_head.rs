//! A request head that passes the check is the same request to another parser: method, target, fields and framing. And
//! no beginning of it is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use writegate::policy::head::{Framing, Limits, check, check_beginning};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    let _ = check_beginning(bytes, limits);
    let Ok(framing) = check(bytes, limits) else {
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
        check_beginning(beginning, limits),
        Ok(()),
        "{:?}",
        beginning.escape_ascii()
    );

    let mut fields = vec![httparse::EMPTY_HEADER; limits.fields];
    let mut request = httparse::Request::new(&mut fields);
    let parsed = request.parse(head);
    assert_eq!(
        parsed,
        Ok(httparse::Status::Complete(head.len())),
        "{:?}",
        head.escape_ascii()
    );
    let line_end = head.iter().position(|&byte| byte == b'\r').expect("a line");
    let line = [
        request.method.expect("a method"),
        request.path.expect("a target"),
        if request.version == Some(1) {
            "HTTP/1.1"
        } else {
            "HTTP/1.0"
        },
    ];
    assert_eq!(line.join(" ").as_bytes(), &head[..line_end]);
    let uri: http::Uri = line[1].parse().expect("a target is a URI");
    assert!(
        line[1].ends_with(uri.path_and_query().map_or("", |rest| rest.as_str()))
            || uri.path() == "/"
    );

    let values = |name: &str| {
        let lines = request.headers.iter();
        let named = lines.filter(|field| field.name.eq_ignore_ascii_case(name));
        named
            .map(|field| field.value.to_ascii_lowercase())
            .collect::<Vec<_>>()
    };
    let (lengths, codings) = (values("content-length"), values("transfer-encoding"));
    let framed = match (&lengths[..], &codings[..]) {
        ([], []) => Framing::Length(0),
        ([length], []) => {
            let length = std::str::from_utf8(length).expect("digits").parse();
            Framing::Length(length.expect("a number"))
        }
        ([], [coding]) if coding == b"chunked" => Framing::Chunked,
        other => panic!("{other:?} passed"),
    };
    assert_eq!(framed, framing);
    assert!(values("host").len() <= 1);
});
