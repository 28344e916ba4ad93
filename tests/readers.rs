//! Those who read the gateway's own answers, for real: httplint and redbot, which find nothing bad in any form, and Chromium,
//! whose user is shown a page that needs no script, and whose applications read them from another origin.

use crate::support::gateway::Gateway;
use crate::support::program::{Program, Scratch, repository};
use crate::support::python::{Application, python, python_with_linters};
use std::process::Command;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(150);

const TABLES: &str = r#"
[answers]
cors = ["https://app.example", "ELSEWHERE"]

[[route]]
path = "/orders/{id}"
key = "order:{id}"

[[route]]
path = "/orders/{id}/reading"
methods = ["GET"]
key = "order:{id}"

[[route]]
path = "/orders/{id}/locked"
key = "order:{id}"
status = 423

[[route]]
path = "/orders/{id}/busy"
key = "order:{id}"
status = 429

[[route]]
path = "/orders/{id}/full"
key = "order:{id}"
status = 503

[[route]]
path = "/keyed"
key = "{query:id}"
on_missing_key = "reject"
"#;

/// Lets a program of `tests/real` look at a conflict at the desk.
fn looks(mut python: Command, name: &str) {
    let desk = Application::start("desk:app");
    // The desk by itself is of another origin than the gateway.
    let elsewhere = format!("http://{}", desk.addr);
    let gateway = Gateway::start(desk.addr, &TABLES.replace("ELSEWHERE", &elsewhere));
    let scratch = Scratch::new("readers");
    python
        .arg(repository(&format!("tests/real/{name}")))
        .args([format!("http://{}", gateway.addr), elsewhere]);
    let mut program = Program::spawn(&mut python, scratch.path().join("log"));
    let status = program.wait(DEADLINE);
    println!("{}", program.said());
    assert!(
        status.is_some_and(|status| status.success()),
        "{status:?}\n{}",
        program.said()
    );
    gateway.ends_well();
}

#[test]
fn linters_find_nothing_bad_in_any_form_of_an_answer() {
    looks(python_with_linters(), "lint.py");
}

#[test]
fn a_browser_without_scripts_shows_the_page_and_reads_the_resource_again() {
    looks(python("python"), "browser.py");
}
