//! Responses that can be understood in more than one way, and what comes over a connection that nobody has asked for.

use crate::support::by_hand::{ByHand, get, lull, put, run};
use crate::support::pipes::End;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nown";
const FOREIGN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nforeign";

/// What the next client gets, and how many connections the origin has had by then.
async fn next_answer(at: &ByHand, request: &str) -> (String, usize) {
    let client = at.client_sends(request).await;
    let (origin, _) = at.origin.request().await;
    origin.respond("200 OK", "next").await;
    let answer = client.message().await;
    let body = String::from_utf8(answer.body).expect("text");
    (body, at.origin.connections())
}

#[test]
fn what_comes_behind_a_response_is_nobodys_answer_and_ends_the_connection() {
    run(async || {
        let no_content = "HTTP/1.1 204 No Content\r\n\r\n";
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nown\r\n0\r\n\r\n";
        for whole in [OK, no_content, chunked] {
            for surplus in [FOREIGN, "x", "\r\n", "0\r\n\r\n"] {
                let at = ByHand::new();
                let (client, origin) = at.write_at_work("/a").await;
                origin.send(format!("{whole}{surplus}")).await;
                assert!(client.message().await.status() < 300);
                lull().await;
                assert!(at.table.is_empty(), "the response is whole");
                let next = next_answer(&at, &put("/a")).await;
                assert_eq!(next, ("next".to_owned(), 2), "{whole:?} {surplus:?}");
                assert!(origin.ended().is_some(), "it is kept");
                at.ends_empty().await;
            }
        }
    });
}

#[test]
fn what_comes_over_an_idle_connection_is_nobodys_answer() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = at.write_at_work("/a").await;
        origin.send(OK).await;
        assert_eq!(client.message().await.body, b"own");
        lull().await;
        origin.send(FOREIGN).await;
        assert_eq!(next_answer(&at, &put("/a")).await, ("next".to_owned(), 2));
        at.ends_empty().await;
    });
}

#[test]
fn a_body_where_none_belongs_ends_the_connection() {
    run(async || {
        for (request, response) in [
            (
                "HEAD",
                "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nforeign",
            ),
            (
                "HEAD",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            ),
            (
                "PUT",
                "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\nforeign",
            ),
            // Announced, and perhaps still to come.
            (
                "PUT",
                "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n",
            ),
            (
                "PUT",
                "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
            ),
            (
                "PUT",
                "HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            ),
        ] {
            let at = ByHand::new();
            let client = at.client_sends(put("/a").replace("PUT", request)).await;
            let (origin, _) = at.origin.request().await;
            origin.send(response).await;
            let mut answer = client.head().await;
            if answer.status() == 103 {
                answer = client.head().await;
            }
            assert!(answer.status() < 400, "{response:?}");
            if answer.status() == 204 {
                assert_eq!(answer.field("content-length"), None, "{response:?}");
            }
            lull().await;
            assert_eq!(client.unread(), 0, "{response:?}");
            assert!(at.table.is_empty(), "the response is whole");
            let next = next_answer(&at, &put("/a")).await;
            assert_eq!(next, ("next".to_owned(), 2), "{response:?}");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_response_without_a_fault_keeps_its_connection() {
    run(async || {
        for response in [
            OK,
            "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
            "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"b\"\r\nown\r\n0\r\nEtag: \"x\"\r\n\r\n",
        ] {
            let at = ByHand::new();
            let (client, origin) = at.write_at_work("/a").await;
            origin.send(response).await;
            let answer = client.message().await;
            assert!(answer.status() < 400);
            if answer.status() == 304 {
                assert_eq!(answer.field("content-length"), Some("7"));
            }
            lull().await;
            let next = next_answer(&at, &put("/a")).await;
            assert_eq!(next, ("next".to_owned(), 1), "{response:?}");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_faulty_head_is_a_502_an_unknown_outcome_and_the_end_of_its_connection() {
    run(async || {
        for head in [
            "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
            "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        ] {
            let at = ByHand::new();
            let (client, origin) = at.write_at_work("/a").await;
            origin.send(head).await;
            let answer = client.message().await;
            let told = (answer.status(), answer.problem());
            assert_eq!(told, (502, "upstream-invalid".to_owned()), "{head:?}");
            assert!(origin.ended().is_some(), "it is kept: {head:?}");
            assert_eq!(at.another("/a").await, "outcome-unknown", "{head:?}");
            assert_eq!(at.another("/b").await, "200", "{head:?}");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_body_that_breaks_its_framing_is_cut_and_an_unknown_outcome() {
    run(async || {
        for broken in [
            "-1\r\n",
            "3\nabc",
            "3\r\nabcd",
            "0\r\nContent-Length: 1\r\n\r\n",
        ] {
            let at = ByHand::new();
            let (client, origin) = at.write_at_work("/a").await;
            origin
                .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
                .await;
            assert_eq!(client.head().await.status(), 200);
            assert_eq!(client.chunk().await, b"abc");
            origin.send(broken).await;
            let (rest, end) = client.read_to_end().await;
            assert!(
                !rest.ends_with(b"0\r\n\r\n"),
                "ended as if whole: {broken:?}"
            );
            assert_eq!(end, End::Reset, "{broken:?}");
            assert_eq!(at.another("/a").await, "outcome-unknown", "{broken:?}");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_flood_of_informational_responses_is_a_502() {
    run(async || {
        let at = ByHand::new();
        let client = at.client_sends(get("/a")).await;
        let (origin, _) = at.origin.request().await;
        let sending = tokio::task::spawn_local(async move {
            for _ in 0..1001 {
                origin.send("HTTP/1.1 102 Processing\r\n\r\n").await;
            }
        });
        let answer = loop {
            let head = client.head().await;
            if head.status() != 102 {
                break head;
            }
        };
        assert_eq!(answer.status(), 502);
        sending.await.expect("it sends");
        at.ends_empty().await;
    });
}
