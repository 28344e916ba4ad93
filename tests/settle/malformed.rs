//! Requests that cannot be understood in one way only.

use crate::support::by_hand::{ByHand, lull, put, run};
use crate::support::pipes::End;

const MALFORMED: [&str; 16] = [
    "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
    "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\nhi",
    "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
    "PUT /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "PUT /a HTTP/1.1\r\n\r\n",
    "PUT /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "PUT http://b/a HTTP/1.1\r\nHost: a\r\n\r\n",
    "PUT /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
    "PUT /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "PUT /a HTTP/2.0\r\nHost: a\r\n\r\n",
    "PUT /a HTTP/1.1\nHost: a\n\n",
    "PUT /a HTTP/1.1\r\nHost: a\r\nX-A : 1\r\n\r\n",
    "PUT /a HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n folded\r\n\r\n",
    "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
];

#[test]
fn a_malformed_head_is_a_problem_document_and_a_close_and_never_reaches_the_upstream() {
    run(async || {
        let at = ByHand::new();
        for request in MALFORMED {
            let client = at.client_sends(request).await;
            let answer = client.message().await;
            assert!(
                (400..=505).contains(&answer.status()),
                "{request:?}: {answer:?}"
            );
            answer.problem();
            assert_eq!(answer.field("connection"), Some("close"), "{request:?}");
            assert_eq!(
                client.read_to_end().await,
                (Vec::new(), End::Fin),
                "{request:?}"
            );
        }
        assert_eq!(at.origin.attempts(), 0);
        at.ends_empty().await;
    });
}

#[test]
fn a_malformed_head_is_told_alike_however_it_dribbles_in() {
    run(async || {
        let at = ByHand::new();
        for request in MALFORMED {
            let whole = at.client_sends(request).await.message().await;
            let client = at.client();
            for byte in request.bytes() {
                client.send([byte]).await;
                lull().await;
            }
            let answer = client.message().await;
            assert_eq!(answer.start, whole.start, "{request:?}");
            assert_eq!(answer.body, whole.body, "{request:?}");
        }
        assert_eq!(at.origin.attempts(), 0);
        at.ends_empty().await;
    });
}

#[test]
fn what_is_no_http_is_told_so_at_once() {
    run(async || {
        let at = ByHand::new();
        for (bytes, why) in [
            (&b"\x16\x03\x01\x02\0\x01\0"[..], "a TLS connection"),
            (b"\x16\x03\x01\n\n", "a TLS connection"),
            (b"\0", "the request line"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "the request line"),
        ] {
            let answer = at.client_sends(bytes).await.message().await;
            assert_eq!(
                (answer.status(), &*answer.problem()),
                (400, "bad-request"),
                "{bytes:?}"
            );
            let told = String::from_utf8_lossy(&answer.body);
            assert!(told.contains(why), "{told}");
        }
        assert_eq!(at.origin.attempts(), 0);
        at.ends_empty().await;
    });
}

#[test]
fn good_requests_before_a_malformed_one_are_answered_first() {
    run(async || {
        let at = ByHand::new();
        for malformed in MALFORMED {
            let client = at.client_sends(put("/a").repeat(2) + malformed).await;
            for _ in 0..2 {
                let (origin, _) = at.origin.request().await;
                origin.respond("200 OK", "").await;
                assert_eq!(client.message().await.status(), 200);
            }
            assert!(client.message().await.status() >= 400);
            assert_eq!(client.until_ended().await, End::Fin);
            at.origin.hears_nothing().await;
        }
        at.ends_empty().await;
    });
}

#[test]
fn nothing_after_a_malformed_head_is_read_as_a_request() {
    run(async || {
        let at = ByHand::new();
        for malformed in MALFORMED {
            let client = at.client_sends(malformed.to_owned() + &put("/b")).await;
            assert!(client.message().await.status() >= 400);
            client.send(put("/b")).await;
            assert_eq!(client.read_to_end().await, (Vec::new(), End::Fin));
        }
        assert_eq!(at.origin.attempts(), 0);
        at.ends_empty().await;
    });
}

#[test]
fn a_head_that_never_ends_is_refused_at_its_limit() {
    run(async || {
        let at = ByHand::new();
        let client = at.client();
        let sender = client.clone();
        let sending = tokio::task::spawn_local(async move {
            let flood = "x".repeat(1 << 20);
            sender
                .send(format!("PUT /a HTTP/1.1\r\nHost: a\r\nX-A: {flood}"))
                .await;
        });
        let answer = client.message().await;
        assert_eq!(answer.status(), 431);
        answer.problem();
        assert_eq!(client.until_ended().await, End::Fin);
        sending.await.expect("it may send");
        assert_eq!(at.origin.attempts(), 0);
        at.ends_empty().await;
    });
}
