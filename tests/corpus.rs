//! The corpus: raw requests and raw responses, each with its bytes, its rule and the right answer, through the real program
//! in front of an origin that records bytes.
//!
//! What is refused never reaches the origin, or never ends well there; what passes is seen there once, as meant. What a
//! response does wrong touches no other client.

mod client;
mod notation;
mod origin;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::support::gateway::Gateway;
use crate::support::program::repository;
use client::{Answer, Client};
use notation::bytes;
use origin::{Origin, Script, Seen, latin1};

/// A file of the corpus.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group<T> {
    case: Vec<T>,
}

/// A request, and what becomes of it. One that passes may be followed by one that is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestCase {
    name: String,
    rule: String,
    send: String,
    /// Whether the client ends its side then.
    #[serde(default)]
    ends: bool,
    /// The request line that the origin sees.
    passes: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
    #[serde(default)]
    without: Vec<String>,
    /// All lines of one name.
    #[serde(default)]
    order: Vec<String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    trailers: Vec<String>,
    /// The status and the problem.
    refused: Option<String>,
    /// What the answer says of it.
    #[serde(default)]
    why: String,
}

/// A response, and what becomes of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResponseCase {
    name: String,
    rule: String,
    #[serde(default = "put")]
    method: String,
    send: String,
    /// What the origin sends once the client has the head.
    later: Option<String>,
    /// Whether the origin closes then.
    #[serde(default)]
    closes: bool,
    /// What the client gets: a status, and a problem or that it was cut.
    answer: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    fields: Vec<String>,
    #[serde(default)]
    without: Vec<String>,
    /// Whether the connection is used for the next request.
    #[serde(default)]
    reused: bool,
}

fn put() -> String {
    "PUT".to_owned()
}

/// The cases of a directory of the corpus, each with the name of its file.
fn cases<T: DeserializeOwned>(directory: &str) -> Vec<(String, T)> {
    let files = fs::read_dir(repository("tests/corpus").join(directory)).expect("it is there");
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    let group = |path: std::path::PathBuf| {
        let text = fs::read_to_string(&path).expect("a text");
        let group: Group<T> =
            toml::from_str(&text).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
        let name = path.file_stem().expect("a name").to_string_lossy();
        let named = group.case.into_iter();
        named
            .map(|case| (name.to_string(), case))
            .collect::<Vec<_>>()
    };
    paths.into_iter().flat_map(group).collect()
}

#[test]
fn the_document_tells_how_many_cases_there_are() {
    let document = fs::read_to_string(repository("docs/conformance.md")).expect("it is there");
    let told = |directory: &str, group: &str| {
        let row = format!("| `{directory}/{group}.toml`");
        let line = document.lines().find(|line| line.starts_with(&row));
        let count = line.and_then(|line| line.trim_end_matches([' ', '|']).rsplit(' ').next());
        count.and_then(|count| count.parse::<usize>().ok())
    };
    let mut counts = std::collections::BTreeMap::new();
    for (group, _) in cases::<RequestCase>("requests") {
        *counts.entry(("requests", group)).or_insert(0) += 1;
    }
    for (group, _) in cases::<ResponseCase>("responses") {
        *counts.entry(("responses", group)).or_insert(0) += 1;
    }
    for ((directory, group), count) in &counts {
        assert_eq!(told(directory, group), Some(*count), "{directory}/{group}");
    }
}

/// One gateway with one worker, so that it is known which connection is free.
fn gateway(origin: &Origin) -> Gateway {
    Gateway::with_server(origin.addr, "workers = 1", "")
}

/// Tries every case, and fails with all that do.
fn all<T>(cases: &[T], name: impl Fn(&T) -> String, mut try_it: impl FnMut(&T)) {
    let failed: Vec<String> = cases
        .iter()
        .filter(|case| catch_unwind(AssertUnwindSafe(|| try_it(case))).is_err())
        .map(name)
        .collect();
    assert!(failed.is_empty(), "{} failed: {failed:#?}", failed.len());
}

#[test]
fn every_request_is_understood_as_the_corpus_says() {
    let cases = cases::<RequestCase>("requests");
    assert!(cases.len() >= 120, "{}", cases.len());
    let origin = Origin::start();
    let gateway = gateway(&origin);
    all(
        &cases,
        |(group, case)| format!("{group}/{}: {}", case.name, case.rule),
        |(_, case)| request(case, &gateway, &origin),
    );
}

