//! Clients that leave: before anything was sent, after it was, and in the middle of a body.

use crate::support::by_hand::{ByHand, Dialing, get, lull, pass, put, run};
use crate::support::pipes::{End, Far};

/// What it is called, and how it is done.
type Way = (&'static str, fn(&Far));

/// The ways in which a client leaves.
const WAYS: [Way; 3] = [
    ("half-closes", Far::finish),
    ("closes", Far::close),
    ("resets", Far::reset),
];

#[test]
fn a_write_whose_client_leaves_while_the_gateway_connects_is_never_sent_and_its_hold_ends_at_once()
{
    run(async || {
        for (way, leave) in WAYS {
            let at = ByHand::new();
            at.origin.dialing(Dialing::Pending);
            let client = at.client_sends(put("/a")).await;
            lull().await;
            assert_eq!((at.origin.attempts(), at.table.len()), (1, 1));
            leave(&client);
            lull().await;
            assert!(
                at.table.is_empty(),
                "it {way}: the hold did not end at once"
            );
            at.origin.dialing(Dialing::Taken);
            at.origin.hears_nothing().await;
            assert_eq!(at.another("/a").await, "200");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_write_whose_client_has_left_before_it_was_looked_at_is_never_sent() {
    run(async || {
        for (way, leave) in WAYS {
            let at = ByHand::new();
            let client = at.client_sends(put("/a")).await;
            leave(&client);
            lull().await;
            assert!(at.table.is_empty(), "it {way}");
            at.origin.hears_nothing().await;
            assert_eq!(at.another("/a").await, "200");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_client_that_leaves_before_its_small_body_is_whole_never_took_a_hold() {
    run(async || {
        for (way, leave) in WAYS {
            let at = ByHand::new();
            let whole = put("/a");
            let client = at.client_sends(&whole[..whole.len() - 1]).await;
            lull().await;
            assert!(at.table.is_empty(), "a hold for an incomplete small body");
            leave(&client);
            at.origin.hears_nothing().await;
            assert_eq!(at.origin.attempts(), 0, "it {way}");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_client_that_leaves_after_its_write_was_sent_does_not_free_the_resource() {
    run(async || {
        for (way, leave) in WAYS {
            let at = ByHand::new();
            let (client, origin) = at.write_at_work("/a").await;
            leave(&client);
            pass(30.0).await;
            assert_eq!(origin.ended(), None, "it {way}: the exchange was cut");
            assert_eq!(at.another("/a").await, "write-in-flight", "it {way}");
            origin.respond("200 OK", "").await;
            lull().await;
            assert!(at.table.is_empty(), "it {way}: not settled by the response");
            assert_eq!(at.another("/a").await, "200");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_client_that_leaves_while_its_response_streams_does_not_free_the_resource() {
    run(async || {
        for (way, leave) in WAYS {
            let at = ByHand::new();
            let (client, origin) = at.write_at_work("/a").await;
            origin
                .send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
                .await;
            assert_eq!(client.head().await.status(), 200);
            leave(&client);
            pass(30.0).await;
            assert_eq!(at.another("/a").await, "write-in-flight", "it {way}");
            origin.send("def").await;
            lull().await;
            assert!(at.table.is_empty(), "it {way}: not settled by the response");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_client_that_half_closes_after_its_write_was_sent_gets_the_response() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = at.write_at_work("/a").await;
        client.finish();
        pass(5.0).await;
        assert_eq!(at.another("/a").await, "write-in-flight");
        origin.respond("200 OK", "done").await;
        assert_eq!(client.message().await.body, b"done");
        assert_eq!(client.until_ended().await, End::Fin);
        at.ends_empty().await;
    });
}

/// The beginning of a write whose body is too large to be read before it is claimed for.
async fn streaming(at: &ByHand, is_chunked: bool) -> (Far, Far) {
    let framing = if is_chunked {
        "Transfer-Encoding: chunked\r\n\r\n11170"
    } else {
        "Content-Length: 100000"
    };
    let end = if is_chunked { "\r\n" } else { "\r\n\r\n" };
    let client = at.client();
    let sender = client.clone();
    let head = format!("PUT /a HTTP/1.1\r\nHost: a.example\r\n{framing}{end}");
    let body = "x".repeat(70_000);
    let sending = tokio::task::spawn_local(async move { sender.send(head + &body).await });
    let (origin, _) = at.origin.head().await;
    sending.await.expect("it sends");
    (client, origin)
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_streamed_body_leaves_an_unknown_outcome() {
    run(async || {
        for (way, leave) in WAYS {
            for is_chunked in [true, false] {
                let at = ByHand::new();
                let (client, origin) = streaming(&at, is_chunked).await;
                leave(&client);
                let (body, _) = origin.read_to_end().await;
                assert!(body.len() < 99_000, "it {way}");
                assert!(!body.ends_with(b"0\r\n\r\n"), "it {way}: ended as if whole");
                assert_eq!(at.another("/a").await, "outcome-unknown", "it {way}");
                pass(58.0).await;
                assert_eq!(at.another("/a").await, "outcome-unknown", "it {way}");
                pass(3.0).await;
                assert_eq!(at.another("/a").await, "200", "it {way}");
                at.ends_empty().await;
            }
        }
    });
}

#[test]
fn a_client_that_resets_gets_no_connection_of_others_into_trouble() {
    run(async || {
        let at = ByHand::new();
        let (one, first) = at.write_at_work("/a").await;
        let (other, second) = at.write_at_work("/b").await;
        one.reset();
        second.respond("200 OK", "b").await;
        assert_eq!(other.message().await.body, b"b");
        first.respond("200 OK", "a").await;
        at.ends_empty().await;
    });
}

#[test]
fn a_request_without_a_guard_ends_upstream_when_its_client_is_gone() {
    run(async || {
        let at = ByHand::with("[guard]\npost = \"forward\"");
        let client = at
            .client_sends("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            .await;
        let (origin, _) = at.origin.request().await;
        client.reset();
        origin.until_ended().await;
        at.ends_empty().await;
    });
}

#[test]
fn a_write_that_is_only_observed_is_forwarded_even_if_its_client_half_closes_at_once() {
    run(async || {
        let at = ByHand::new();
        let client = at
            .client_sends("POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
            .await;
        client.finish();
        let (origin, _) = at.origin.request().await;
        origin.respond("200 OK", "in").await;
        assert_eq!(client.message().await.body, b"in");
        at.ends_empty().await;
    });
}

/// A request that nothing guards, and the beginning of a response that is silent from then on.
async fn silent_stream(at: &ByHand) -> (Far, Far) {
    let client = at.client_sends(get("/events")).await;
    let (origin, _) = at.origin.request().await;
    origin
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        .await;
    assert_eq!(client.head().await.status(), 200);
    assert_eq!(client.chunk().await, b"abc");
    (client, origin)
}

#[test]
fn a_stream_that_is_silent_by_nature_is_kept_for_a_client_that_is_there() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = silent_stream(&at).await;
        for _ in 0..5 {
            pass(200.0).await;
            origin.send("3\r\nabc\r\n").await;
            assert_eq!(client.chunk().await, b"abc");
        }
        origin.send("0\r\n\r\n").await;
        assert!(client.chunks().await.0.is_empty());
        at.ends_empty().await;
    });
}

#[test]
fn a_silent_stream_of_a_client_that_has_half_closed_is_kept_for_as_long_as_anybody_waits() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = silent_stream(&at).await;
        client.finish();
        pass(50.0).await;
        origin.send("3\r\nabc\r\n").await;
        assert_eq!(client.chunk().await, b"abc");
        pass(59.0).await;
        assert_eq!(origin.ended(), None, "a half-close is no close");
        pass(1.1).await;
        assert!(origin.ended().is_some(), "nobody may be there");
        assert!(client.ended().is_some());
        at.ends_empty().await;
    });
}

#[test]
fn a_client_that_half_closes_during_a_long_silence_is_waited_for_for_as_long_again_at_most() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = silent_stream(&at).await;
        pass(90.0).await;
        client.finish();
        lull().await;
        assert_eq!(origin.ended(), None);
        pass(60.0).await;
        assert!(origin.ended().is_some(), "nobody may be there");
        at.ends_empty().await;
    });
}

#[test]
fn a_pipelining_client_that_leaves_while_the_gateway_connects_has_nothing_sent() {
    run(async || {
        for (way, leave) in WAYS {
            let at = ByHand::new();
            at.origin.dialing(Dialing::Pending);
            let client = at.client_sends(put("/a").repeat(2)).await;
            lull().await;
            leave(&client);
            lull().await;
            at.origin.dialing(Dialing::Taken);
            lull().await;
            at.origin.hears_nothing().await;
            assert_eq!(at.another("/a").await, "200", "it {way}");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_streamed_body_that_nothing_guards_is_never_ended_cleanly_either() {
    run(async || {
        for (way, leave) in WAYS {
            let at = ByHand::with("[guard]\npost = \"forward\"");
            let client = at
                .client_sends(
                    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                )
                .await;
            let (origin, _) = at.origin.head().await;
            lull().await;
            leave(&client);
            let (body, _) = origin.read_to_end().await;
            assert!(!body.ends_with(b"0\r\n\r\n"), "it {way}: ended as if whole");
            at.ends_empty().await;
        }
    });
}
