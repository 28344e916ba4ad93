//! The README as a newcomer follows it: its commands as they stand there, but for ports and where things are built and installed,
//! put the gateway in front of an application in Flask, and lead to the answers that it shows.

use crate::support::gateway::{Gateway, binary};
use crate::support::program::{Program, Scratch, repository};
use crate::support::python::python;
use std::net::SocketAddr;
use std::process::Command;

const FLASK: &str = "/tmp/bank/bin/flask ";
const GATEWAY: &str = "./target/release/writegate ";
const UPSTREAM: &str = "127.0.0.1:3000";
const LISTEN: &str = "127.0.0.1:8080";

/// What stands in the README of an application in front of which the gateway is put.
fn section() -> String {
    let text = std::fs::read_to_string(repository("README.md")).expect("the README");
    let (_, section) = text
        .split_once("\n### In front of an application\n")
        .expect("the section");
    section.split("\n## ").next().unwrap_or_default().to_owned()
}

/// What it tells to paste, in its order.
fn commands(section: &str) -> Vec<String> {
    let blocks = section.split("```sh\n").skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

fn shell(line: &str) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", line]).current_dir(repository(""));
    command
}

fn flask(line: &str, addr: SocketAddr) -> Command {
    let (installs, arguments) = line.split_once(FLASK).expect("it runs Flask");
    assert!(installs.ends_with("pip install -q flask && "), "{installs}");
    let (arguments, port) = arguments.trim().rsplit_once(' ').expect("a port");
    assert_eq!(port, "3000");
    let mut command = python("flask");
    command
        .args(arguments.split(' '))
        .arg(addr.port().to_string());
    command.current_dir(repository(""));
    command
}

#[test]
fn five_commands_lead_from_a_clone_to_an_application_in_flask_that_loses_no_deposit() {
    let section = section();
    let bank = std::fs::read_to_string(repository("docs/bank.py")).expect("the application");
    assert!(section.contains(&format!("```python\n{bank}```\n")));
    let commands = commands(&section);
    // The first is `git clone`.
    let [build, start, run, deposit] = commands.as_slice() else {
        panic!("{commands:?}");
    };
    assert_eq!(build.trim(), "cargo build --release");
    let scratch = Scratch::new("readme");
    let log = scratch.path().join("flask");
    let (_flask, upstream) = Program::listen(&log, |addr| flask(start, addr));
    let gateway = Gateway::run(|_, addr| {
        let ours = format!("exec {} ", binary().get_program().display());
        let line = run
            .replace(GATEWAY, &ours)
            .replace(UPSTREAM, &upstream.to_string())
            .replace(LISTEN, &addr.to_string());
        assert!(line.contains(&ours), "{line}");
        shell(&line)
    });
    let line = deposit.replace(LISTEN, &gateway.addr.to_string());
    let output = shell(&line).output().expect("bash is there");
    let said = String::from_utf8_lossy(&output.stdout);
    let (refused, done) = said.split_once("HTTP/1.1 200 OK\r\n").expect("one is done");
    assert!(refused.starts_with("HTTP/1.1 409 Conflict\r\n"), "{said}");
    assert!(
        refused.contains("\"key\":\"/accounts/7/deposit\""),
        "{said}"
    );
    assert!(done.contains("{\"balance\":10}"), "{said}");
    gateway.ends_well();
}
