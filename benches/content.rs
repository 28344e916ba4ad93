//! What a key from the body costs, by how large that is: it is read once, whole, before the claim.

use std::io::Write;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;
use writegate::config::{Config, Overrides};
use writegate::content;

/// KiB.
const SIZES: [usize; 3] = [1, 16, 64];
const LIMIT: usize = 128 << 10;

fn main() {
    divan::main();
}

/// An order of so many lines, whose account stands last.
fn order(kibibytes: usize) -> Vec<u8> {
    let line = r#"{"sku":"AB-1042","title":"Lamp, brass, 40 W","amount":2,"price":19.95,"tags":["new",null,true]}"#;
    let count = (kibibytes << 10) / (line.len() + 1);
    let lines = vec![line; count].join(",");
    format!("{{\"lines\":[{lines}],\"account\":{{\"id\":7}}}}").into_bytes()
}

fn form(kibibytes: usize) -> Vec<u8> {
    let field = "note=two+lamps%2C+brass&";
    (field.repeat((kibibytes << 10) / field.len()) + "id=7").into_bytes()
}

fn parts(kibibytes: usize) -> Vec<u8> {
    let file = "x".repeat(kibibytes << 10);
    format!(
        "--XX\r\nContent-Disposition: form-data; name=\"scan\"; filename=\"a.pdf\"\r\n\r\n{file}\r\n\
         --XX\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n7\r\n--XX--\r\n"
    )
    .into_bytes()
}

fn config() -> Config {
    let text = "[upstream]\nurl = \"http://127.0.0.1:1\"\n[[route]]\npath = \"/a\"\n\
                keys = [\"a:{json:/account/id}\", \"a:{form:id}\"]";
    Config::parse("bench", text, &Overrides::default()).expect("it is a configuration")
}

fn bench(bencher: Bencher<'_, '_>, media_type: &'static str, coding: &'static str, body: &[u8]) {
    let config = config();
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(media_type));
    headers.insert("content-encoding", HeaderValue::from_static(coding));
    let headers = headers.into();
    let wanted = config.policy.wanted();
    bencher
        .counter(BytesCount::of_slice(body))
        .bench_local(|| content::read(&headers, black_box(body), wanted, LIMIT));
}

#[divan::bench(args = SIZES)]
fn json(bencher: Bencher<'_, '_>, kibibytes: usize) {
    bench(bencher, "application/json", "identity", &order(kibibytes));
}

/// The same document as a tree, by serde_json.
#[divan::bench(args = SIZES)]
fn json_as_a_tree(bencher: Bencher<'_, '_>, kibibytes: usize) {
    let body = order(kibibytes);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench_local(|| serde_json::from_slice::<Value>(black_box(&body)).map(drop));
}

#[divan::bench(args = SIZES)]
fn json_in_gzip(bencher: Bencher<'_, '_>, kibibytes: usize) {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&order(kibibytes)).expect("memory");
    let coded = encoder.finish().expect("memory");
    bench(bencher, "application/json", "gzip", &coded);
}

#[divan::bench(args = SIZES)]
fn urlencoded(bencher: Bencher<'_, '_>, kibibytes: usize) {
    bench(
        bencher,
        "application/x-www-form-urlencoded",
        "identity",
        &form(kibibytes),
    );
}

#[divan::bench(args = SIZES)]
fn multipart(bencher: Bencher<'_, '_>, kibibytes: usize) {
    bench(
        bencher,
        "multipart/form-data; boundary=XX",
        "identity",
        &parts(kibibytes),
    );
}
