//! How many instructions the work takes, and how often it allocates: the same in every run, however busy the machine is.
//!
//! To be started by `benches/instructions/run`, which holds the counts against their ceilings. Callgrind counts between the
//! first line of a function below and its last, so what `setup` does is not in it.

#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    reason = "what the macros of gungraun make"
)]

#[path = "../table/common.rs"]
#[expect(dead_code, reason = "claims that wait are not counted here")]
mod common;
mod parts;
mod pipe;
mod whole;

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use gungraun::{library_benchmark, library_benchmark_group, main};
use http::Version;
use writegate::policy::head::{
    Fields, Limits, ResponseHead, check, check_response, parse_response,
};
use writegate::policy::path::{Distinguish, canonical};
use writegate::policy::{Locks, Policy, forward};
use writegate::table::Table;

use parts::{BROWSER, CURL, RESPONSE};
use whole::Whole;

/// As the program has it; `benches/instructions/ceilings.py` counts the calls of its functions.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often each does its work, so that what happens once in several times is counted with its part; `ceilings.py` divides by
/// as many.
const ROUNDS: usize = 100;

fn in_rounds<T>(mut work: impl FnMut() -> T) {
    for _ in 0..ROUNDS {
        drop(black_box(work()));
    }
}

#[library_benchmark]
#[bench::curl(CURL)]
#[bench::browser(BROWSER)]
fn check_request_head(head: &[u8]) {
    in_rounds(|| check(black_box(head), Limits::default()));
}

#[library_benchmark]
#[bench::json(RESPONSE)]
fn check_response_head(head: &[u8]) {
    in_rounds(|| check_response(black_box(head), false));
}

#[library_benchmark]
#[bench::json(Bytes::from_static(RESPONSE))]
fn parse_response_head(head: Bytes) -> Bytes {
    in_rounds(|| parse_response(black_box(head.clone()), false, false));
    head
}

#[library_benchmark]
#[bench::plain("/orders/7")]
#[bench::ugly("//API/v1/x/../accounts;v=1/a@b.c/%73ettings%2F")]
fn canonical_path(path: &str) {
    in_rounds(|| canonical(black_box(path), Distinguish::default()).len());
}

#[library_benchmark]
#[bench::no_route(args = (0, "/api/things/7"), setup = parts::plan)]
#[bench::beside_100_routes(args = (100, "/api/other/7"), setup = parts::plan)]
#[bench::key_of_a_parameter(args = (100, "/api/things50/7"), setup = parts::plan)]
fn plan_put((policy, fields, path): (Policy, Fields, &'static str)) -> (Policy, Fields) {
    let head = parts::head(&fields, path);
    in_rounds(|| policy.plan(black_box(&head)));
    (policy, fields)
}

#[library_benchmark]
#[bench::one_key(args = ("order:7"), setup = parts::one_key)]
#[bench::nested_at_depth_8(args = ("/a/b/c/d/e/f/g/h"), setup = parts::nested)]
fn claim_and_release((table, locks): (Arc<Table>, Locks)) -> (Arc<Table>, Locks) {
    in_rounds(|| drop(common::granted(&table, black_box(&locks))));
    (table, locks)
}

#[library_benchmark]
#[bench::curl(args = (CURL), setup = parts::fields)]
#[bench::browser(args = (BROWSER), setup = parts::fields)]
fn prepare_request(mut requests: Vec<Fields>) -> Vec<Fields> {
    for fields in &mut requests {
        forward::prepare_request(black_box(fields), Version::HTTP_11, false);
    }
    requests
}

#[library_benchmark]
#[bench::json(args = (RESPONSE), setup = parts::responses)]
fn prepare_response(mut responses: Vec<ResponseHead>) -> Vec<ResponseHead> {
    for head in &mut responses {
        forward::prepare_response(black_box(head));
    }
    responses
}

#[library_benchmark]
#[bench::of_a_conflict(setup = parts::conflict)]
fn problem_document(mut refusal: parts::Refusal) -> parts::Refusal {
    in_rounds(|| parts::tell(black_box(&mut refusal)));
    refusal
}

#[library_benchmark]
#[bench::put_guarded(setup = whole::put_guarded)]
#[bench::get_passed_through(setup = whole::get_passed_through)]
#[bench::put_refused(setup = whole::put_refused)]
fn request(whole: Whole) -> Whole {
    whole.ask(ROUNDS);
    whole
}

library_benchmark_group!(
    name = pure,
    benchmarks = [
        check_request_head,
        check_response_head,
        parse_response_head,
        canonical_path,
        plan_put,
        claim_and_release,
        prepare_request,
        prepare_response,
        problem_document
    ]
);
library_benchmark_group!(name = gateway, benchmarks = [request]);

main!(library_benchmark_groups = [pure, gateway]);
