//! wrk and h2load: as many requests as they can make, and not one that fails.

use crate::support::gateway::{Gateway, access_lines};
use crate::support::nginx;
use crate::support::program::{Program, Scratch};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn wrk_has_not_one_failed_request() {
    let said = run(|addr| {
        let mut command = Command::new("wrk");
        command.args(["-t", "2", "-c", "64", "-d", "3s"]);
        command.arg(format!("http://{addr}/"));
        command
    });
    // It speaks of failures only where there are some.
    for failure in ["Socket errors", "Non-2xx"] {
        assert!(!said.contains(failure), "{said}");
    }
    assert!(said.contains("Requests/sec"), "{said}");
}

#[test]
fn h2load_has_not_one_failed_request_over_http1() {
    h2load(&["--h1", "-c", "32"]);
}

#[test]
fn h2load_has_not_one_failed_request_over_http2() {
    h2load(&["-c", "8", "-m", "32"]);
}

fn h2load(how: &[&str]) {
    let said = run(|addr| {
        let mut command = Command::new("h2load");
        command.args(how).args(["-n", "20000"]);
        command.arg(format!("http://{addr}/"));
        command
    });
    let all = "requests: 20000 total, 20000 started, 20000 done, 20000 succeeded, 0 failed, 0 errored, 0 timeout";
    assert!(said.contains(all), "{said}");
    assert!(said.contains("status codes: 20000 2xx"), "{said}");
}

/// What the tool says of the gateway in front of nginx. The gateway itself must have had nothing to say.
fn run(tool: impl FnOnce(SocketAddr) -> Command) -> String {
    let scratch = Scratch::new("load");
    let (_origin, upstream) = Program::listen(&scratch.path().join("log"), |addr| {
        let server = format!("    server {{ listen {addr}; location / {{ return 200 done; }} }}");
        nginx::command(&scratch, &server)
    });
    let gateway = Gateway::with_defaults(upstream);
    let mut tool = Program::spawn(&mut tool(gateway.addr), scratch.path().join("tool"));
    let status = tool.wait(DEADLINE);
    let said = tool.said();
    println!("{said}");
    assert!(
        status.is_some_and(|status| status.success()),
        "{status:?}\n{said}"
    );
    let own: Vec<_> = access_lines(&gateway.ends_well())
        .into_iter()
        .filter(|line| line["status"].as_u64() >= Some(400))
        .collect();
    assert!(own.is_empty(), "{:#?}", &own[..own.len().min(5)]);
    said
}
