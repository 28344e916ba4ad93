//! Logs as the gateway writes them are summed up to what happened, and what is proposed is a configuration.

use super::summary::Report as Findings;
use super::*;
use crate::config::{Config, Overrides};

fn access(method: &str, path: &str, route: &str, (at, took): (&str, f64), outcome: &str) -> String {
    format!(
        r#"{{"timestamp":"2026-11-24T00:00:{at}Z","level":"INFO","client":"127.0.0.1","method":"{method}","path":"{path}","status":200,"route":"{route}","keys":"{path}","outcome":"{outcome}","duration_ms":{took},"received":8,"sent":396,"request_id":"0","target":"access"}}"#
    )
}

fn overlap(key: &str, (method, other): (&str, &str)) -> String {
    format!(
        r#"{{"timestamp":"2026-11-24T00:00:00.5Z","level":"WARN","message":"two writes","key":"{key}","method":"{method}","route":"[guard]","other_method":"{other}","other_route":"[guard]","would_refuse":"--guard '/orders/{{id}}'","request_id":"0","target":"overlap"}}"#
    )
}

fn summed_up(text: &[String]) -> Findings {
    let bytes = text.join("\n").into_bytes();
    let mut lines = Lines::of(std::io::Cursor::new(bytes)).unwrap();
    let mut summary = Summary::default();
    read(&mut lines, &mut summary).unwrap();
    summary.finish(10)
}

fn a_log() -> Vec<String> {
    vec![
        overlap("/orders/7", ("POST", "PUT")),
        access("PUT", "/orders/7", "[guard]", ("01.000000", 1000.0), "guarded"),
        access("POST", "/orders/7", "[guard]", ("01.500000", 1250.0), "overlapped"),
        overlap("/orders/8", ("POST", "PUT")),
        access("PUT", "/orders/8", "[guard]", ("03.000000", 100.0), "guarded"),
        access("POST", "/orders/8", "[guard]", ("03.000000", 90.0), "overlapped"),
        access("PUT", "/orders/8", "[guard]", ("03.000000", 0.1), "write-in-flight"),
        access("GET", "/orders/8", "[guard]", ("03.000000", 1.0), "forwarded"),
        r#"{"timestamp":"2026-11-24T00:00:00Z","level":"INFO","message":"listening","target":"writegate::server"}"#.to_owned(),
        "garbage".to_owned(),
    ]
}

#[test]
fn overlaps_are_summed_up_by_route_and_by_who_met_whom() {
    let found = summed_up(&a_log());
    assert_eq!((found.lines, found.unreadable, found.requests), (10, 1, 6));
    assert_eq!((found.writes, found.refused, found.overlaps), (4, 1, 2));
    let [route] = found.routes.as_slice() else {
        panic!("{:?}", found.routes);
    };
    assert_eq!(
        (&*route.path, route.writes, route.overlaps),
        ("/orders/{id}", 4, 2)
    );
    assert!(
        (route.longest_ms - 750.0).abs() < 0.01,
        "{}",
        route.longest_ms
    );
    let [pair] = found.pairs.as_slice() else {
        panic!("{:?}", found.pairs);
    };
    let path = "/orders/{id}".to_owned();
    assert_eq!(pair.came, ("POST".to_owned(), path.clone()));
    assert_eq!(pair.at_work, ("PUT".to_owned(), path));
    assert_eq!(pair.overlaps, 2);
}

#[test]
fn what_is_proposed_guards_what_met() {
    let found = summed_up(&a_log());
    let [proposal] = found.would_refuse.as_slice() else {
        panic!("{:?}", found.would_refuse);
    };
    assert_eq!(proposal.toml, "[[route]]\npath = \"/orders/{id}\"\n");
    let shown = text::text(&found);
    let (_, toml) = shown.split_once("you agree with:\n").unwrap();
    let text = format!("[upstream]\nurl = \"http://a\"\n{toml}");
    let config = Config::parse("w.toml", &text, &Overrides::default()).unwrap();
    assert_eq!(&*config.policy.routes()[1].label, "/orders/{id}");
}

#[test]
fn a_route_that_only_observes_is_named() {
    let text = "on_conflict = 'reject' in /a/{id}, and --guard '/b/{id}'";
    let line = overlap("/x", ("PUT", "PUT")).replace("--guard '/orders/{id}'", text);
    let found = summed_up(&[line]);
    let toml: Vec<&str> = found
        .would_refuse
        .iter()
        .map(|found| &*found.toml)
        .collect();
    assert_eq!(toml[0], "[[route]]\npath = \"/b/{id}\"\n");
    assert!(toml[1].contains("path = \"/a/{id}\""), "{toml:?}");
    assert!(toml[1].contains("# on_conflict = \"reject\""), "{toml:?}");
}

#[test]
fn in_a_mode_that_observes_all_what_is_proposed_refuses_all() {
    let remedy =
        |text: &str| overlap("/x", ("POST", "PUT")).replace("--guard '/orders/{id}'", text);
    let post = "[[route]] path = '/a/{id}' on_conflict = 'reject'";
    let put = "on_conflict = 'reject' in [guard]";
    let found = summed_up(&[
        remedy(post),
        remedy(&format!("{post}, and {put}")),
        // Before `[guard]` was told to observe.
        remedy("--guard '/a/{id}'"),
    ]);
    let shown = text::text(&found);
    let (_, toml) = shown.split_once("you agree with:\n").unwrap();
    assert!(
        toml.contains("# 3 overlaps, 1 of them together with another of these\n[[route]]\n"),
        "{shown}"
    );
    assert!(
        toml.contains("# 1 overlap, 1 of them together with another of these\n# In [guard]"),
        "{shown}"
    );
    let text =
        format!("[upstream]\nurl = \"http://a\"\n[guard]\non_conflict = \"observe\"\n{toml}");
    let config = Config::parse("w.toml", &text, &Overrides::default()).unwrap();
    let method = http::Method::POST;
    let head = crate::policy::Head {
        method: &method,
        path: "/a/9",
        query: None,
        host: "",
        headers: &crate::policy::head::Fields::default(),
        content: None,
        client_subject: None,
    };
    let guard = config.policy.plan(&head).unwrap().guard.unwrap();
    assert_eq!(guard.purpose, crate::policy::Purpose::Write);
}
