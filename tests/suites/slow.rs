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
/// In a second.
const RATE: usize = 100;
/// That all are there after two seconds, that each has two, and that it is looked at once in a second; a slow reader sees that it was cut
/// only when it has read what had come.
const SECONDS: usize = 14;
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
    attack(&["-X", "-n", "1", "-z", "256", "-w", "1", "-y", "32"]);
}

/// None of the attacker's connections is left long before its time is up, and a request of another client was answered in each second.
fn attack(how: &[&str]) {
    let scratch = Scratch::new("slow");
    let origin = origin(&scratch);
    let gateway = Gateway::with_server(origin.1, SETTINGS, "");
    let prefix = scratch.path().join("statistics");
    let mut slowhttptest = Command::new("slowhttptest");
    slowhttptest
        .args(how)
        .args(["-c", &CONNECTIONS.to_string(), "-r", &RATE.to_string()])
        .args(["-l", "40", "-p", "2", "-v", "1", "-g", "-o"])
        .arg(&prefix)
        .args(["-u", &format!("http://{}/large", gateway.addr)]);
    let mut attacker = Program::spawn(&mut slowhttptest, scratch.path().join("attacker"));
    let status = attacker.wait(DEADLINE);
    assert!(status.is_some(), "it does not end:\n{}", attacker.said());
    let rows = statistics(&prefix.with_extension("csv"));
    println!("{rows:?}");
    let said = attacker.said();
    assert!(said.contains("No open connections left"), "{said}");
    assert!(rows.len() <= SECONDS, "{rows:#?}");
    let most = rows.iter().map(|row| row.connected).max();
    assert!(most > Some(RATE / 2), "it was no attack: {rows:#?}");
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
            connected: numbers[3],
            is_available: numbers[4] > 0,
        }
    };
    // The first row is made before anything is connected.
    text.lines().skip(2).map(row).collect()
}
