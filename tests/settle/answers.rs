//! The answers that the gateway makes itself, as they come over the connection: the one that the design shows, and what the
//! settings and the client's `Accept` make of it.

use serde_json::Value;
use tracing::Level;

use crate::support::by_hand::{ByHand, Dialing, get, lull, pass, put, run};
use crate::support::log::Log;
use crate::support::message::Message;
use crate::support::program::repository;
use crate::support::streams::{Streams, request};

/// The configuration file that the repository gives as its example.
fn orders() -> ByHand {
    let file = std::fs::read_to_string(repository("config/orders.toml"));
    ByHand::with(&file.expect("the example"))
}

fn fields(length: usize) -> String {
    format!(" HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {length}\r\n\r\n")
}

#[test]
fn the_example_of_the_orders_answers_as_it_is_documented() {
    run(async || {
        let at = orders();
        let first = at
            .client_sends(format!("POST /orders/7/payment{}{{}}", fields(2)))
            .await;
        let (origin, _) = at.origin.request().await;
        pass(1.203).await;
        let second = at
            .client_sends(format!("PUT /Orders/7{}{{}}", fields(2)))
            .await;
        let answer = second.message().await;
        assert_eq!(answer.start, "HTTP/1.1 409 Conflict");
        is_the_documented_head(&answer);
        is_the_documented_body(&answer.body);
        at.origin.hears_nothing().await;
        origin.respond("200 OK", "").await;
        assert_eq!(first.message().await.status(), 200);
        at.ends_empty().await;
    });
}

fn is_the_documented_head(answer: &Message) {
    let lines: Vec<(String, &str)> = answer
        .fields
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
        .collect();
    let documented = [
        ("content-type", "application/problem+json"),
        // From 1203 ms, as long again as the write has taken, to half as much more.
        ("retry-after", "2"),
        ("cache-control", "no-store"),
        (
            "proxy-status",
            "writegate; error=http_request_denied; details=\"write-in-flight\"",
        ),
    ];
    let own = documented.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(lines[..own.len()], own, "{answer:?}");
    let framing: Vec<&str> = lines[own.len()..].iter().map(|(name, _)| &**name).collect();
    assert_eq!(framing, ["content-length", "date"], "{answer:?}");
}

