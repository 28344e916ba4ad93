//! What a verdict costs: it is paid by every request, guarded or not.

use divan::{Bencher, black_box};
use http::{HeaderMap, HeaderValue, Method};
use writegate::config::{Config, Overrides};
use writegate::policy::head::{Limits, check, check_response};
use writegate::policy::path::{Distinguish, canonical};
use writegate::policy::{Head, Policy};

const ROUTES: [usize; 3] = [1, 100, 1000];

fn main() {
    divan::main();
}

#[divan::bench(args = ["/orders/7", "/api/v1/accounts/8f14e45f-ceea-467f-a6c5-1d0e3a5b7c21/settings"])]
fn canonical_already(path: &str) -> usize {
    canonical(black_box(path), Distinguish::default()).len()
}

#[divan::bench(args = ["/Orders/7/", "//API/v1/x/../accounts;v=1/a@b.c/%73ettings%2F"])]
fn canonical_ugly(path: &str) -> usize {
    canonical(black_box(path), Distinguish::default()).len()
}

#[divan::bench(args = [Method::GET, Method::POST, Method::PUT])]
fn plan_default_guard(bencher: Bencher<'_, '_>, method: &Method) {
    let policy = policy(0);
    bench_plan(bencher, &policy, method, "/api/orders/7");
}

#[divan::bench(args = ROUTES)]
fn plan_route_with_parameter(bencher: Bencher<'_, '_>, routes: usize) {
    let path = format!("/api/things{}/42", routes / 2);
    bench_plan(bencher, &policy(routes), &Method::PUT, &path);
}

#[divan::bench(args = ROUTES)]
fn plan_beside_all_routes(bencher: Bencher<'_, '_>, routes: usize) {
    bench_plan(bencher, &policy(routes), &Method::PUT, "/api/other/42");
}

/// What curl sends, and what a browser does.
const REQUESTS: [&[u8]; 2] = [
    b"PUT /orders/7 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\nContent-Length: 100\r\n\r\n",
    b"GET /orders/7?tab=lines HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) \
AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36\r\nsec-ch-ua: \"Chromium\";v=\"141\"\r\nsec-ch-ua-mobile: ?0\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\nSec-Fetch-Site: same-origin\r\n\
Sec-Fetch-Mode: navigate\r\nReferer: https://shop.example/orders\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
Accept-Language: en-GB,en;q=0.9\r\nCookie: session=8f14e45fceea467fa6c51d0e3a5b7c21; theme=dark; consent=1\r\n\r\n",
];

#[divan::bench(args = [0, 1])]
fn check_request_head(bencher: Bencher<'_, '_>, which: usize) {
    bencher.bench_local(|| check(black_box(REQUESTS[which]), Limits::default()));
}

#[divan::bench]
fn check_response_head(bencher: Bencher<'_, '_>) {
    let head = b"HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 18:29:00 GMT\r\nServer: nginx\r\nContent-Type: application/json\r\n\
Content-Length: 512\r\nCache-Control: no-cache\r\nSet-Cookie: session=8f14e45fceea467fa6c51d0e3a5b7c21; Path=/; HttpOnly\r\n\
ETag: \"33a64df5\"\r\nConnection: keep-alive\r\n\r\n";
    bencher.bench_local(|| check_response(black_box(head), false));
}

fn policy(routes: usize) -> Policy {
    let mut text = "[upstream]\nurl = \"http://127.0.0.1:1\"\n".to_owned();
    for nth in 0..routes {
        text.push_str(&format!(
            "[[route]]\npath = \"/api/things{nth}/{{id}}\"\nkey = \"thing{nth}:{{id}}\"\n"
        ));
    }
    Config::parse("bench", &text, &Overrides::default())
        .expect("the text above is a configuration")
        .policy
}

fn bench_plan(bencher: Bencher<'_, '_>, policy: &Policy, method: &Method, path: &str) {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "shop.example"),
        ("user-agent", "curl/8"),
        ("accept", "*/*"),
        ("content-type", "application/json"),
        ("content-length", "100"),
        ("x-request-id", "8f14e45f"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let head = Head {
        method,
        path,
        query: None,
        host: "shop.example",
        headers: &headers.into(),
        client_subject: None,
        content: None,
    };
    bencher.bench_local(|| policy.plan(black_box(&head)));
}
