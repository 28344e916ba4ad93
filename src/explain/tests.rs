//! What is told about requests, and in which words.

use super::*;
use crate::cli::{Cli, Command};
use crate::config::Overrides;
use clap::Parser;

fn explained_by(text: &str, arguments: &[&str]) -> String {
    let line = ["writegate", "explain"].iter().chain(arguments);
    let Command::Explain(asked) = Cli::try_parse_from(line).unwrap().command else {
        panic!("another command");
    };
    let config = Config::parse("w.toml", text, &Overrides::default()).unwrap();
    explain(&config, &asked.asked()).to_string()
}

fn explained(arguments: &[&str]) -> String {
    explained_by(include_str!("../../config/orders.toml"), arguments)
}

#[test]
fn modes_scope_and_waiting_are_told() {
    let of = |route: &str, method: &str, wanted: &[&str]| {
        let text = format!(
            "[upstream]\nurl = \"http://app\"\n[[route]]\npath = \"/a/{{*rest}}\"\n{route}"
        );
        let told = explained_by(&text, &[method, "/a/b"]);
        for line in wanted {
            assert!(told.contains(line), "{line}\n{told}");
        }
    };
    of(
        "scope = \"subtree\"",
        "PUT",
        &[
            "key       / (intention-exclusive)\n          /a (intention-exclusive)\n          /a/b\n",
            "first   forwarded; it holds /a/b until",
        ],
    );
    of(
        "on_conflict = { wait = \"2s\" }",
        "PATCH",
        &[
            "waits up to 2s for its turn, then it is refused with 409",
            "second  waits for its turn, at most 2s; then it is refused with 409 (wait-timeout)",
        ],
    );
    of(
        "mode = \"shared\"",
        "POST",
        &[
            "key       /a/b (shared)\n",
            "second  forwarded beside it: their claims are shared",
        ],
    );
    of(
        "reads = \"shared\"",
        "GET",
        &[
            "method    GET (safe)",
            "policy    shared: a read beside other reads, and beside no write that is not (reads = \"shared\")",
            "first   forwarded; it shares /a/b with other reads",
        ],
    );
}

#[test]
fn a_guarded_write_is_told_with_its_key() {
    assert_eq!(
        explained(&["PATCH", "/Orders/7/lines;v=1/3/?x"]),
        "route     /orders/{id}/{*rest} (methods: unsafe)\n\
         method    PATCH (a write)\n\
         path      /orders/7/lines/3\n\
         key       order:7\n\
         policy    guarded: a write that meets another on one of its keys is refused with 409\n\
         max work  1m after the upstream was last heard of\n\n\
         why this route\n  no other matches; without it, [guard] would speak\n\n\
         how the path becomes canonical\n  \
         as sent                             /Orders/7/lines;v=1/3/\n  \
         drop the `;parameters` of segments  /Orders/7/lines/3/\n  \
         drop the trailing slash             /Orders/7/lines/3\n  \
         fold case                           /orders/7/lines/3\n\n\
         where the keys come from\n  order:{id}, where {id} is segment 2 of the path: 7\n\n\
         what would happen now\n  \
         first   forwarded; it holds order:7 until its response has arrived whole\n  \
         second  refused with 409 (write-in-flight), and never sent to the upstream\n"
    );
}

#[test]
fn a_post_is_told_with_what_would_guard_it() {
    let text = explained(&["POST", "http://h/login"]);
    assert!(
        text.contains("[guard]") && text.contains("observed") && text.contains("--guard"),
        "{text}"
    );
    assert!(explained(&["POST", "/orders"]).contains("guard = false"));
    assert!(explained(&["GET", "/orders/7"]).contains("GET (safe)"));
}

#[test]
fn an_override_in_the_body_counts() {
    let text = explained(&["POST", "/a", "-d", "x=1&_method=patch"]);
    assert!(
        text.contains("PATCH (a write; sent as POST)") && text.contains("guarded"),
        "{text}"
    );
    let text = explained(&[
        "POST",
        "/a",
        "-d",
        "_method=patch",
        "-H",
        "Content-Type: text/plain",
    ]);
    assert!(text.contains("observed"), "{text}");
}

