//! http-cache-tests, run against its own server directly and through the gateway: nothing of what a cache does, or has to leave alone,
//! is changed on the way.

use crate::support::gateway::Gateway;
use crate::support::program::{Program, Scratch};
use crate::support::python::prepared;
use serde_json::{Map, Value};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(120);

#[test]
fn http_cache_tests_see_no_difference() {
    let scratch = Scratch::new("caches");
    let pid = scratch.path().join("pid");
    let (_server, origin) = Program::listen(&scratch.path().join("log"), |addr| {
        let mut server = node("server/server.mjs");
        server
            .env("npm_config_protocol", "http")
            .env("npm_config_port", addr.port().to_string())
            .env("npm_config_pidfile", &pid);
        server
    });
    let gateway = Gateway::with_defaults(origin);
    let [direct, through] =
        [("direct", origin), ("through", gateway.addr)].map(|(name, addr)| start(name, addr));
    let [direct, through] = [direct, through].map(results);
    let passed = direct.values().filter(|result| has_passed(result)).count();
    println!("{passed} of {} pass without a cache", direct.len());
    assert!(direct.len() >= 350 && passed > 100, "{passed} show nothing");
    let differ: Vec<_> = direct
        .iter()
        .filter(|(name, result)| !are_alike(result, through.get(*name)))
        .map(|(name, result)| (name, result, through.get(name)))
        .collect();
    assert!(differ.is_empty(), "{differ:#?}");
    gateway.ends_well();
}

fn node(script: &str) -> Command {
    let tests = prepared("npm/node_modules/http-cache-tests");
    assert!(
        tests.exists(),
        "{} is missing: tests/run installs it",
        tests.display()
    );
    let mut command = Command::new("node");
    // It asks npm for its settings; without an id all tests are run.
    command
        .args(["--no-warnings", script])
        .current_dir(tests)
        .env("npm_package_config_id", "");
    command
}

fn start(name: &str, addr: SocketAddr) -> (Program, Scratch) {
    let scratch = Scratch::new(name);
    let mut command = node("cli.mjs");
    command.env("npm_config_base", format!("http://{addr}"));
    let program = Program::spawn(&mut command, scratch.path().join("log"));
    (program, scratch)
}

/// What came of each test, by its name: `true`, or what kind of failure it was and why.
fn results((mut program, _scratch): (Program, Scratch)) -> Map<String, Value> {
    let status = program.wait(DEADLINE);
    let said = program.said();
    assert!(
        status.is_some_and(|status| status.success()),
        "{status:?}\n{said}"
    );
    let json = said.find('{').map_or("", |start| &said[start..]);
    serde_json::from_str(json).unwrap_or_else(|fault| panic!("{fault} in {said}"))
}

fn has_passed(result: &Value) -> bool {
    result == &Value::Bool(true)
}

/// Whether it comes to the same. A failure of the exchange itself, where the server closes the connection or sends no HTTP, is one that a
/// gateway answers for, in another way: 502.
fn are_alike(direct: &Value, through: Option<&Value>) -> bool {
    let Some(through) = through else { return false };
    if has_passed(direct) || has_passed(through) {
        return direct == through;
    }
    let is_no_http = direct[0] == "FetchError" || through[1].to_string().contains("status is 502");
    is_no_http || direct[0] == through[0]
}