/// The document as a whole, members in their order. `since` is of the wall clock, and `retry_after_ms` is spread.
fn is_the_documented_body(body: &[u8]) {
    let text = std::str::from_utf8(body).expect("text");
    let document: Value = serde_json::from_str(text).expect("a document");
    let since = document["holder"]["since"].as_str().expect("a time");
    let parsed = humantime::parse_rfc3339(since).expect("an RFC 3339 time");
    assert_eq!(
        humantime::format_rfc3339_millis(parsed).to_string(),
        since,
        "in milliseconds, in UTC"
    );
    let after = document["retry_after_ms"].as_u64().expect("a number");
    assert!((1203..=1805).contains(&after), "{after}");
    let documented = [
        r#"{"type":"https://writegate.example/problems#write-in-flight","#,
        r#""title":"Another write to this resource is in flight","status":409,"#,
        r#""detail":"This PUT was not forwarded: a POST (/orders/{id}/{*rest}) has been writing to order:7 for 1.2 s. "#,
        r#"Read the resource again, then retry.","#,
        &format!(r#""key":"order:7","retry_after_ms":{after},"#),
        r#""holder":{"method":"POST","route":"/orders/{id}/{*rest}","#,
        &format!(r#""since":"{since}","age_ms":1203}}}}"#),
    ]
    .concat();
    assert_eq!(text, documented);
}

#[test]
fn creations_in_the_example_of_the_orders_meet_nothing() {
    run(async || {
        let at = orders();
        let create = format!("POST /orders{}{{}}", fields(2));
        let (one, other) = (
            at.client_sends(&create).await,
            at.client_sends(&create).await,
        );
        let (first, _) = at.origin.request().await;
        let (second, _) = at.origin.request().await;
        for origin in [first, second] {
            origin.respond("201 Created", "").await;
        }
        for client in [one, other] {
            assert_eq!(client.message().await.status(), 201);
        }
        at.ends_empty().await;
    });
}

#[test]
fn a_client_is_told_to_return_when_such_writes_are_done_whichever_worker_refuses_it() {
    run(async || {
        let at = ByHand::new();
        let (first, origin) = at.write_at_work("/a").await;
        pass(3.0).await;
        origin.respond("200 OK", "").await;
        assert_eq!(first.message().await.status(), 200);
        let (_client, origin) = at.write_at_work("/a").await;
        for refused in [at.client(), at.client_elsewhere()] {
            refused.send(put("/a")).await;
            let answer = refused.message().await;
            let document: Value = serde_json::from_slice(&answer.body).expect("a document");
            let after = document["retry_after_ms"].as_u64().expect("a number");
            assert!((2900..=4500).contains(&after), "{after}");
        }
        origin.respond("200 OK", "").await;
        at.ends_empty().await;
    });
}

/// The answer to a `PUT` with these field lines that meets one by another client.
async fn conflict(at: &ByHand, lines: &str) -> Message {
    let (_client, origin) = at.write_at_work("/a/secret").await;
    let request = put("/a/secret").replace("\r\n\r\n", &format!("\r\n{lines}\r\n"));
    let refused = at.client_sends(request).await;
    let answer = refused.message().await;
    assert_eq!(answer.status(), 409);
    origin.respond("200 OK", "").await;
    answer
}

#[test]
fn who_accepts_plain_text_is_told_in_plain_text() {
    run(async || {
        let at = ByHand::new();
        for accept in ["text/plain", "application/json;q=0.1, text/plain"] {
            let answer = conflict(&at, &format!("Accept: {accept}\r\n")).await;
            assert_eq!(
                answer.field("content-type"),
                Some("text/plain; charset=utf-8")
            );
            let text = String::from_utf8(answer.body.clone()).expect("text");
            assert!(
                text.starts_with("Another write to this resource is in flight\n"),
                "{text}"
            );
            assert!(text.contains("This PUT was not forwarded"), "{text}");
            assert!(answer.field("retry-after").is_some());
            assert!(answer.field("proxy-status").is_some());
        }
        at.ends_empty().await;
    });
}

#[test]
fn who_accepts_json_or_anything_or_says_nothing_gets_a_problem_document() {
    run(async || {
        let at = ByHand::new();
        for lines in [
            "",
            "Accept: */*\r\n",
            "Accept: application/json\r\n",
            "Accept: application/problem+json\r\n",
            "Accept: image/png\r\n",
            "Accept: nonsense;;,\r\n",
        ] {
            let answer = conflict(&at, lines).await;
            assert_eq!(answer.problem(), "write-in-flight", "{lines:?}");
        }
        at.ends_empty().await;
    });
}

#[test]
fn what_is_not_to_be_disclosed_of_the_other_write_is_nowhere_in_the_answer() {
    run(async || {
        for (disclose, has_key) in [("key", true), ("none", false)] {
            let at = ByHand::with(&format!("[answers]\ndisclose = {disclose:?}"));
            for accept in ["*/*", "text/plain"] {
                let answer = conflict(&at, &format!("Accept: {accept}\r\n")).await;
                let text = String::from_utf8(answer.body.clone()).expect("text");
                assert_eq!(text.contains("/a/secret"), has_key, "{text}");
                for hidden in ["holder", "age_ms", "since", "[guard]", "a PUT"] {
                    assert!(!text.contains(hidden), "{hidden} is in {text}");
                }
            }
            let document: Value =
                serde_json::from_slice(&conflict(&at, "").await.body).expect("a document");
            assert_eq!(document.get("key").is_some(), has_key);
            assert!(document.get("retry_after_ms").is_some());
            at.ends_empty().await;
        }
    });
}

#[test]
fn problem_types_stand_below_the_configured_address() {
    run(async || {
        let at = ByHand::with("[answers]\ntype_base = \"https://errors.example/w\"");
        let conflict = conflict(&at, "").await;
        let malformed = at
            .client_sends("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            .await;
        for (answer, name) in [
            (conflict, "write-in-flight"),
            (malformed.message().await, "bad-request"),
        ] {
            let document: Value = serde_json::from_slice(&answer.body).expect("a document");
            assert_eq!(document["type"], format!("https://errors.example/w#{name}"));
        }
        at.ends_empty().await;
    });
}

/// What the upstream and the client see of a request with these field lines, under this `[upstream]`.
async fn seen(upstream: &str, lines: &str) -> (Message, Message) {
    let at = ByHand::with(&format!("[upstream]\n{upstream}"));
    let client = at
        .client_sends(format!("GET / HTTP/1.1\r\nHost: a.example\r\n{lines}\r\n"))
        .await;
    let (origin, request) = at.origin.request().await;
    origin.respond("200 OK", "").await;
    let answer = client.message().await;
    at.ends_empty().await;
    (request, answer)
}

#[test]
fn via_is_added_for_the_upstream_unless_it_is_turned_off() {
    run(async || {
        let (request, _) = seen("", "Via: 1.1 other\r\n").await;
        let via = request.values("via").join(", ");
        assert_eq!(via, "1.1 other, 1.1 writegate");
        let (request, answer) = seen("via = false", "Via: 1.1 other\r\n").await;
        assert_eq!(request.values("via"), ["1.1 other"]);
        assert!(answer.values("via").is_empty());
        let (request, _) = seen("via = false", "").await;
        assert!(request.values("via").is_empty());
    });
}

#[test]
fn an_identifier_of_128_characters_is_passed_on_and_what_is_none_is_replaced() {
    run(async || {
        let longest = "x".repeat(128);
        let (request, _) = seen("", &format!("X-Request-Id: {longest}\r\n")).await;
        assert_eq!(request.values("x-request-id"), [&*longest]);
        let too_long = longest + "x";
        for none in [&*too_long, "two words", "caf\u{e9}", ""] {
            let (request, _) = seen("", &format!("X-Request-Id: {none}\r\n")).await;
            let made = request.field("x-request-id").expect("an identifier");
            let is_made = made.len() == 32 && made.bytes().all(|digit| digit.is_ascii_hexdigit());
            assert!(is_made, "{made:?} in place of {none:?}");
        }
        let twice = "X-Request-Id: one\r\nX-Request-Id: two\r\n";
        let (request, _) = seen("", twice).await;
        assert_eq!(request.values("x-request-id"), ["one"]);
    });
}

const FORWARDED: &str = "Forwarded: for=203.0.113.1\r\nX-Forwarded-For: 203.0.113.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b.example\r\n";

#[test]
fn what_a_client_says_of_others_is_replaced_where_it_is_not_believed() {
    run(async || {
        let (request, _) = seen("forwarded = \"replace\"", FORWARDED).await;
        assert_eq!(request.field("x-forwarded-for"), Some("192.0.2.7"));
        assert_eq!(request.field("x-forwarded-proto"), Some("http"));
        assert_eq!(request.field("x-forwarded-host"), Some("a.example"));
        let forwarded = request.field("forwarded").expect("Forwarded");
        assert!(forwarded.contains("for=192.0.2.7"), "{forwarded}");
        assert!(!forwarded.contains("203.0.113.1"), "{forwarded}");
    });
}

#[test]
fn what_is_said_of_the_client_is_left_alone_where_that_is_off() {
    run(async || {
        let (request, _) = seen("forwarded = \"off\"", FORWARDED).await;
        assert_eq!(request.field("forwarded"), Some("for=203.0.113.1"));
        assert_eq!(request.field("x-forwarded-for"), Some("203.0.113.1"));
        assert_eq!(request.field("x-forwarded-proto"), Some("https"));
        assert_eq!(request.field("x-forwarded-host"), Some("b.example"));
        let (request, _) = seen("forwarded = \"off\"", "").await;
        for name in ["forwarded", "x-forwarded-for", "x-forwarded-host"] {
            assert!(request.values(name).is_empty(), "{name}");
        }
    });
}

#[test]
fn a_refusal_of_head_has_no_content_and_is_whole() {
    run(async || {
        let (log, _guard) = Log::begin(Level::INFO);
        let at = ByHand::new();
        at.origin.dialing(Dialing::Refused);
        let client = at.client_sends(get("/a").replace("GET", "HEAD")).await;
        assert_eq!(client.head().await.status(), 502);
        lull().await;
        assert_eq!(client.peek(), b"");
        let mut client = Streams::over(at.client()).await;
        let stream = client.begin(request("HEAD", "/a"), true).await;
        let answer = stream.answer().await.expect("an answer");
        assert_eq!(
            (answer.status.as_u16(), answer.content.is_empty()),
            (502, true)
        );
        client.far.close();
        let lines = log.of("access");
        assert_eq!(lines.len(), 2);
        for line in lines {
            assert_eq!((&line["sent"], line.get("cut")), (&0.into(), None));
        }
        at.ends_empty().await;
    });
}
