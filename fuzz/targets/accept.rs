//! Whatever `Accept` says, the answer is in a form that the gateway has, and a page only for who has asked for something
//! like it.
#![no_main]

use std::sync::LazyLock;

use http::header::{ACCEPT, CONTENT_TYPE, ORIGIN};
use http::{HeaderMap, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use writegate::config::{Config, Override, Overrides};
use writegate::policy::rejection::{Audience, Rejection, Telling};

const FORMS: [&str; 5] = [
    "application/problem+json",
    "text/plain; charset=utf-8",
    "text/html; charset=utf-8",
    "application/grpc",
    "application/grpc-web+proto",
];

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let overrides = Overrides {
        upstream: Some(Override::flag("--upstream", "http://127.0.0.1:3000")),
        ..Overrides::default()
    };
    let text = "[answers]\ncors = \"https://a.example\"\n";
    Config::parse("fuzz.toml", text, &overrides).expect("a good one")
});

fuzz_target!(|lines: (&[u8], &[u8], &[u8])| {
    let (first, second, origin) = lines;
    let mut headers = HeaderMap::new();
    for (name, value) in [(ACCEPT, first), (ACCEPT, second), (ORIGIN, origin)] {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    let answer = Rejection::HoldsExhausted.answer(&Telling {
        answers: &CONFIG.answers,
        audience: &Audience::of(&headers.clone().into()),
        method: &Method::PUT,
        is_last: false,
    });
    let form = answer.headers()[CONTENT_TYPE].to_str().expect("ASCII");
    assert!(FORMS.contains(&form), "{form}");
    let asks = |text: &[u8]| {
        text.windows(4)
            .any(|window| window.eq_ignore_ascii_case(b"text"))
            || text.contains(&b'*')
    };
    let is_asked = asks(first) || asks(second);
    assert!(
        !form.starts_with("text/") || is_asked,
        "{form} for {headers:?}"
    );
    if let Some(allowed) = answer.headers().get("access-control-allow-origin") {
        assert_eq!(allowed, "https://a.example");
    }
});