fn request(case: &RequestCase, gateway: &Gateway, origin: &Origin) {
    assert!(
        case.passes.is_some() || case.refused.is_some(),
        "nothing is expected"
    );
    let before = origin.octets();
    let mut client = Client::connect(gateway.addr);
    client.send(&bytes(&case.send));
    if case.ends {
        client.end();
    }
    if case.passes.is_some() {
        let answer = client.answer(false, || {});
        assert_eq!(
            (answer.told(), latin1(&answer.body)),
            ("200".to_owned(), "own".to_owned())
        );
    }
    if let Some(refused) = &case.refused {
        let answer = client.answer(false, || {});
        assert_eq!(answer.told(), *refused);
        assert!(answer.detail().contains(&case.why), "{}", answer.detail());
        assert_eq!(latin1(&client.until_end()), "", "one answer, and the end");
    }
    drop(client);
    let is_begun = case.passes.is_some() || case.refused.as_deref() == Some("400 body-broken");
    assert!(
        is_begun || origin.octets() == before,
        "it reached the origin"
    );
    origin.until_nothing_is_unfinished();
    let seen = origin.take_seen();
    match (&case.passes, &seen[..]) {
        (Some(line), [seen]) => passed(case, line, seen),
        (None, []) => {}
        (Some(_) | None, _) => panic!("the origin got {seen:?}"),
    }
}

fn passed(case: &RequestCase, line: &str, seen: &Seen) {
    assert_eq!(seen.line, line);
    assert_eq!(latin1(&seen.body), case.body);
    assert_eq!(seen.trailers, case.trailers);
    have(&seen.fields, &case.fields, &case.without);
    if let Some(first) = case.order.first() {
        let (name, _) = first.split_once(':').expect("a field");
        let same = seen
            .fields
            .iter()
            .filter(|field| field.starts_with(&format!("{name}:")));
        assert_eq!(
            same.collect::<Vec<_>>(),
            case.order.iter().collect::<Vec<_>>()
        );
    }
}

fn have(fields: &[String], wanted: &[String], unwanted: &[String]) {
    for wanted in wanted {
        let wanted = latin1(&bytes(wanted));
        assert!(fields.contains(&wanted), "no {wanted:?} in {fields:?}");
    }
    for name in unwanted {
        let is_it = |field: &String| field.starts_with(&format!("{name}:"));
        assert!(!fields.iter().any(is_it), "{name} is in {fields:?}");
    }
}

#[test]
fn every_response_is_understood_as_the_corpus_says() {
    let cases = cases::<ResponseCase>("responses");
    assert!(cases.len() >= 40, "{}", cases.len());
    let origin = Origin::start();
    let gateway = gateway(&origin);
    all(
        &cases,
        |(group, case)| format!("{group}/{}: {}", case.name, case.rule),
        |(group, case)| response(&format!("/{group}/{}", case.name), case, &gateway, &origin),
    );
}

fn response(path: &str, case: &ResponseCase, gateway: &Gateway, origin: &Origin) {
    let script = Script {
        send: bytes(&case.send),
        later: case.later.as_deref().map(bytes),
        closes: case.closes,
    };
    origin.answer_with(path, script);
    let mut client = Client::connect(gateway.addr);
    let answer = ask(&mut client, &case.method, path, || {
        origin.client_has_the_head()
    });
    let seen = origin.take_seen();
    assert_eq!(seen.len(), 1, "the origin got {seen:?}");
    assert_eq!(answer.told(), case.answer);
    have(&answer.fields, &case.fields, &case.without);
    let is_answered = !answer.told().contains(' ');
    if is_answered || answer.told().ends_with(" cut") {
        assert_eq!(latin1(&answer.body), case.body);
    }
    if is_answered && !case.closes {
        // The connection is good for more, whatever became of the one to the origin.
        let next = ask(&mut client, "GET", "/same-client", || {});
        assert_eq!((next.told(), &*next.body), ("200".to_owned(), &b"own"[..]));
    }
    let next = ask(
        &mut Client::connect(gateway.addr),
        "GET",
        "/next-client",
        || {},
    );
    assert_eq!((next.told(), &*next.body), ("200".to_owned(), &b"own"[..]));
    let last = origin.take_seen().pop().expect("a request");
    assert_eq!(
        last.connection == seen[0].connection,
        case.reused,
        "of the connection"
    );
    if case.method == "PUT" {
        let again = ask(&mut Client::connect(gateway.addr), "PUT", path, || {});
        let expected = if is_answered {
            "200"
        } else {
            "409 outcome-unknown"
        };
        assert_eq!(again.told(), expected, "of a second write");
    }
    origin.take_seen();
}

fn ask(client: &mut Client, method: &str, path: &str, at_head: impl FnOnce()) -> Answer {
    let body = if method == "PUT" { "hi" } else { "" };
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n");
    client.send(format!("{head}{body}").as_bytes());
    client.answer(method == "HEAD", at_head)
}
