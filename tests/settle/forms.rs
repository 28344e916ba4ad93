//! The forms of the gateway's own answers: a page for a browser, a status for a gRPC call; the status of a conflict as
//! configured; and what an application of another origin may read.

use serde_json::Value;

use crate::support::by_hand::{ByHand, Dialing, get, put, run};
use crate::support::message::Message;

const BROWSER: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n";

/// The answer to this request while a write to the same resource is at work.
async fn beside_a_write(at: &ByHand, path: &str, request: String) -> Message {
    let (_client, origin) = at.write_at_work(path).await;
    let refused = at.client_sends(request).await;
    let answer = refused.message().await;
    origin.respond("200 OK", "").await;
    answer
}

/// The answer to a `PUT` with these field lines that meets one by another client.
async fn conflict(at: &ByHand, lines: &str) -> Message {
    let request = put("/a").replace("\r\n\r\n", &format!("\r\n{lines}\r\n"));
    beside_a_write(at, "/a", request).await
}

fn text(answer: &Message) -> String {
    String::from_utf8(answer.body.clone()).expect("text")
}

#[test]
fn a_conflict_has_the_status_that_the_route_of_the_refused_write_says() {
    run(async || {
        let at = ByHand::with(
            "[guard]\nstatus = 503\n[[route]]\npath = \"/a\"\nstatus = 423\n[[route]]\npath = \"/b\"\n\
             [[route]]\npath = \"/b\"\nmethods = [\"PATCH\"]\nstatus = 429\n",
        );
        for (path, method, status) in [
            ("/a", "PUT", 423),
            ("/b", "PUT", 503),
            ("/b", "PATCH", 429),
            ("/c", "DELETE", 503),
        ] {
            let request = put(path).replace("PUT ", &format!("{method} "));
            let answer = beside_a_write(&at, path, request).await;
            assert_eq!(answer.status(), status, "{method} {path}");
            // The document has the same status: `problem` compares them.
            assert_eq!(answer.problem(), "write-in-flight");
            assert!(answer.field("retry-after").is_some());
        }
        at.ends_empty().await;
    });
}

#[test]
fn only_a_conflict_has_the_configured_status() {
    run(async || {
        let at = ByHand::with(
            "[guard]\nstatus = 423\non_missing_key = \"reject\"\nkey = \"{query:id}\"",
        );
        assert_eq!(at.another("/a").await, "missing-key");
        at.origin.dialing(Dialing::Refused);
        let client = at.client_sends(put("/a?id=7")).await;
        assert_eq!(client.message().await.status(), 502);
        at.ends_empty().await;
    });
}

