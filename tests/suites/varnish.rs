//! varnishtest: each row of the settle table, over HTTP/1.1 and HTTP/2 on both sides, and each rule of what is refused.
//!
//! A case brings its own clients and its own origin, which wait for one another at barriers; the gateway stands between them, one
//! worker, with the settings in the lines that begin with `#> `.

use crate::support::gateway::{Gateway, binary};
use crate::support::program::{Program, Scratch, repository};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// So many cases at a time.
const AT_A_TIME: usize = 6;
const DEADLINE: Duration = Duration::from_secs(60);
const TAIL: usize = 60;

#[test]
fn varnishtest_passes_every_case() {
    let cases = cases();
    assert!(cases.len() > 40, "only {} cases", cases.len());
    let next = Mutex::new(cases.iter());
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let Some(case) = next.lock().expect("nobody panics with it").next() else {
                        return;
                    };
                    if let Err(log) = try_case(case) {
                        let mut failed = failed.lock().expect("nobody panics with it");
                        failed.push(format!("{}\n{log}", case.display()));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("nobody panics with it");
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// The cases, by their paths.
fn cases() -> Vec<PathBuf> {
    let listed = |path: &Path| {
        let entries = fs::read_dir(path).expect("a directory of cases");
        let paths = entries.map(|entry| entry.expect("an entry of it").path());
        paths.collect::<Vec<_>>()
    };
    let folders = listed(&repository("tests/varnish"));
    let mut cases: Vec<PathBuf> = folders
        .iter()
        .filter(|path| path.is_dir())
        .flat_map(|folder| listed(folder))
        .collect();
    cases.sort();
    cases
}

/// What varnishtest and the gateway said last, if it fails.
fn try_case(case: &Path) -> Result<(), String> {
    let text = fs::read_to_string(case).expect("a case is text");
    assert!(
        text.starts_with("# Row: ") || text.starts_with("# Rule: "),
        "{} does not say what it is for",
        case.display()
    );
    let settings: String = text
        .lines()
        .filter_map(|line| line.strip_prefix("#> "))
        .flat_map(|line| [line, "\n"])
        .collect();
    let origin = address_of_our_own();
    let gateway = Gateway::run(|scratch, addr| {
        let text = format!(
            "server.listen = \"{addr}\"\nserver.workers = 1\nupstream.url = \"http://{origin}\"\n{settings}"
        );
        let mut command = binary();
        command.arg("run").arg("--config");
        command.arg(scratch.file("writegate.toml", &text));
        command
    });
    until_it_has_tried_the_origin(&gateway);
    let scratch = Scratch::new("varnishtest");
    let mut varnishtest = Program::spawn(
        &mut varnishtest(case, gateway.addr, origin, scratch.path()),
        scratch.path().join("log"),
    );
    let status = varnishtest.wait(DEADLINE);
    if status.is_some_and(|status| status.success()) {
        println!("passed: {}", case.display());
        gateway.ends_well();
        return Ok(());
    }
    let [said, log] = [varnishtest.said(), gateway.said()].map(|said| tail(&said));
    Err(format!("{status:?}\n{said}\n{log}"))
}

/// At its start the gateway tries a connection, which a case that listens already would take for its first.
fn until_it_has_tried_the_origin(gateway: &Gateway) {
    let deadline = Instant::now() + DEADLINE;
    while !gateway.said().contains("cannot connect to the upstream") {
        assert!(Instant::now() < deadline, "{}", gateway.said());
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn varnishtest(case: &Path, gateway: SocketAddr, origin: SocketAddr, temporary: &Path) -> Command {
    let mut command = Command::new("varnishtest");
    command.env("TMPDIR", temporary);
    command.args(["-t", &(DEADLINE.as_secs() - 5).to_string()]);
    for (name, addr) in [("gateway", gateway), ("origin", origin)] {
        command.arg(format!("-D{name}={} {}", addr.ip(), addr.port()));
    }
    let tools = repository("tests/varnish");
    command
        .arg(format!("-Dtools={}", tools.display()))
        .arg(case);
    command
}

/// An address where nobody else is going to listen: the loopback has more of them than there are processes.
fn address_of_our_own() -> SocketAddr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let ours = Ipv4Addr::new(127, 64 | high, middle, low.max(1));
    let listener = TcpListener::bind((ours, 0)).expect("a free port");
    listener
        .local_addr()
        .expect("a bound listener has an address")
}

fn tail(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}
