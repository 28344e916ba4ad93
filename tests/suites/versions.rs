//! curl, `websockets` and gRPC: every method, version and content encoding, tunnels and streams pass as they do without the gateway.

use crate::support::gateway::Gateway;
use crate::support::program::{Program, Scratch, repository};
use crate::support::python::{Application, python};
use std::net::SocketAddr;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(120);

#[test]
fn curl_sees_no_difference_in_any_method_version_or_encoding() {
    let origin = Application::start("codings:app");
    let gateway = Gateway::with_defaults(origin.addr);
    succeeds("curls.py", &[origin.addr, gateway.addr]);
    gateway.ends_well();
}

#[test]
fn websockets_pass_in_fragments_and_in_messages_of_16_mebibytes_and_close_each_half() {
    let (_origin, addr) = serve("tunnels.py");
    let gateway = Gateway::with_defaults(addr);
    succeeds("tunnel_clients.py", &[gateway.addr]);
    gateway.ends_well();
}

#[test]
fn grpc_calls_stream_both_ways_and_have_deadlines_cancellation_and_conflicts() {
    let (_origin, addr) = serve("calls.py");
    let tables = "protocol = \"h2c\"\n\n[[route]]\npath = \"/test.Calls/Write\"\nkey = \"write\"\n";
    let gateway = Gateway::start(addr, tables);
    succeeds("call_clients.py", &[gateway.addr]);
    gateway.ends_well();
}

/// Starts a server of `tests/real`.
fn serve(name: &str) -> ((Program, Scratch), SocketAddr) {
    let scratch = Scratch::new("server");
    let (program, addr) = Program::listen(&scratch.path().join("log"), |addr| {
        let mut command = python("python");
        command.arg(repository(&format!("tests/real/{name}")));
        command.arg(addr.port().to_string());
        command
    });
    ((program, scratch), addr)
}

/// Runs a client of `tests/real`, which ends with 0 if it saw what it should.
fn succeeds(name: &str, addresses: &[SocketAddr]) {
    let scratch = Scratch::new("client");
    let mut command = python("python");
    command.arg(repository(&format!("tests/real/{name}")));
    command.args(addresses.iter().map(SocketAddr::to_string));
    let mut client = Program::spawn(&mut command, scratch.path().join("log"));
    let status = client.wait(DEADLINE);
    println!("{}", client.said());
    assert!(
        status.is_some_and(|status| status.success()),
        "{status:?}\n{}",
        client.said()
    );
}
