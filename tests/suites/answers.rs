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
use writegate::policy::KeyError;
use writegate::policy::head::{Limits, Malformed};
use writegate::policy::rejection::{Audience, Conflict, ConflictStatus, Form, Rejection, Telling};

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
    let kinds = one_of_each();
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

fn one_of_each() -> Vec<Rejection> {
    let is_write = true;
    let mut all = vec![
        conflict(None),
        conflict(Some(Duration::from_secs(40))),
        Rejection::NoKey(KeyError::Missing {
            source_text: "{header:x-tenant}".to_owned(),
            why: None,
        }),
        Rejection::NoKey(KeyError::TooMany { limit: 64 }),
        Rejection::BodyBroken,
        Rejection::BodyTooSlow,
        Rejection::BodyTooLarge,
        Rejection::ClientLeft,
        Rejection::HoldsExhausted,
        Rejection::BuffersExhausted,
        Rejection::RequestsExhausted,
        Rejection::ExchangeTimeout { is_write },
        Rejection::Unreachable { is_refused: true },
        Rejection::ConnectTimeout,
        Rejection::NotSent,
        Rejection::UpstreamBroken { is_write },
        Rejection::UpstreamInvalid { is_write },
        Rejection::ResponseTimeout { is_write },
    ];
    let malformed = [
        Malformed::Host,
        Malformed::Version,
        Malformed::Connect,
        Malformed::TooLarge(Limits::default()),
        Malformed::HeadTooSlow,
        Malformed::TargetTooLong(Limits::default()),
    ];
    all.extend(malformed.map(Rejection::Malformed));
    all
}

fn conflict(unknown_for: Option<Duration>) -> Rejection {
    Rejection::Conflict(Box::new(Conflict {
        key: "order:7".into(),
        holder_method: Method::POST,
        holder_route: "/orders/{id}/{*rest}".into(),
        holder_since: "2026-11-23T18:29:00.120Z".into(),
        holder_age: Duration::from_millis(1203),
        unknown_for,
        retry_after: Duration::from_millis(1740),
        status: ConflictStatus::default(),
    }))
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
