//! Ordinary applications behind the gateway with all its defaults: nobody notices that it is there.

use crate::support::gateway::{Gateway, access_lines};
use crate::support::program::{Program, Scratch, repository};
use crate::support::python::{Application, prepared, python};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(180);

#[test]
fn a_morning_at_an_ordinary_application_has_not_one_answer_that_is_not_the_applications() {
    let application = Application::start("application:app");
    let gateway = Gateway::with_defaults(application.addr);
    let scratch = Scratch::new("morning");
    let mut command = python("python");
    command
        .arg(repository("tests/real/morning.py"))
        .arg(format!("http://{}", gateway.addr))
        .arg(application.answers());
    let mut morning = Program::spawn(&mut command, scratch.path().join("log"));
    let status = morning.wait(DEADLINE);
    println!("{}", morning.said());
    assert!(
        status.is_some_and(|status| status.success()),
        "{status:?}\n{}\n{}",
        morning.said(),
        refusals(&gateway)
    );
    the_gateway_itself_answered_nothing(&gateway.ends_well());
}

/// Whatever an answer looks like: by the access log, every request was forwarded.
fn the_gateway_itself_answered_nothing(log: &str) {
    let lines = access_lines(log);
    assert!(lines.len() > 100, "{} requests show nothing", lines.len());
    let forwarded = ["forwarded", "observed", "guarded", "overlapped"];
    let own: Vec<_> = lines
        .iter()
        .filter(|line| !forwarded.contains(&line["outcome"].as_str().unwrap_or_default()))
        .collect();
    assert!(own.is_empty(), "{own:#?}");
}

fn refusals(gateway: &Gateway) -> String {
    gateway
        .said()
        .lines()
        .filter(|line| line.contains("409") || line.contains("WARN"))
        .take(20)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_suite_of_requests_passes_through_the_gateway_as_it_does_without() {
    let httpbin = Application::start("httpbin:app");
    let gateway = Gateway::with_defaults(httpbin.addr);
    let direct = Suite::start("direct", httpbin.addr);
    let through = Suite::start("through", gateway.addr);
    let (direct, through) = (direct.verdicts(), through.verdicts());
    assert!(direct.len() > 150, "the suite does not work: {direct:?}");
    let differ: Vec<&String> = direct.symmetric_difference(&through).collect();
    assert!(
        differ.is_empty(),
        "these come to something else through the gateway: {differ:#?}"
    );
    the_gateway_itself_answered_nothing(&gateway.ends_well());
}

/// The tests that requests has of itself, against an httpbin.
struct Suite {
    program: Program,
    _scratch: Scratch,
}

impl Suite {
    fn start(name: &str, httpbin: SocketAddr) -> Self {
        let scratch = Scratch::new(name);
        let mut command = python("python");
        command.args([
            "-m",
            "pytest",
            "-q",
            "-rA",
            "-p",
            "no:cacheprovider",
            "-p",
            "httpbin_elsewhere",
            "tests",
        ]);
        command
            .current_dir(prepared("requests"))
            .env("HTTPBIN_URL", format!("http://{httpbin}"));
        Self {
            program: Program::spawn(&mut command, scratch.path().join("log")),
            _scratch: scratch,
        }
    }

    /// What came of each test.
    fn verdicts(mut self) -> BTreeSet<String> {
        assert!(
            self.program.wait(DEADLINE).is_some(),
            "the suite does not end:\n{}",
            self.program.said()
        );
        let said = self.program.said();
        let tail: Vec<&str> = said.lines().rev().take(12).collect();
        println!("{tail:#?}");
        let verdicts = [
            "PASSED ", "FAILED ", "ERROR ", "SKIPPED ", "XFAIL ", "XPASS ",
        ];
        said.lines()
            .filter(|line| verdicts.iter().any(|verdict| line.starts_with(verdict)))
            // What follows may name an address.
            .map(|line| line.split(" - ").next().unwrap_or(line))
            // The suite expects one to fail, which passes where the lines of a stream come one by one: that is up to the moment.
            .map(|line| line.replace("XPASS ", "XFAIL "))
            .collect()
    }
}
