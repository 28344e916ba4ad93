//! slowhttptest: clients that send a head or a body slowly, or take a response slowly, lose their connections in time, and are no hindrance
//! to others.

use crate::support::gateway::Gateway;
use crate::support::nginx;
use crate::support::program::{Program, Scratch};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const CONNECTIONS: usize = 200;
/// All of them are there after so many seconds.
const RATE: usize = 100;
const DEADLINE: Duration = Duration::from_secs(60);

const SETTINGS: &str = "receive_timeout = \"2s\"\nidle_timeout = \"2s\"\nsend_timeout = \"2s\"";

#[test]
fn slow_heads_are_cut_in_time() {
    attack(&["-H", "-i", "1"]);
}

#[test]
fn slow_bodies_are_cut_in_time() {
    attack(&["-B", "-i", "3", "-t", "PUT", "-s", "8192"]);
}

#[test]
fn slow_readers_are_cut_in_time() {
    attack(&["-X", "-n", "5", "-z", "1", "-w", "1", "-y", "32"]);
}

/// Of the attacker's connections none is left when its time is up, and a request of another client was answered at every moment.
fn attack(how: &[&str]) {
    let scratch = Scratch::new("slow");
    let origin = origin(&scratch);
    let gateway = Gateway::with_server(origin.1, SETTINGS, "");
    let prefix = scratch.path().join("statistics");
    let mut slowhttptest = Command::new("slowhttptest");
    slowhttptest
        .args(how)
        .args(["-c", &CONNECTIONS.to_string(), "-r", &RATE.to_string()])
        .args(["-l", "20", "-p", "2", "-v", "0", "-g", "-o"])
        .arg(&prefix)
        .args(["-u", &format!("http://{}/large", gateway.addr)]);
    let mut attacker = Program::spawn(&mut slowhttptest, scratch.path().join("attacker"));
    let status = attacker.wait(DEADLINE);
    assert!(status.is_some(), "it does not end:\n{}", attacker.said());
    let rows = statistics(&prefix.with_extension("csv"));
    println!("{rows:?}");
    let last = rows.last().expect("a row for each second");
    assert_eq!(
        (last.closed, last.pending, last.connected),
        (CONNECTIONS, 0, 0),
        "{rows:#?}"
    );
    assert!(rows.iter().all(|row| row.is_available), "{rows:#?}");
    gateway.ends_well();
}

/// nginx with something large: a slow reader has to have something to read.
fn origin(scratch: &Scratch) -> (Program, SocketAddr) {
    scratch.file("large", &"0123456789abcdef".repeat(1 << 18));
    Program::listen(&scratch.path().join("log"), |addr| {
        let root = scratch.path().display();
        nginx::command(
            scratch,
            &format!("    server {{ listen {addr}; location / {{ root {root}; }} }}"),
        )
    })
}

/// What slowhttptest saw in one second.
#[derive(Debug)]
struct Row {
    closed: usize,
    pending: usize,
    connected: usize,
    is_available: bool,
}

fn statistics(path: &Path) -> Vec<Row> {
    let text = fs::read_to_string(path).expect("the statistics of slowhttptest");
    let row = |line: &str| {
        let numbers: Vec<usize> = line
            .split(',')
            .map(|number| number.trim().parse().expect("a number"))
            .collect();
        Row {
            closed: numbers[1],
            pending: numbers[2],
            connected: numbers[3],
            is_available: numbers[4] > 0,
        }
    };
    // The first row is made before anything is connected.
    text.lines().skip(2).map(row).collect()
}
