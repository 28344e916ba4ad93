//! What comes before a response, or in its place: informational responses, expectations and tunnels.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::by_hand::{ByHand, get, lull, pass, put, run};
use crate::support::message::Message;
use crate::support::pipes::{End, Far};

#[test]
fn informational_responses_are_passed_on_before_the_final_one_and_end_nothing() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = at.write_at_work("/a").await;
        for link in ["</style.css>", "</script.js>"] {
            origin
                .send(format!(
                    "HTTP/1.1 103 Early Hints\r\nLink: {link}\r\nConnection: x\r\nX: 1\r\nContent-Length: 2\r\n\r\n"
                ))
                .await;
            let hint = client.head().await;
            assert_eq!((hint.status(), hint.field("link")), (103, Some(link)));
            for hop_by_hop in ["connection", "x", "content-length"] {
                assert_eq!(hint.field(hop_by_hop), None);
            }
            assert_eq!(at.another("/a").await, "write-in-flight");
        }
        origin.respond("200 OK", "done").await;
        assert_eq!(client.message().await.body, b"done");
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn a_client_of_http_1_0_is_sent_no_informational_response() {
    run(async || {
        let at = ByHand::new();
        let client = at.client_sends("GET /a HTTP/1.0\r\n\r\n").await;
        let (origin, _) = at.origin.request().await;
        origin
            .send("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n")
            .await;
        lull().await;
        origin.respond("200 OK", "done").await;
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn an_uninvited_100_of_the_upstream_is_not_passed_on() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = at.write_at_work("/a").await;
        origin.send("HTTP/1.1 100 Continue\r\n\r\n").await;
        lull().await;
        assert!(client.peek().is_empty());
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}

/// An informational response of the origin.
fn hint(link: &str) -> String {
    format!("HTTP/1.1 103 Early Hints\r\nLink: {link}\r\n\r\n")
}

/// A client that takes a few octets at a time, and has taken nothing since its body was asked for; and the
/// origin, which has read that body and sends a hint.
async fn hint_behind_a_100(at: &ByHand) -> (Far, Far) {
    let client = at.client_that_takes(10);
    let sender = client.clone();
    let request = expecting("/a", 100_000) + &"x".repeat(100_000);
    let sending = tokio::task::spawn_local(async move { sender.send(request).await });
    let (origin, _) = at.origin.head().await;
    origin.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    origin.read(100_000).await;
    sending.await.expect("it sends");
    assert_eq!(client.peek(), b"HTTP/1.1 1");
    origin.send(hint("</style.css>")).await;
    lull().await;
    (client, origin)
}

/// A head, however little of it is taken at once.
async fn head_by_octets(client: &Far) -> Message {
    let mut raw = Vec::new();
    while !raw.ends_with(b"\r\n\r\n") {
        raw.extend(client.read(1).await);
    }
    Message::head(&raw)
}

#[test]
fn an_informational_response_waits_for_the_end_of_what_is_being_written() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = hint_behind_a_100(&at).await;
        let asked = head_by_octets(&client).await;
        assert_eq!(asked.start, "HTTP/1.1 100 Continue");
        assert!(asked.fields.is_empty(), "nothing inside it: {asked:?}");
        let hint = head_by_octets(&client).await;
        assert_eq!(
            (hint.status(), hint.field("link")),
            (103, Some("</style.css>"))
        );
        origin.respond("200 OK", "done").await;
        assert_eq!(head_by_octets(&client).await.status(), 200);
        assert_eq!(client.read(4).await, b"done");
        at.ends_empty().await;
    });
}

#[test]
fn an_informational_response_that_would_come_after_its_final_one_is_not_sent() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = hint_behind_a_100(&at).await;
        origin.respond("200 OK", "done").await;
        lull().await;
        assert_eq!(head_by_octets(&client).await.status(), 100);
        assert_eq!(head_by_octets(&client).await.status(), 200);
        assert_eq!(client.read(4).await, b"done");
        lull().await;
        let after = client.peek();
        assert!(after.is_empty(), "{:?}", String::from_utf8_lossy(&after));
        at.ends_empty().await;
    });
}