#[test]
fn a_request_that_can_be_read_in_two_ways_is_refused_as_the_gateway_refuses_it() {
    for (arguments, name) in [
        (
            &["CONNECT", "a.example:80"][..],
            "501 (connect-not-supported)",
        ),
        (&["PUT", "http://u:p@h/x"], "400 (bad-request)"),
        (&["PUT", "/a#b"], "400 (bad-request)"),
        (&["PUT", "/a b"], "400 (bad-request)"),
        (&["PUT", "orders"], "400 (bad-request)"),
        (&["GET", "*"], "400 (bad-request)"),
        (&["PUT", "http://b/", "-H", "Host: c"], "400 (bad-request)"),
        (&["PUT", "/x", "-H", "Host: a b"], "400 (bad-request)"),
        (
            &[
                "PUT",
                "/x",
                "-H",
                "Content-Length: 1",
                "-H",
                "Content-Length: 2",
            ],
            "400 (bad-request)",
        ),
        (
            &[
                "PUT",
                "/x",
                "-H",
                "Content-Length: 1",
                "-H",
                "Transfer-Encoding: chunked",
            ],
            "400 (bad-request)",
        ),
        (&["PUT", "/x\r\nA: b"], "400 (bad-request)"),
    ] {
        let text = explained(arguments);
        let told =
            format!("\npolicy    refused with {name}\nwhy       The request was not forwarded: ");
        assert!(text.contains(&told), "{arguments:?}: {text}");
    }
    let long = format!("/{}", "a".repeat(40_000));
    assert!(explained(&["GET", &long]).contains("414 (target-too-long)"));
    let field = format!("A: {}", "a".repeat(66_000));
    assert!(explained(&["GET", "/", "-H", &field]).contains("431 (head-too-large)"));
}

#[test]
fn a_request_that_can_be_read_in_one_way_is_not() {
    for arguments in [
        &["PUT", "http://B.example/orders/7"][..],
        &["PUT", "http://b/orders/7", "-H", "Host: B"],
        &["PUT", "/orders/7", "-d", "x"],
        &[
            "PUT",
            "/orders/7",
            "-d",
            "x",
            "-H",
            "Transfer-Encoding: chunked",
        ],
        &["PUT", "/orders/7", "-d", "x", "-H", "Content-Length: 1"],
    ] {
        let text = explained(arguments);
        assert!(
            text.contains("key       order:7\n"),
            "{arguments:?}: {text}"
        );
    }
    assert!(explained(&["OPTIONS", "*"]).contains("(safe)"));
}

#[test]
fn a_body_that_is_too_large_is_told_with_its_route() {
    let text = "[server]\nmax_body = 4\n[upstream]\nurl = \"http://a\"\n[[route]]\npath = \"/a\"\n";
    let told = "route     /a (methods: unsafe)\nmethod    PUT\npath      /a\n\
                policy    refused with 413 (body-too-large)\n\
                why       The body of this PUT is larger than this gateway lets through.\n";
    assert!(explained_by(text, &["PUT", "/a", "-d", "12345"]).starts_with(told));
    let declared = ["PUT", "/a", "-H", "Content-Length: 5"];
    assert!(explained_by(text, &declared).starts_with(told));
    assert!(explained_by(text, &["PUT", "/a", "-d", "1234"]).contains("guarded"));
}

#[test]
fn a_form_past_the_buffer_has_no_override() {
    let text = "[server]\nrequest_buffer = 12\n[upstream]\nurl = \"http://a\"\n";
    let told = |body| explained_by(text, &["POST", "/a", "-d", body]);
    assert!(told("_method=PUT").contains("PUT (a write; sent as POST)"));
    assert!(told("_method=PUT&x").contains("observed"));
}

const BODIES: &str = "[server]\nrequest_buffer = 64\n[upstream]\nurl = \"http://a\"\n\
    [[route]]\npath = \"/a\"\nkeys = [\"a:{json:/from}\", \"a:{json:/to/*}\"]\n\
    [[route]]\npath = \"/f\"\nkey = \"f:{form:id}\"\non_missing_key = \"forward\"\n";
const JSON: &str = "Content-Type: application/json";

