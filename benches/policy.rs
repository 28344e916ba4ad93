//! What a verdict costs: it is paid by every request, guarded or not.

use divan::{Bencher, black_box};
use http::{HeaderMap, HeaderValue, Method};
use writegate::config::{Config, Overrides};
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
        headers: &headers,
        client_subject: None,
        form: None,
    };
    bencher.bench_local(|| policy.plan(black_box(&head)));
}
