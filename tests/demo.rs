//! The demonstration as it is run: its figures, its lines to paste, its end.

use crate::support::gateway::binary;
use crate::support::program::{Program, Scratch};
use std::process::{Command, Output};
use std::thread::{self, sleep};
use std::time::Duration;
use tokio::time::Instant;

/// Both bursts, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

const OK: &str = "HTTP/1.1 200 OK\r\n";
const CONFLICT: &str = "HTTP/1.1 409 Conflict\r\n";

/// The figures of one row: straight at the backend, and through the gateway.
fn row(told: &str, name: &str) -> (u64, u64) {
    let start = format!("  {name}  ");
    let line = told.lines().find(|line| line.starts_with(&start));
    let line = line.unwrap_or_else(|| panic!("no row {name:?} in\n{told}"));
    let mut figures = line[start.len()..].split_whitespace().map(|figure| {
        let figure = figure.parse::<u64>();
        figure.unwrap_or_else(|_| panic!("a figure is none: {line:?}"))
    });
    let both = (figures.next(), figures.next());
    (both.0.expect("a figure"), both.1.expect("two figures"))
}

/// Starts the demonstration; what it says is kept in the directory.
fn demo(scratch: &Scratch, arguments: &[&str]) -> Program {
    let mut command = binary();
    command.arg("demo").args(arguments);
    Program::spawn(&mut command, scratch.path().join("told"))
}

/// Waits until it has told this.
fn until_told(program: &Program, words: &str) -> String {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let told = program.said();
        if told.contains(words) {
            return told;
        }
        assert!(
            Instant::now() < deadline,
            "waited in vain for {words:?}:\n{told}"
        );
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn many_updates_are_lost_straight_at_the_backend_and_none_through_the_gateway() {
    let scratch = Scratch::new("demo");
    let mut program = demo(&scratch, &["--once"]);
    let status = program.wait(DEADLINE).expect("it ends by itself");
    let told = program.said();
    assert_eq!(status.code(), Some(0), "{told}");
    let (sent, answered) = (
        row(&told, "increments sent"),
        row(&told, "answered with 200"),
    );
    let (counted, lost) = (row(&told, "counted by the backend"), row(&told, "lost"));
    assert!(sent.0 >= 100 && sent.0 == sent.1, "{told}");
    assert_eq!(answered, sent, "{told}");
    assert_eq!(counted.0 + lost.0, sent.0, "{told}");
    assert!(lost.0 > sent.0 / 10, "{told}");
    assert_eq!((counted.1, lost.1), (sent.1, 0), "{told}");
    let conflicts = row(&told, "409s met");
    assert!(conflicts.0 == 0 && conflicts.1 > 0, "{told}");
    assert!(!told.contains("curl"), "it ends after the figures: {told}");
    assert!(!told.contains('\u{1b}'), "no terminal, no bar: {told}");
}

#[test]
fn the_lines_to_paste_work_as_they_stand_and_ctrl_c_ends_it() {
    let scratch = Scratch::new("demo");
    let mut program = demo(&scratch, &[]);
    let told = until_told(&program, "Ctrl-C ends");
    let lines: Vec<String> = told
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("curl "))
        .map(str::to_owned)
        .collect();
    let [slow, meeting] = &lines[..] else {
        panic!("not two lines to paste in\n{told}");
    };
    let slow = slow.clone();
    let slow = thread::spawn(move || until_answered(&slow, OK));
    let refused = until_answered(meeting, CONFLICT);
    assert!(refused.contains("\"key\":\"stock:apples\""), "{refused}");
    assert!(
        refused
            .to_lowercase()
            .contains("\nproxy-status: writegate;"),
        "{refused}"
    );
    let done = slow.join().expect("a shell");
    let after = paste(meeting);
    assert!(after.starts_with(OK), "{after}");
    assert_eq!(count(&after), count(&done) + 1);
    program.signal_interrupt();
    let status = program.wait(Duration::from_secs(10)).expect("it ends");
    assert_eq!(status.code(), Some(0), "{}", program.said());
}

/// Pastes the line until its answer begins so: which of two lines comes first is not ours to say.
fn until_answered(line: &str, status: &str) -> String {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let answer = paste(line);
        if answer.starts_with(status) {
            return answer;
        }
        assert!(
            Instant::now() < deadline,
            "it is not answered with {status}:\n{answer}"
        );
        sleep(Duration::from_millis(20));
    }
}

/// What a shell shows of this line.
fn paste(line: &str) -> String {
    let Output { status, stdout, .. } = Command::new("sh")
        .args(["-c", line])
        .output()
        .expect("a shell is there");
    assert!(status.success(), "{line}: {status}");
    String::from_utf8(stdout).expect("text")
}

/// What the backend says it has now.
fn count(answer: &str) -> u64 {
    let (_, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
    let body: serde_json::Value = serde_json::from_str(body).expect("a document");
    body["count"].as_u64().expect("a count")
}