#[test]
fn a_key_of_the_body_is_told_with_where_it_stands() {
    let text = explained_by(
        BODIES,
        &[
            "POST",
            "/a",
            "-H",
            JSON,
            "-d",
            r#"{"from": "X", "to": [1, 2.0]}"#,
        ],
    );
    for told in [
        "key       a:1\n          a:2\n          a:x\n",
        "\n  a:{json:/from}, where {json:/from} is `/from` in the JSON of the body: x\n",
        "where {json:/to/*} is `/to/*` in the JSON of the body: 1 and 2\n",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let text = explained_by(BODIES, &["PUT", "/f", "-d", "x=1&id=7"]);
    assert!(
        text.contains("is the field `id` of the form in the body: 7\n"),
        "{text}"
    );
}

#[test]
fn why_a_body_has_no_key_is_told() {
    let long = format!("{{\"from\": \"{}\"}}", "x".repeat(64));
    for (arguments, told) in [
        (
            &["POST", "/a"][..],
            "no value; it has no body (-d gives it one)",
        ),
        (
            &["POST", "/a", "-d", "from=1"],
            "no value; its Content-Type is not that of JSON",
        ),
        (
            &["POST", "/a", "-H", JSON, "-d", "{\"x\":1,\"x\":2}"],
            "no value; its body has the member `x` twice",
        ),
        (
            &["POST", "/a", "-H", JSON, "-d", &long],
            "no value; its body is larger than the 64 bytes",
        ),
        (
            &["POST", "/f", "-d", "x"],
            "no value; its body has nothing there that names a resource\n  where a value is missing, it is done without",
        ),
    ] {
        let text = explained_by(BODIES, arguments);
        assert!(text.contains(told), "{told}: {text}");
    }
}

#[test]
fn the_fields_of_a_line_of_curl_give_their_keys() {
    for line in [
        "curl a/f -F note='a b' -F id=7 -F scan=@a.pdf;type=application/pdf",
        "curl a/f --form-string id=7",
        "curl a/f --data-urlencode id=7 -d x=1",
    ] {
        let asked = crate::cli::curl::parse(line).unwrap().asked;
        let config = Config::parse(
            "w.toml",
            BODIES.replace("64", "1024").as_str(),
            &Overrides::default(),
        );
        let text = explain(&config.unwrap(), &asked).to_string();
        assert!(text.contains("key       f:7\n"), "{line}: {text}");
    }
}

#[test]
fn a_missing_key_is_told_with_its_route() {
    let text = "[upstream]\nurl = \"http://a\"\n[[route]]\npath = \"/{x}\"\nkey = \"{header:T}\"\non_missing_key = \"reject\"";
    let told = explained_by(text, &["PUT", "/A"]);
    assert!(
        told.starts_with(
            "route     /{x} (methods: unsafe)\nmethod    PUT\npath      /a\npolicy    refused with 400 (missing-key)\n\
             why       This PUT was not forwarded: the request has no value for {header:t}, which its resource key is made of.\n"
        ),
        "{told}"
    );
    assert!(
        told.contains("first   refused with 400 (missing-key), never sent"),
        "{told}"
    );
}

#[test]
fn a_digest_is_said_to_differ() {
    let text = "[upstream]\nurl = \"http://a\"\n[guard]\nkey = \"s:{cookie:sid}\"";
    let told = explained_by(text, &["PUT", "/a", "-H", "Cookie: sid=secret"]);
    assert!(told.contains("> (differs in each process)\n"), "{told}");
    assert!(!told.contains("secret"), "{told}");
    assert!(!explained_by(text, &["PUT", "/a"]).contains("differs"));
}

#[test]
fn what_would_be_refused_is_told_with_its_reason() {
    let target: String = (0..9).map(|nth| format!("_method=M{nth}&")).collect();
    let text = explained(&["POST", &format!("/a?{target}")]);
    assert!(text.contains("refused with 400"), "{text}");
}

const ROUTES: &str = "[upstream]\nurl = \"http://a\"\n\
    [[route]]\npath = \"/orders/{*rest}\"\n[[route]]\npath = \"/orders/{id}\"\nkey = \"order:{id}:{query:v}\"\n\
    [[route]]\npath = \"/orders/new\"\n[[route]]\npath = \"/orders/new\"\nmethods = [\"POST\"]\n\
    [[route]]\npath = \"/orders/new\"\nhost = \"shop.example\"\n[[route]]\npath = \"/sub/{id}\"\nkey = \"{cookie:sid}\"\n";

#[test]
fn the_next_route_is_told_with_the_rule_that_decided() {
    for (arguments, told) in [
        (
            &["PUT", "/orders/new"][..],
            "it goes before /orders/{id}; segment 2: the literal `new` goes before the parameter `{id}`\n",
        ),
        (
            &["PUT", "/orders/7"],
            "it goes before /orders/{*rest}; segment 2: the parameter `{id}` goes before the catch-all `{*rest}`\n",
        ),
        (
            &["POST", "/orders/new"],
            "it goes before /orders/new; a list of methods goes before `unsafe`\n",
        ),
        (
            &["PUT", "http://shop.example/orders/new"],
            "it goes before /orders/new; a route for one host goes before one for any\n",
        ),
        (
            &["PUT", "/orders/new"],
            "/orders/new matches the path, but it is for the host shop.example\n",
        ),
        (
            &["PUT", "/orders/new"],
            "/orders/new matches the path, but its methods are POST\n",
        ),
        (
            &["GET", "/orders/7"],
            "/orders/{id} matches the path, but its methods are unsafe\n",
        ),
        (
            &["PUT", "/orders/7/x"],
            "no other matches; without it, [guard] would speak\n",
        ),
        (&["PUT", "/"], "no other matches, so [guard] speaks\n"),
    ] {
        let text = explained_by(ROUTES, arguments);
        assert!(
            text.contains(&format!("\n  {told}")),
            "{arguments:?}: {text}"
        );
    }
}

#[test]
fn each_override_is_told_with_its_place() {
    let text = explained(&[
        "POST",
        "/a?_method=put",
        "-H",
        "X-HTTP-Method-Override: patch, get",
        "-d",
        "_method=delete",
    ]);
    assert!(
        text.contains(
            "\nwhat overrides the method\n  the field `x-http-method-override` says PATCH\n  `_method` in the query says PUT\n  \
             `_method` in the body says DELETE\n  a backend may heed it or not: POST is judged, too"
        ),
        "{text}"
    );
    assert!(!explained(&["POST", "/a"]).contains("overrides"));
}

#[test]
fn each_part_of_a_key_is_told_with_its_source() {
    let text = explained_by(ROUTES, &["PUT", "/orders/7?v=1&v=2"]);
    assert!(
        text.contains(
            "\n  order:{id}:{query:v}, where {id} is segment 2 of the path: 7\n  \
             order:{id}:{query:v}, where {query:v} is the query parameter `v`: 1 and 2\n"
        ),
        "{text}"
    );
    let text = explained_by(ROUTES, &["PUT", "/orders/7"]);
    assert!(
        text.contains(
            "the query parameter `v`: no value\n  where a value is missing, the canonical path"
        ),
        "{text}"
    );
    let text = explained_by(ROUTES, &["PUT", "/sub/7", "-H", "Cookie: sid=secret"]);
    assert!(
        text.contains("{cookie:sid} is the cookie `sid`: <") && !text.contains("secret"),
        "{text}"
    );
    assert!(!explained_by(ROUTES, &["GET", "/"]).contains("where the keys come from"));
}

#[test]
fn what_would_happen_is_told_of_a_first_and_a_second() {
    let text = explained(&["POST", "/login"]);
    assert!(
        text.contains("first   forwarded; note is taken")
            && text.contains("second  forwarded beside it"),
        "{text}"
    );
    let text = explained(&["POST", "/orders"]);
    assert!(
        text.contains("first   forwarded as it streams; nothing is claimed"),
        "{text}"
    );
}

#[test]
fn the_shape_for_programs_stays() {
    let line = [
        "writegate",
        "explain",
        "--json",
        "POST",
        "/Orders/7?_method=PUT",
    ];
    let Command::Explain(asked) = Cli::try_parse_from(line).unwrap().command else {
        panic!("another command");
    };
    assert!(asked.json);
    let text = include_str!("../../config/orders.toml");
    let config = Config::parse("w.toml", text, &Overrides::default()).unwrap();
    let told: serde_json::Value =
        serde_json::from_str(&explain(&config, &asked.asked()).json()).unwrap();
    assert_eq!(
        told,
        serde_json::json!({
            "route": {"path": "/orders/{id}/{*rest}", "host": null, "methods": "unsafe", "next": null, "passed_over": []},
            "method": {
                "sent": "POST", "effective": "PUT", "is_write": true,
                "overrides": [{"from": "`_method` in the query", "method": "PUT"}],
            },
            "path": {
                "sent": "/Orders/7", "canonical": "/orders/7",
                "steps": [{"rule": "fold case", "before": "/Orders/7", "after": "/orders/7"}],
            },
            "keys": [{"shown": "order:7", "mode": "exclusive", "has_digest": false}],
            "templates": [{
                "template": "order:{id}", "missing": null,
                "parts": [{"source": "{id}", "from": "segment 2 of the path", "values": ["7"]}],
            }],
            "has_destination": false,
            "policy": {
                "verdict": "guarded", "max_work_ms": 60000,
                "reason": "guarded: a write that meets another on one of its keys is refused with 409",
            },
            "refusal": null,
            "now": {
                "first": "forwarded; it holds order:7 until its response has arrived whole",
                "second": "refused with 409 (write-in-flight), and never sent to the upstream",
            },
        })
    );
    let refused = explain(
        &config,
        &Asked {
            target: "x".to_owned(),
            ..Asked::default()
        },
    );
    let told: serde_json::Value = serde_json::from_str(&refused.json()).unwrap();
    assert_eq!(
        (&told["policy"]["verdict"], &told["refusal"]["status"]),
        (&"refused".into(), &400.into())
    );
}
