//! httpwg: the rules of RFC 9113, one connection each.

use crate::support::gateway::Gateway;
use crate::support::program::{Program, Scratch, repository};
use crate::support::python::prepared;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

const ALL: usize = 107;
const AT_LEAST: usize = 94;
const DEADLINE: Duration = Duration::from_secs(120);

#[test]
fn httpwg_passes_at_least_as_much_as_with_haproxy() {
    let scratch = Scratch::new("httpwg");
    let (_origin, upstream) = Program::listen(&scratch.path().join("log"), |addr| {
        let mut command = Command::new("node");
        command.arg(repository("tests/real/server.js"));
        command.arg(addr.port().to_string());
        command
    });
    let gateway = Gateway::with_defaults(upstream);
    let mut httpwg = Command::new(prepared("httpwg/bin/httpwg"));
    // One after the other, and patient: a test that waits in vain for a frame is one that fails.
    httpwg
        .env("SEQUENTIAL", "1")
        .env("RUST_LOG", "off")
        .args(["-a", &gateway.addr.to_string()])
        .args(["--connect-timeout", "2000", "--frame-timeout", "1000"]);
    let mut httpwg = Program::spawn(&mut httpwg, scratch.path().join("httpwg"));
    assert!(
        httpwg.wait(DEADLINE).is_some(),
        "it does not end:\n{}",
        httpwg.said()
    );
    let said = httpwg.said();
    let [passed, failed] = ["Test passed: ", "Test failed: "].map(|verdict| named(&said, verdict));
    println!("{} of {ALL}", passed.len());
    for (verdict, names) in [("passed", &passed), ("FAILED", &failed)] {
        for name in names {
            println!("{verdict} {name}");
        }
    }
    // One that panics is named by neither.
    println!("{} neither", ALL - passed.len() - failed.len());
    assert!(passed.len() >= AT_LEAST, "{failed:#?}");
    gateway.ends_well();
}

fn named(said: &str, verdict: &str) -> BTreeSet<String> {
    said.lines()
        .filter_map(|line| line.split_once(verdict))
        .map(|(_, name)| name.to_owned())
        .collect()
}
