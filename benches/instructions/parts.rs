//! What the pure parts work on.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use writegate::config::{Config, Overrides};
use writegate::policy::head::{Fields, Limits, ResponseHead, parse_request, parse_response};
use writegate::policy::rejection::{Answers, Audience, Rejection, Room, Telling, Written, samples};
use writegate::policy::{Head, Locks, Policy};
use writegate::table::Table;

use crate::ROUNDS;
use crate::common::{granted, keys, table_of, tree};

/// What curl sends.
pub(crate) const CURL: &[u8] =
    b"PUT /orders/7 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: curl/8.5.0\r\n\
Accept: */*\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n";

/// What a browser sends.
pub(crate) const BROWSER: &[u8] = b"GET /orders/7?tab=lines HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36\r\n\
sec-ch-ua: \"Chromium\";v=\"141\"\r\nsec-ch-ua-mobile: ?0\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\nSec-Fetch-Site: same-origin\r\n\
Sec-Fetch-Mode: navigate\r\nReferer: https://shop.example/orders\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
Accept-Language: en-GB,en;q=0.9\r\nCookie: session=8f14e45fceea467fa6c51d0e3a5b7c21; theme=dark; consent=1\r\n\r\n";

/// What a backend answers.
pub(crate) const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 18:29:00 GMT\r\nServer: nginx\r\n\
Content-Type: application/json\r\nContent-Length: 512\r\nCache-Control: no-cache\r\n\
Set-Cookie: session=8f14e45fceea467fa6c51d0e3a5b7c21; Path=/; HttpOnly\r\nETag: \"33a64df5\"\r\nConnection: keep-alive\r\n\r\n";

/// A policy of so many routes, and the request that it is asked about.
pub(crate) fn plan(routes: usize, path: &'static str) -> (Policy, Fields, &'static str) {
    let mut text = String::new();
    for nth in 0..routes {
        text.push_str(&format!(
            "[[route]]\npath = \"/api/things{nth}/{{id}}\"\nkey = \"thing{nth}:{{id}}\"\n"
        ));
    }
    let policy = config(&text).policy;
    let fields = fields_of(CURL);
    let _first = policy.plan(&head(&fields, path));
    (policy, fields, path)
}

/// A configuration of this.
pub(crate) fn config(text: &str) -> Config {
    let text = format!(
        "[server]\nworkers = 1\naccess_log = false\n[upstream]\nurl = \"http://127.0.0.1:7600\"\n{text}"
    );
    Config::parse("bench", &text, &Overrides::default()).expect("it is one")
}

pub(crate) fn head<'a>(fields: &'a Fields, path: &'a str) -> Head<'a> {
    Head {
        method: &Method::PUT,
        path,
        query: None,
        host: "shop.example",
        headers: fields,
        client_subject: None,
        content: None,
    }
}

pub(crate) fn one_key(key: &str) -> (Arc<Table>, Locks) {
    claimed_before(keys([key.to_owned()]))
}

/// The key of a path, with all that stands above it.
pub(crate) fn nested(path: &str) -> (Arc<Table>, Locks) {
    claimed_before(tree(path))
}

/// The first claim makes the room that the others find.
fn claimed_before(locks: Locks) -> (Arc<Table>, Locks) {
    let (table, _) = table_of(0);
    drop(granted(&table, &locks));
    (table, locks)
}

/// The fields of a head, once for each round.
pub(crate) fn fields(head: &'static [u8]) -> Vec<Fields> {
    vec![fields_of(head); ROUNDS]
}

/// The same head as the upstream sends it, so often.
pub(crate) fn responses(head: &'static [u8]) -> Vec<ResponseHead> {
    let parsed = parse_response(Bytes::from_static(head), false, false);
    vec![*parsed.expect("it has one reading").head; ROUNDS]
}

fn fields_of(head: &'static [u8]) -> Fields {
    let parsed = parse_request(Bytes::from_static(head), Limits::default(), false);
    parsed.expect("it has one reading").head.fields
}

/// A refusal, and how it is told.
pub(crate) type Refusal = (Rejection, Answers, Room);

pub(crate) fn conflict() -> Refusal {
    let mut refusal = (samples::conflict(None), config("").answers, Room::default());
    drop(tell(&mut refusal));
    refusal
}

pub(crate) fn tell((rejection, answers, room): &mut Refusal) -> (Box<ResponseHead>, Written) {
    let telling = Telling {
        answers,
        audience: &Audience::default(),
        method: &Method::PUT,
        is_last: false,
    };
    rejection.told(&telling, room)
}
