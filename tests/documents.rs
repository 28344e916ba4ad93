//! The main job, with real programs: a store of documents in PHP that loses changes, and clients that add theirs by curl and by
//! requests. Behind the gateway they meet conflicts, understand them, read again, try again, and nothing is lost.

use crate::support::gateway::Gateway;
use crate::support::php::Store;
use crate::support::program::{Program, Scratch, repository};
use crate::support::python::python;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

const CHANGES: usize = 12;
const CLIENTS: [&str; 4] = ["curl-1", "curl-2", "requests-1", "requests-2"];
const DEADLINE: Duration = Duration::from_secs(150);

#[test]
fn curl_and_requests_lose_no_change_to_php_behind_nginx() {
    loses_nothing_behind_the_gateway(&Store::nginx());
}

#[test]
fn curl_and_requests_lose_no_change_to_php_behind_apache() {
    loses_nothing_behind_the_gateway(&Store::apache());
}

#[test]
fn without_the_gateway_the_same_clients_lose_changes() {
    for store in [Store::nginx(), Store::apache()] {
        add_lines(store.addr);
        let kept = missing(store.addr);
        assert!(
            !kept.is_empty(),
            "every change was kept: the store shows nothing"
        );
    }
}

fn loses_nothing_behind_the_gateway(store: &Store) {
    let gateway = Gateway::start(store.addr, "");
    let conflicts = add_lines(gateway.addr);
    println!("conflicts met: {conflicts:?}");
    let (curl, requests) = (conflicts[0] + conflicts[1], conflicts[2] + conflicts[3]);
    assert!(
        curl > 0 && requests > 0,
        "no conflict was met, so that nothing is shown: {conflicts:?}"
    );
    assert_eq!(
        missing(store.addr),
        Vec::<String>::new(),
        "{}",
        gateway.said()
    );
    gateway.ends_well();
}

fn document(at: SocketAddr) -> String {
    format!("http://{at}/store.php/documents/plan")
}

/// Lets all clients add their lines to one document at the same time; gives the conflicts that each met.
fn add_lines(at: SocketAddr) -> Vec<u64> {
    let scratch = Scratch::new("clients");
    let start = |name: &&str| {
        let mut command = if name.starts_with("curl") {
            Command::new(repository("tests/real/curl_client.sh"))
        } else {
            let mut command = python("python");
            command.arg(repository("tests/real/requests_client.py"));
            command
        };
        command.args([&document(at), *name, &CHANGES.to_string()]);
        Program::spawn(&mut command, scratch.path().join(name))
    };
    let clients: Vec<Program> = CLIENTS.iter().map(start).collect();
    clients.into_iter().map(conflicts_met).collect()
}

fn conflicts_met(mut client: Program) -> u64 {
    let status = client.wait(DEADLINE);
    let said = client.said();
    assert!(
        status.is_some_and(|status| status.success()),
        "{status:?}: {said}"
    );
    said.trim()
        .parse()
        .unwrap_or_else(|_| panic!("not a number of conflicts: {said}"))
}

/// The lines that were added, by what their clients were told, and are not there; or are there more than once.
fn missing(at: SocketAddr) -> Vec<String> {
    let got = Command::new("curl")
        .args(["-sS", "--fail", "--max-time", "20", &document(at)])
        .output()
        .expect("curl is there");
    let lines: Vec<String> = serde_json::from_slice(&got.stdout).expect("a list of lines");
    let added = CLIENTS
        .iter()
        .flat_map(|name| (0..CHANGES).map(move |number| format!("{name}-{number}")));
    added
        .filter(|line| lines.iter().filter(|kept| *kept == line).count() != 1)
        .collect()
}
