//! A key of a JSON body is what another reader finds at the same place, and a body that this one refuses has none.
#![no_main]

use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use writegate::config::{Config, Override, Overrides};
use writegate::content;
use writegate::policy::{Head, RouteId};

const LIMIT: usize = 4096;
const CODINGS: [&str; 5] = ["identity", "gzip", "deflate", "br", "zstd"];

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let overrides = Overrides {
        upstream: Some(Override::flag("--upstream", "http://127.0.0.1:3000")),
        ..Overrides::default()
    };
    let text =
        "[[route]]\npath = \"/a\"\nkeys = [\"{json:/a/b}\", \"{json:/a/0}\", \"{json:/c/*}\"]";
    Config::parse("fuzz", text, &overrides).expect("a configuration")
});

fuzz_target!(|input: (u8, &[u8])| {
    let (coding, body) = input;
    let coding = CODINGS[usize::from(coding) % CODINGS.len()];
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("content-encoding", HeaderValue::from_static(coding));
    let policy = &CONFIG.policy;
    let headers = headers.into();
    let content = content::read(&headers, body, policy.wanted(), LIMIT);
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
    let found: Vec<_> = policy.parts(&head, route, &Method::PUT);
    let has_value = |nth: usize| found[nth].1.iter().any(|part| !part.values.is_empty());
    if coding != "identity" || !(0..3).any(has_value) {
        return;
    }
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let document: Value = serde_json::from_slice(body).expect("what has a key is JSON");
    let text = document.to_string().to_ascii_lowercase();
    for (nth, name) in [(0, "\"a\""), (1, "\"a\""), (2, "\"c\"")] {
        assert!(
            !has_value(nth) || text.contains(name),
            "{text} has no {name}"
        );
    }
    let is_scalar = |value: &Value| !value.is_null() && !value.is_array() && !value.is_object();
    for (nth, pointer) in [(0, "/a/b"), (1, "/a/0")] {
        if document.pointer(pointer).is_some_and(is_scalar)
            && document.pointer(pointer) != Some(&"".into())
        {
            assert!(has_value(nth), "{text} has no key at {pointer}");
        }
    }
});
