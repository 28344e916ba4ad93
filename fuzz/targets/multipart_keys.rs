//! A key of a form in parts stands in the body, as the content of a part of that name.
#![no_main]

use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use writegate::config::{Config, Override, Overrides};
use writegate::content;
use writegate::policy::{Head, RouteId};

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let overrides = Overrides {
        upstream: Some(Override::flag("--upstream", "http://127.0.0.1:3000")),
        ..Overrides::default()
    };
    let text = "[[route]]\npath = \"/a\"\nkey = \"{form:id}\"\ndistinguish = \"case\"";
    Config::parse("fuzz", text, &overrides).expect("a configuration")
});

fuzz_target!(|body: &[u8]| {
    let mut headers = HeaderMap::new();
    let media_type = HeaderValue::from_static("multipart/form-data; boundary=XX");
    headers.insert("content-type", media_type);
    let policy = &CONFIG.policy;
    let headers = headers.into();
    let content = content::read(&headers, body, policy.wanted(), 4096);
    let head = Head {
        method: &Method::PUT,
        path: "/a",
        query: None,
        host: "",
        headers: &headers,
        client_subject: None,
        content: Some(&content),
    };
    let route = RouteId::at(1).expect("a route");
    let parts = policy.parts(&head, route, &Method::PUT);
    let values = parts
        .into_iter()
        .flat_map(|(_, parts)| parts)
        .flat_map(|part| part.values);
    for value in values {
        let text = String::from_utf8_lossy(body);
        let plain = format!("\r\n\r\n{}\r\n--XX", decoded(&value));
        assert!(text.contains(&plain), "{value} does not stand in {text:?}");
        let opens = text.starts_with("--XX\r\n");
        assert!(opens && text.trim_end().ends_with("\r\n--XX--"), "{text:?}");
    }
});

fn decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || {
            rest.next()
                .and_then(|byte| char::from(byte).to_digit(16))
                .unwrap_or(0)
        };
        bytes.push(match byte {
            b'%' => (digit() * 16 + digit()) as u8,
            plain => plain,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