#[test]
fn a_browser_is_shown_a_page_that_is_whole_in_itself() {
    run(async || {
        let at = ByHand::new();
        let answer = conflict(&at, BROWSER).await;
        assert_eq!(answer.status(), 409);
        assert_eq!(
            answer.field("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        assert!(answer.field("proxy-status").is_some());
        let policy = answer.field("content-security-policy").expect("a policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'sha256-"),
            "{policy}"
        );
        let page = text(&answer);
        let seconds = answer.field("retry-after").expect("a Retry-After");
        for told in [
            "<html lang=\"en\">",
            "<title>Another write to this resource is in flight</title>",
            "<h1>Another write to this resource is in flight</h1>",
            "This PUT was not forwarded",
            "The application has got nothing of this PUT request",
            &format!("In {seconds} second"),
            // Of the address of the page itself, and a GET whatever was sent there.
            "<a class=\"again\" href=\"\">",
            "<dd>&#x2f;a</dd>",
        ] {
            assert!(page.contains(told), "{told} is not in {page}");
        }
        for outside in ["<script", " src=", "url(", "@import", "<link", "<form"] {
            assert!(!page.contains(outside), "{outside} is in {page}");
        }
        at.ends_empty().await;
    });
}

#[test]
fn what_comes_from_a_request_is_escaped_in_a_page() {
    run(async || {
        let at = ByHand::with("[guard]\nkey = \"<i>:{path}\"");
        let request = put("/a").replace("\r\n\r\n", &format!("\r\n{BROWSER}\r\n"));
        let request = request.replace("PUT ", "P'&T ");
        let page = text(&beside_a_write(&at, "/a", request).await);
        assert!(
            page.contains("This P&#x27;&amp;T was not forwarded"),
            "{page}"
        );
        assert!(page.contains("<dd>&lt;i&gt;:&#x2f;a</dd>"), "{page}");
        assert!(!page.contains("<i>") && !page.contains("P'&T"), "{page}");
        at.ends_empty().await;
    });
}

#[test]
fn a_page_tells_no_more_than_may_be_disclosed() {
    run(async || {
        for (disclose, has_key) in [("key", true), ("none", false)] {
            let at = ByHand::with(&format!(
                "[answers]\ndisclose = {disclose:?}\n[[route]]\npath = \"/a\"\nkey = \"order:7\""
            ));
            let page = text(&conflict(&at, BROWSER).await);
            let call = conflict(&at, "Content-Type: application/grpc\r\n").await;
            for told in [
                page,
                call.field("grpc-message").expect("a message").to_owned(),
            ] {
                assert_eq!(told.contains("order:7"), has_key, "{told}");
                assert!(!told.contains("a PUT") && !told.contains("Since"), "{told}");
            }
            at.ends_empty().await;
        }
    });
}

fn call(path: &str, content_type: &str) -> String {
    let post = put(path).replace("PUT ", "POST ");
    post.replace(
        "\r\n\r\n",
        &format!("\r\nContent-Type: {content_type}\r\nAccept: text/html\r\n\r\n"),
    )
}

#[test]
fn a_call_that_meets_a_write_is_aborted_and_told_when_to_come_back() {
    run(async || {
        let at = ByHand::with("[[route]]\npath = \"/shop.Orders/{method_name}\"\nkey = \"orders\"");
        for (content_type, answered) in [
            ("application/grpc", "application/grpc"),
            ("application/grpc+proto", "application/grpc"),
            ("application/grpc-web-text", "application/grpc-web+proto"),
        ] {
            let other = "/shop.Orders/Change";
            let answer =
                beside_a_write(&at, other, call("/shop.Orders/Cancel", content_type)).await;
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.field("content-type"), Some(answered));
            assert_eq!(answer.field("grpc-status"), Some("10"));
            let message = answer.field("grpc-message").expect("a message");
            assert!(
                message.starts_with("This POST was not forwarded: a PUT"),
                "{message}"
            );
            let pushback = answer.field("grpc-retry-pushback-ms").expect("a time");
            let pushback: u64 = pushback.parse().expect("milliseconds");
            let seconds: u64 = answer
                .field("retry-after")
                .expect("a time")
                .parse()
                .expect("seconds");
            assert_eq!(pushback.div_ceil(1000), seconds);
            let told = answer.field("proxy-status").expect("a Proxy-Status");
            assert!(told.contains("write-in-flight"), "{told}");
            assert_eq!(answer.body, b"");
        }
        at.ends_empty().await;
    });
}

/// What a call ends with, and when it may be sent again.
fn ended(answer: &Message) -> (Option<&str>, Option<&str>) {
    assert_eq!(answer.status(), 200, "{answer:?}");
    (
        answer.field("grpc-status"),
        answer.field("grpc-retry-pushback-ms"),
    )
}

#[test]
fn a_call_that_fails_otherwise_has_the_code_of_its_kind_and_is_repeated_only_if_it_was_not_sent() {
    run(async || {
        let at = ByHand::with(
            "[server]\nmax_body = 3\n[guard]\non_missing_key = \"reject\"\n[[route]]\npath = \"/{name}\"\nkey = \"{query:id}\"",
        );
        let request = call("/a?id=1", "application/grpc");
        let client = at.client_sends(&request).await;
        let (origin, _) = at.origin.request().await;
        origin.reset();
        assert_eq!(ended(&client.message().await), (Some("14"), Some("-1")));
        let client = at.client_sends(call("/a", "application/grpc")).await;
        assert_eq!(ended(&client.message().await), (Some("3"), None));
        let large = call("/a?id=2", "application/grpc").replace("Length: 2", "Length: 4") + "gh";
        let client = at.client_sends(large).await;
        assert_eq!(ended(&client.message().await), (Some("8"), Some("-1")));
        at.origin.dialing(Dialing::Refused);
        let client = at.client_sends(call("/a?id=3", "application/grpc")).await;
        assert_eq!(ended(&client.message().await), (Some("14"), None));
        at.ends_empty().await;
    });
}

