//! httplint on every answer that the gateway makes itself: one of each kind that `docs/problems.md` lists, in every form. Over a connection
//! `readers` has it, and redbot, look at some of them.

use crate::support::program::{Program, Scratch, repository};
use crate::support::python::python_with_linters;
use http::{Method, Response};
use httpdate::fmt_http_date;
use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, SystemTime};
use writegate::config::{Config, Overrides};
use writegate::policy::rejection::{Audience, Form, Rejection, Telling, samples};

const FORMS: [Form; 5] = [
    Form::Problem,
    Form::Text,
    Form::Html,
    Form::Grpc,
    Form::GrpcWeb,
];
const DEADLINE: Duration = Duration::from_secs(120);

#[test]
fn httplint_finds_nothing_bad_in_any_kind_of_answer_in_any_form() {
    let kinds = samples::all();
    let named: BTreeSet<&str> = kinds.iter().map(Rejection::name).collect();
    let problems = fs::read_to_string(repository("docs/problems.md")).expect("a document");
    let listed = problems.lines().filter_map(|line| line.strip_prefix("## "));
    let listed: BTreeSet<&str> = listed.filter(|name| !name.contains(' ')).collect();
    assert_eq!(named, listed, "one of each kind, and no other");
    let scratch = Scratch::new("answers");
    for (number, rejection) in kinds.iter().enumerate() {
        for form in FORMS {
            let name = format!("answer-{number}-{}-{form:?}", rejection.name());
            fs::write(scratch.path().join(name), told(rejection, form)).expect("a file of our own");
        }
    }
    let mut linter = python_with_linters();
    linter.arg(repository("tests/real/lint_answers.py"));
    linter.arg(scratch.path());
    let mut linter = Program::spawn(&mut linter, scratch.path().join("log"));
    let status = linter.wait(DEADLINE);
    println!("{}", linter.said());
    assert!(
        status.is_some_and(|status| status.success()),
        "{status:?}\n{}",
        linter.said()
    );
}

/// The answer as it goes over HTTP/1.1, with what is added below.
fn told(rejection: &Rejection, form: Form) -> Vec<u8> {
    let text = "[upstream]\nurl = \"http://127.0.0.1:3000\"\n";
    let config = Config::parse("test.toml", text, &Overrides::default()).expect("a good one");
    let answer: Response<_> = rejection.answer(&Telling {
        answers: &config.answers,
        audience: &Audience::wanting(form),
        method: &Method::PUT,
        is_last: true,
    });
    let mut told = format!(
        "HTTP/1.1 {}\r\nDate: {}\r\nContent-Length: {}\r\n",
        answer.status(),
        fmt_http_date(SystemTime::now()),
        answer.body().len()
    )
    .into_bytes();
    for (name, value) in answer.headers() {
        told.extend_from_slice(name.as_str().as_bytes());
        told.extend_from_slice(b": ");
        told.extend_from_slice(value.as_bytes());
        told.extend_from_slice(b"\r\n");
    }
    told.extend_from_slice(b"\r\n");
    told.extend_from_slice(answer.body());
    told
}