#[test]
fn informational_responses_that_nobody_takes_wait_within_a_bound_and_the_rest_are_let_go() {
    run(async || {
        let at = ByHand::new();
        let client = at.client_that_takes(1000);
        client.send(get("/a")).await;
        let (origin, _) = at.origin.request().await;
        let hint = hint(&format!("</{}>", "x".repeat(900)));
        for _ in 0..200 {
            origin.send(&hint).await;
        }
        lull().await;
        origin.respond("200 OK", "done").await;
        lull().await;
        let mut passed_on = 0;
        let last = loop {
            let head = client.head().await;
            if head.status() != 103 {
                break head;
            }
            passed_on += 1;
        };
        assert_eq!(last.status(), 200);
        assert_eq!(client.read(4).await, b"done");
        // 16 KiB of them, and what the client's kernel took.
        let most = (16 * 1024 + 1000) / hint.len();
        assert!((1..=most).contains(&passed_on), "{passed_on} of 200");
        at.ends_empty().await;
    });
}

/// The head of a write that expects to be asked for its body.
fn expecting(path: &str, length: usize) -> String {
    format!(
        "PUT {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    )
}

#[test]
fn a_small_body_is_asked_for_by_the_gateway_itself_and_takes_no_hold_before_it_is_here() {
    run(async || {
        let at = ByHand::new();
        let client = at.client_sends(expecting("/a", 5)).await;
        assert_eq!(client.head().await.status(), 100);
        assert!(at.table.is_empty());
        at.origin.hears_nothing().await;
        client.send("hello").await;
        let (origin, request) = at.origin.request().await;
        assert_eq!(request.field("expect"), None);
        assert_eq!(request.body, b"hello");
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn a_conflict_that_stands_is_told_before_a_body_is_asked_for() {
    run(async || {
        let at = ByHand::new();
        let (_client, origin) = at.write_at_work("/a").await;
        for length in [5, 100_000] {
            let client = at.client_sends(expecting("/a", length)).await;
            let answer = client.message().await;
            assert_eq!(answer.status(), 409, "not a 100 first");
            assert_eq!(answer.problem(), "write-in-flight");
        }
        at.origin.hears_nothing().await;
        origin.respond("200 OK", "").await;
        at.ends_empty().await;
    });
}

/// A large write that expects to be asked, after its head has come to the origin.
async fn expected(at: &ByHand) -> (Far, Far) {
    let client = at.client_sends(expecting("/a", 100_000)).await;
    let (origin, head) = at.origin.head().await;
    assert_eq!(head.field("expect"), Some("100-continue"));
    assert_eq!(
        at.table.len(),
        1,
        "it is claimed for before it goes upstream"
    );
    lull().await;
    assert!(client.peek().is_empty() && origin.peek().is_empty());
    (client, origin)
}

async fn send_large(client: &Far, origin: &Far) {
    let sender = client.clone();
    let sending = tokio::task::spawn_local(async move { sender.send("x".repeat(100_000)).await });
    assert_eq!(origin.read(100_000).await, "x".repeat(100_000).into_bytes());
    sending.await.expect("it sends");
}

#[test]
fn a_large_body_is_asked_for_when_the_upstream_asks_for_it() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = expected(&at).await;
        let asked = Instant::now();
        origin.send("HTTP/1.1 100 Continue\r\n\r\n").await;
        assert_eq!(client.head().await.status(), 100);
        assert_eq!(asked.elapsed(), Duration::ZERO, "asked for later");
        send_large(&client, &origin).await;
        origin.respond("200 OK", "done").await;
        assert_eq!(client.message().await.body, b"done");
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn a_final_answer_in_place_of_a_100_is_the_answer_and_the_body_is_never_asked_for() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = expected(&at).await;
        origin.respond("401 Unauthorized", "who?").await;
        let answer = client.message().await;
        assert_eq!((answer.status(), &*answer.body), (401, &b"who?"[..]));
        lull().await;
        assert!(at.table.is_empty(), "settled: the response is whole");
        assert_eq!(at.another("/a").await, "200");
        assert_eq!(
            at.origin.connections(),
            2,
            "the other one still waits for a body"
        );
        at.ends_empty().await;
    });
}

#[test]
fn an_upstream_that_never_answers_an_expectation_is_sent_the_body_after_a_second() {
    run(async || {
        let at = ByHand::new();
        let began = Instant::now();
        let (client, origin) = expected(&at).await;
        assert_eq!(client.head().await.status(), 100);
        assert_eq!(began.elapsed().as_secs(), 1);
        send_large(&client, &origin).await;
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn an_expectation_of_what_nothing_guards_goes_upstream() {
    run(async || {
        let at = ByHand::with("[guard]\npost = \"forward\"");
        let client = at
            .client_sends(expecting("/a", 5).replace("PUT", "POST"))
            .await;
        let (origin, head) = at.origin.head().await;
        assert_eq!(head.field("expect"), Some("100-continue"));
        let asked = Instant::now();
        origin.send("HTTP/1.1 100 Continue\r\n\r\n").await;
        assert_eq!(client.head().await.status(), 100);
        assert_eq!(asked.elapsed(), Duration::ZERO, "asked for later");
        client.send("hello").await;
        assert_eq!(origin.read(5).await, b"hello");
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}

const UPGRADE: &str = "PUT /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: chat\r\nContent-Length: 0\r\n\r\n";
const SWITCHED: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n";

#[test]
fn a_tunnel_ends_the_hold_and_passes_bytes_both_ways_until_both_ends_are_done() {
    run(async || {
        let at = ByHand::with("[[route]]\npath = \"/ws\"\nkey = \"ws\"");
        let client = at.client_sends(UPGRADE).await;
        let (origin, request) = at.origin.request().await;
        assert_eq!(request.field("upgrade"), Some("chat"));
        assert_eq!(request.field("connection"), Some("upgrade"));
        assert_eq!(at.table.len(), 1);
        origin.send(format!("{SWITCHED}first")).await;
        let answer = client.head().await;
        assert_eq!(
            (answer.status(), answer.field("upgrade")),
            (101, Some("chat"))
        );
        assert!(at.table.is_empty(), "the hold ends with the 101");
        assert_eq!(client.read(5).await, b"first");
        client.send("to the origin").await;
        assert_eq!(origin.read(13).await, b"to the origin");
        client.finish();
        assert_eq!(origin.until_ended().await, End::Fin);
        origin.send("and back").await;
        assert_eq!(client.read(8).await, b"and back");
        origin.finish();
        assert_eq!(client.until_ended().await, End::Fin);
        at.ends_empty().await;
    });
}

#[test]
fn a_tunnel_may_be_silent_for_longer_than_any_exchange() {
    run(async || {
        let at = ByHand::new();
        let client = at.client_sends(UPGRADE.replace("PUT", "GET")).await;
        let (origin, _) = at.origin.request().await;
        origin.send(SWITCHED).await;
        assert_eq!(client.head().await.status(), 101);
        pass(600.0).await;
        // What looks like a request is none in a tunnel.
        client.send("\r\nnot HTTP\r\n\r\n").await;
        assert_eq!(origin.read(14).await, b"\r\nnot HTTP\r\n\r\n");
        origin.send("here").await;
        assert_eq!(client.read(4).await, b"here");
        origin.close();
        at.ends_empty().await;
    });
}

#[test]
fn a_tunnel_outlives_readers_that_stall_for_longer_than_any_answer_waits() {
    run(async || {
        let at = ByHand::new();
        at.origin.capacity(1000);
        let client = at.client_that_takes(300);
        client.send(UPGRADE.replace("PUT", "GET")).await;
        let (origin, _) = at.origin.request().await;
        origin.send(SWITCHED).await;
        assert_eq!(client.head().await.status(), 101);
        let (to_client, to_origin) = ("a".repeat(50_000), "b".repeat(50_000));
        for (far, sent) in [(&client, &to_origin), (&origin, &to_client)] {
            let (sender, sent) = (far.clone(), sent.clone());
            tokio::task::spawn_local(async move { sender.send(sent).await });
        }
        pass(300.0).await;
        let read = (client.unread(), origin.unread());
        assert_ne!(read, (0, 0), "nobody stalls");
        assert_eq!(client.read(50_000).await, to_client.as_bytes());
        assert_eq!(origin.read(50_000).await, to_origin.as_bytes());
        origin.close();
        at.ends_empty().await;
    });
}

#[test]
fn an_upgrade_that_the_upstream_declines_is_an_ordinary_exchange() {
    run(async || {
        let at = ByHand::new();
        let client = at.client_sends(UPGRADE.replace("PUT", "GET")).await;
        let (origin, _) = at.origin.request().await;
        origin.respond("200 OK", "plain").await;
        assert_eq!(client.message().await.body, b"plain");
        client.send(get("/b")).await;
        let (origin, _) = at.origin.request().await;
        origin.respond("200 OK", "again").await;
        assert_eq!(client.message().await.body, b"again");
        client.send(put("/b")).await;
        at.origin.request().await.0.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn a_tunnel_begins_behind_a_request_that_was_answered_early() {
    run(async || {
        let at = ByHand::with("[server]\nrequest_buffer = \"1KiB\"");
        let upgrade = UPGRADE.replace("PUT", "GET");
        let request = upgrade.replace("Content-Length: 0", "Transfer-Encoding: chunked");
        let client = at.client_sends(request + "8\r\nabcd").await;
        let (origin, _) = at.origin.head().await;
        assert_eq!(origin.chunk().await, b"abcd");
        origin.send(SWITCHED).await;
        lull().await;
        client.send("efgh\r\n0\r\n\r\nand no HTTP").await;
        assert_eq!(origin.chunks().await, (b"efgh".to_vec(), vec![]));
        assert_eq!(origin.read(11).await, b"and no HTTP");
        assert_eq!(client.head().await.status(), 101);
        origin.close();
        at.ends_empty().await;
    });
}

#[test]
fn a_tunnel_that_begins_before_a_body_that_was_never_asked_for_is_none() {
    run(async || {
        let at = ByHand::with("[server]\nrequest_buffer = \"1KiB\"");
        let upgrade = UPGRADE.replace("PUT", "GET");
        let request = upgrade.replace("Length: 0", "Length: 2000\r\nExpect: 100-continue");
        let client = at.client_sends(request).await;
        let (origin, _) = at.origin.head().await;
        origin.send(SWITCHED).await;
        assert_eq!(client.message().await.problem(), "upstream-invalid");
        assert_eq!(client.until_ended().await, End::Fin);
        origin.until_ended().await;
        at.ends_empty().await;
    });
}

#[test]
fn a_client_of_http_1_0_changes_to_no_other_protocol() {
    run(async || {
        let at = ByHand::new();
        let upgrade = UPGRADE.replace("PUT", "GET").replace("1.1", "1.0");
        for (response, status) in [("HTTP/1.1 200 OK\r\n", 200), (SWITCHED, 502)] {
            let client = at.client_sends(&upgrade).await;
            let (origin, request) = at.origin.request().await;
            assert_eq!(request.field("upgrade"), None);
            assert_eq!(request.field("connection"), None);
            origin.send(response).await;
            origin.send("Content-Length: 0\r\n\r\n").await;
            assert_eq!(client.message().await.status(), status);
        }
        at.ends_empty().await;
    });
}

#[test]
fn a_client_that_expects_something_else_too_is_asked_for_its_body() {
    run(async || {
        for expects in ["100-continue, else", "100-continue\r\nExpect: else"] {
            let at = ByHand::new();
            let request = put("/a").replace("hi", "");
            let client = at
                .client_sends(request.replace("Host", &format!("Expect: {expects}\r\nHost")))
                .await;
            assert_eq!(client.head().await.status(), 100);
            client.send("hi").await;
            let (origin, _) = at.origin.request().await;
            origin.respond("200 OK", "").await;
            assert_eq!(client.message().await.status(), 200);
            at.ends_empty().await;
        }
    });
}