const CORS: [&str; 4] = [
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-expose-headers",
    "vary",
];

/// Those fields of a conflict answer to a request from this origin.
async fn allowed(at: &ByHand, origin: &str) -> [Option<String>; 4] {
    let answer = conflict(at, origin).await;
    CORS.map(|name| answer.field(name).map(str::to_owned))
}

const NOTHING: [Option<String>; 4] = [None, None, None, None];

#[test]
fn an_application_of_a_listed_origin_may_read_an_answer_and_no_other_may() {
    run(async || {
        let at =
            ByHand::with("[answers]\ncors = [\"https://app.example\", \"http://localhost:5173\"]");
        for origin in ["https://app.example", "http://localhost:5173"] {
            let [allow, credentials, exposed, vary] =
                allowed(&at, &format!("Origin: {origin}\r\n")).await;
            assert_eq!(allow.as_deref(), Some(origin));
            assert_eq!(credentials.as_deref(), Some("true"));
            assert_eq!(vary.as_deref(), Some("origin"));
            let exposed = exposed.expect("fields that may be read");
            assert!(
                exposed.contains("Retry-After") && exposed.contains("Proxy-Status"),
                "{exposed}"
            );
        }
        let mut nothing = NOTHING;
        nothing[3] = Some("origin".to_owned());
        for other in [
            "Origin: https://app.example.evil\r\n",
            "Origin: null\r\n",
            "",
        ] {
            assert_eq!(allowed(&at, other).await, nothing, "{other}");
        }
        at.ends_empty().await;
    });
}

#[test]
fn any_application_may_read_an_answer_where_that_is_configured_but_none_with_credentials() {
    run(async || {
        let at = ByHand::with("[answers]\ncors = \"*\"");
        for origin in ["Origin: https://app.example\r\n", ""] {
            let [allow, credentials, exposed, vary] = allowed(&at, origin).await;
            assert_eq!(
                (allow.as_deref(), credentials, vary),
                (Some("*"), None, None)
            );
            assert!(exposed.is_some());
        }
        let at_default = ByHand::new();
        let told = allowed(&at_default, "Origin: https://app.example\r\n").await;
        assert_eq!(told, NOTHING);
        at_default.ends_empty().await;
        at.ends_empty().await;
    });
}

#[test]
fn preflights_and_responses_of_the_backend_are_left_to_the_backend() {
    run(async || {
        let at = ByHand::with("[answers]\ncors = \"*\"");
        let preflight = get("/a").replace("GET ", "OPTIONS ").replace(
            "\r\n\r\n",
            "\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
        );
        for request in [preflight, put("/a")] {
            let client = at.client_sends(request).await;
            let (origin, request) = at.origin.request().await;
            if request.start.starts_with("OPTIONS") {
                assert_eq!(request.field("access-control-request-method"), Some("PUT"));
            }
            origin.respond("200 OK", "").await;
            let answer = client.message().await;
            for name in CORS {
                assert_eq!(answer.field(name), None, "{answer:?}");
            }
        }
        at.ends_empty().await;
    });
}

#[test]
fn a_document_and_a_page_tell_the_same_status() {
    run(async || {
        let at = ByHand::with("[guard]\nstatus = 423");
        let document: Value = serde_json::from_slice(&conflict(&at, "").await.body).expect("JSON");
        assert_eq!(document["status"], 423);
        let page = text(&conflict(&at, BROWSER).await);
        assert!(page.contains("423 · write-in-flight"), "{page}");
        at.ends_empty().await;
    });
}
