//! Request bodies: slow ones, large ones, broken ones, and many at a time.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::by_hand::{ByHand, lull, pass, put, run};
use crate::support::pipes::{End, Far};

fn head(path: &str, length: usize) -> String {
    format!("PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
}

/// Sends a byte a second until the gateway has had enough.
fn dribble(client: &Far) {
    let client = client.clone();
    tokio::task::spawn_local(async move {
        while client.ended().is_none() {
            client.send_some(b"x");
            pass(1.0).await;
        }
    });
}

#[test]
fn a_slow_sender_of_a_small_body_takes_no_hold_and_never_reaches_the_upstream() {
    run(async || {
        let at = ByHand::new();
        let client = at.client_sends(head("/a", 1000)).await;
        let began = Instant::now();
        dribble(&client);
        pass(5.0).await;
        assert!(at.table.is_empty());
        assert_eq!(at.another("/a").await, "200");
        let answer = client.message().await;
        assert_eq!(
            (answer.status(), &*answer.problem()),
            (408, "body-too-slow")
        );
        let waited = began.elapsed();
        assert!((9..12).contains(&waited.as_secs()), "{waited:?}");
        assert_eq!(at.origin.attempts(), 1, "only the other write was sent");
        at.ends_empty().await;
    });
}

#[test]
fn a_body_that_comes_slowly_but_steadily_arrives() {
    run(async || {
        let at = ByHand::new();
        let client = at.client_sends(head("/a", 100 * 1100)).await;
        let (sender, part) = (client.clone(), "x".repeat(1100));
        tokio::task::spawn_local(async move {
            for _ in 0..100 {
                sender.send(&part).await;
                pass(1.0).await;
            }
        });
        let (origin, request) = at.origin.request().await;
        assert_eq!(request.body.len(), 100 * 1100);
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn one_byte_more_than_the_buffer_at_one_byte_a_second_keeps_no_key_from_others() {
    run(async || {
        let at = ByHand::new();
        let client = at.client_sends(head("/a", 64 * 1024 + 1)).await;
        dribble(&client);
        for _ in 0..3 {
            pass(3.0).await;
            assert!(at.table.is_empty());
            assert_eq!(at.another("/a").await, "200");
        }
        assert_eq!(client.message().await.status(), 408);
        at.ends_empty().await;
    });
}

#[test]
fn a_large_body_that_slows_down_is_cut_and_keeps_its_key_for_as_long_as_the_settings_say() {
    run(async || {
        let at = ByHand::with("[server]\nreceive_timeout = \"3s\"\n[guard]\nmax_work = \"7s\"");
        let client = at.client();
        let sender = client.clone();
        tokio::task::spawn_local(async move {
            sender
                .send(head("/a", 200_000) + &"x".repeat(100_000))
                .await;
            dribble(&sender);
        });
        let (origin, _) = at.origin.head().await;
        let began = Instant::now();
        let (body, _) = origin.read_to_end().await;
        assert!(body.len() < 200_000);
        assert!(
            (3..5).contains(&began.elapsed().as_secs()),
            "{:?}",
            began.elapsed()
        );
        let answer = client.message().await;
        assert_eq!(
            (answer.status(), &*answer.problem()),
            (408, "body-too-slow")
        );
        assert_eq!(at.another("/a").await, "outcome-unknown");
        pass(7.1).await;
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn a_large_body_is_claimed_for_when_the_buffer_is_full_and_streamed_with_backpressure() {
    run(async || {
        let at = ByHand::with("[server]\nrequest_buffer = \"4KiB\"");
        let client = at.client_sends(head("/a", 1 << 20)).await;
        client.send("x".repeat(4096)).await;
        lull().await;
        assert!(at.table.is_empty(), "the buffer is not full yet");
        client.send("x").await;
        lull().await;
        assert_eq!(at.table.len(), 1);
        let (origin, _) = at.origin.head().await;
        let mut sent = 4097;
        loop {
            lull().await;
            match client.send_some(&[b'x'; 1024]) {
                0 => break,
                more => sent += more,
            }
        }
        assert!(
            sent < 700 * 1024,
            "{sent} were taken of a client whose upstream reads nothing"
        );
        let sender = client.clone();
        let sending =
            tokio::task::spawn_local(
                async move { sender.send("x".repeat((1 << 20) - sent)).await },
            );
        assert_eq!(origin.read(1 << 20).await.len(), 1 << 20);
        sending.await.expect("it sends");
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn bodies_beyond_the_buffers_are_streamed_and_wait_for_none_but_the_upstream() {
    run(async || {
        let at = ByHand::with("[server]\nbuffers = \"128KiB\"\nresponse_buffer = \"1KiB\"");
        at.origin.capacity(1000);
        let clients: Vec<Far> = (0..20).map(|_| at.client()).collect();
        for (number, client) in clients.iter().enumerate() {
            let request = head(&format!("/{number}"), 60_000) + &"x".repeat(60_000);
            client.send(request).await;
        }
        lull().await;
        assert_eq!(at.table.len(), 20, "none waits for another");
        for _ in &clients {
            let (origin, request) = at.origin.request().await;
            assert_eq!(request.body.len(), 60_000);
            origin.respond("200 OK", "").await;
        }
        for client in &clients {
            assert_eq!(client.message().await.status(), 200);
        }
        at.ends_empty().await;
    });
}

#[test]
fn a_body_counts_by_what_has_come_of_it_and_takes_no_room_from_others_by_what_it_announces() {
    run(async || {
        let at = ByHand::with("[server]\nbuffers = \"128KiB\"");
        let chunked = "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n";
        for number in 0..100 {
            let announced = head(&format!("/slow/{number}"), 65_536) + "x";
            at.client_sends(announced).await;
            let unknown = format!("PUT /chunked/{number} HTTP/1.1\r\nHost: a\r\n{chunked}");
            at.client_sends(unknown).await;
        }
        lull().await;
        let begun = Instant::now();
        assert_eq!(at.another("/a").await, "200");
        let form = "POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5\r\n\r\nu=ada";
        let client = at.client_sends(form).await;
        let (origin, _) = at.origin.request().await;
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        assert_eq!(begun.elapsed(), Duration::ZERO, "nobody waited");
        at.ends_empty().await;
    });
}

/// Bodies that have nearly come, and end never, fill the buffers.
#[test]
fn a_form_that_is_not_here_and_finds_no_room_is_a_503_and_was_never_sent() {
    run(async || {
        let at = ByHand::with("[server]\nbuffers = \"128KiB\"");
        for number in 0..4 {
            let nearly = head(&format!("/slow/{number}"), 20_000) + &"x".repeat(16_380);
            at.client_sends(nearly).await;
        }
        lull().await;
        let form = |here: &str| {
            let typed = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length";
            head("/form", 20_000)
                .replace("PUT", "POST")
                .replace("Content-Length", typed)
                + here
        };
        let answer = at
            .client_sends(form(&"a".repeat(100)))
            .await
            .message()
            .await;
        assert_eq!(
            (answer.status(), &*answer.problem()),
            (503, "buffers-exhausted")
        );
        assert!(answer.field("retry-after").is_some());
        at.origin.hears_nothing().await;
        at.ends_empty().await;
    });
}

#[test]
fn a_body_that_is_here_counts_no_larger_than_it_is() {
    run(async || {
        let at = ByHand::with("[server]\nbuffers = \"128KiB\"");
        at.origin.capacity(10);
        let unread = at.client_sends(chunked("/unread", "hi")).await;
        lull().await;
        assert_eq!(at.origin.connection(0).peek().len(), 10);
        at.origin.capacity(1 << 20);
        let began = Instant::now();
        let client = at
            .client_sends(head("/a", 60_000) + &"x".repeat(60_000))
            .await;
        let (origin, request) = at.origin.request().await;
        assert_eq!(request.body.len(), 60_000);
        assert!(began.elapsed().as_secs() < 1, "it waited for room");
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        at.origin.connection(0).reset();
        assert_eq!(unread.message().await.problem(), "upstream-broken");
        at.ends_empty().await;
    });
}

#[test]
fn an_early_answer_ends_no_upload_whether_it_is_guarded_or_not() {
    run(async || {
        for method in ["PUT", "POST"] {
            let at = ByHand::new();
            let half = "x".repeat(100_000);
            let client = at.client();
            let sender = client.clone();
            let first = head("/a", 200_000).replace("PUT", method) + &half;
            tokio::task::spawn_local(async move { sender.send(first).await });
            let (origin, _) = at.origin.head().await;
            origin.respond("200 OK", "early").await;
            assert_eq!(client.message().await.body, b"early");
            let sender = client.clone();
            tokio::task::spawn_local(async move { sender.send(half).await });
            assert_eq!(origin.read(200_000).await.len(), 200_000, "{method}");
            assert_eq!((origin.ended(), client.ended()), (None, None), "{method}");
            assert_eq!(at.another("/b").await, "200");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_small_body_whose_chunks_break_is_a_400_and_never_reaches_the_upstream() {
    run(async || {
        let at = ByHand::new();
        let chunked = "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nnonsense\r\n";
        let client = at.client_sends(chunked).await;
        let answer = client.message().await;
        assert_eq!((answer.status(), &*answer.problem()), (400, "body-broken"));
        let detail = answer.detail();
        assert!(
            detail.contains("the chunked body is not well-formed"),
            "{detail}"
        );
        assert_eq!(
            client.read_to_end().await,
            (Vec::new(), End::Fin),
            "one answer"
        );
        assert_eq!(at.origin.attempts(), 0);
        assert!(at.table.is_empty());
        at.ends_empty().await;
    });
}

#[test]
fn a_streamed_body_whose_chunks_break_never_ends_cleanly_upstream() {
    run(async || {
        let at = ByHand::new();
        let client = at.client();
        let sender = client.clone();
        tokio::task::spawn_local(async move {
            let head = "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
            sender
                .send(format!("{head}11170\r\n{}\r\n", "x".repeat(70_000)))
                .await;
        });
        let (origin, _) = at.origin.head().await;
        client.send("0x\r\n\r\n").await;
        let (body, _) = origin.read_to_end().await;
        assert!(!body.ends_with(b"0\r\n\r\n"), "ended as if whole");
        let answer = client.message().await;
        assert_eq!((answer.status(), &*answer.problem()), (400, "body-broken"));
        let detail = answer.detail();
        assert!(
            detail.contains("the chunked body is not well-formed"),
            "{detail}"
        );
        assert_eq!(
            client.read_to_end().await,
            (Vec::new(), End::Fin),
            "one answer"
        );
        assert_eq!(at.another("/a").await, "outcome-unknown");
        at.ends_empty().await;
    });
}

#[test]
fn a_request_before_one_whose_chunks_break_is_answered() {
    run(async || {
        let at = ByHand::new();
        let broken = "PUT /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nnonsense\r\n";
        let client = at.client_sends(put("/a") + broken).await;
        let (origin, request) = at.origin.request().await;
        assert!(request.start.starts_with("PUT /a "));
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        assert_eq!(client.message().await.problem(), "body-broken");
        assert_eq!(client.read_to_end().await, (Vec::new(), End::Fin));
        at.origin.hears_nothing().await;
        at.ends_empty().await;
    });
}

#[test]
fn a_refusal_arrives_at_a_client_that_is_still_sending() {
    run(async || {
        let at = ByHand::new();
        let (_first, origin) = at.write_at_work("/a").await;
        let client = at.client();
        let sender = client.clone();
        let sending = tokio::task::spawn_local(async move {
            sender
                .send(head("/a", 4 << 20) + &"x".repeat(4 << 20))
                .await;
            // This is in the body's place, and never a request of its own.
            sender.send(put("/b")).await;
        });
        sending.await.expect("it may send all");
        let answer = client.message().await;
        assert_eq!(
            (answer.status(), &*answer.problem()),
            (409, "write-in-flight")
        );
        assert_eq!(answer.field("connection"), Some("close"));
        assert_eq!(
            client.until_ended().await,
            End::Fin,
            "not a reset, which could destroy it"
        );
        at.origin.hears_nothing().await;
        origin.respond("200 OK", "").await;
        at.ends_empty().await;
    });
}

#[test]
fn a_conflict_with_a_small_slow_body_is_told_from_its_head() {
    run(async || {
        let at = ByHand::new();
        let (_first, origin) = at.write_at_work("/a").await;
        let began = Instant::now();
        let client = at.client_sends(head("/a", 1000)).await;
        assert_eq!(client.message().await.problem(), "write-in-flight");
        assert!(began.elapsed().as_secs() < 1);
        origin.respond("200 OK", "").await;
        at.ends_empty().await;
    });
}

fn chunked(path: &str, body: &str) -> String {
    let (head, length) = (chunked_head(path), body.len());
    format!("{head}{length:x}\r\n{body}\r\n0\r\n\r\n")
}

fn chunked_head(path: &str) -> String {
    format!("PUT {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
}

#[test]
fn a_body_that_declares_more_than_max_body_is_a_413_and_never_reaches_the_upstream() {
    run(async || {
        let at = ByHand::with("[server]\nmax_body = 10");
        let expecting = head("/a", 11).replace("Host", "Expect: 100-continue\r\nHost");
        let forwarded = (head("/a", 11) + &"x".repeat(11)).replace("PUT", "REPORT");
        for request in [head("/a", 11), expecting, forwarded] {
            let client = at.client_sends(request).await;
            let answer = client.message().await;
            assert_eq!(
                (answer.status(), &*answer.problem()),
                (413, "body-too-large")
            );
            assert_eq!(client.until_ended().await, End::Fin);
        }
        assert_eq!(at.origin.attempts(), 0);
        assert!(at.table.is_empty());
        at.ends_empty().await;
    });
}

#[test]
fn a_body_that_is_read_whole_and_is_more_than_max_body_never_reaches_the_upstream() {
    run(async || {
        let at = ByHand::with("[server]\nmax_body = 10");
        let client = at.client_sends(chunked("/a", &"x".repeat(11))).await;
        let answer = client.message().await;
        assert_eq!(
            (answer.status(), &*answer.problem()),
            (413, "body-too-large")
        );
        assert_eq!(at.origin.attempts(), 0);
        assert!(at.table.is_empty());
        at.ends_empty().await;
    });
}

#[test]
fn a_streamed_body_that_outgrows_max_body_is_a_413_and_its_exchange_is_reset() {
    for method in ["PUT", "POST"] {
        run(async move || {
            let at = ByHand::with("[server]\nmax_body = \"100KiB\"");
            let client = at.client();
            let sender = client.clone();
            tokio::task::spawn_local(async move {
                let part = format!("{:x}\r\n{}\r\n", 70_000, "x".repeat(70_000));
                let head = chunked_head("/a").replace("PUT", method);
                sender.send(head + &part).await;
                sender.send(part).await;
            });
            let (origin, _) = at.origin.head().await;
            let (body, _) = origin.read_to_end().await;
            assert!(!body.ends_with(b"0\r\n\r\n"), "ended as if whole");
            let answer = client.message().await;
            assert_eq!(
                (answer.status(), &*answer.problem()),
                (413, "body-too-large")
            );
            let next = if method == "PUT" {
                "outcome-unknown"
            } else {
                "200"
            };
            assert_eq!(at.another("/a").await, next);
            at.ends_empty().await;
        });
    }
}

#[test]
fn a_body_of_exactly_max_body_passes_however_it_comes() {
    run(async || {
        for (most, octets) in [("10", 10), ("\"100KiB\"", 100 << 10)] {
            let at = ByHand::with(&format!("[server]\nmax_body = {most}"));
            let body = "x".repeat(octets);
            for request in [head("/a", octets) + &body, chunked("/a", &body)] {
                let client = at.client();
                let sender = client.clone();
                tokio::task::spawn_local(async move { sender.send(request).await });
                let (origin, request) = at.origin.request().await;
                assert_eq!(request.body.len(), octets);
                origin.respond("200 OK", "").await;
                assert_eq!(client.message().await.status(), 200);
            }
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_body_goes_on_without_delay_while_its_response_is_under_way() {
    for method in ["POST", "PUT"] {
        run(async move || {
            let at = ByHand::with("[server]\nrequest_buffer = \"4KiB\"");
            let octets = 1 << 20;
            let client = at.client();
            let sender = client.clone();
            let request = head("/a", octets).replace("PUT", method) + &"x".repeat(octets);
            tokio::task::spawn_local(async move { sender.send(request).await });
            let (origin, _) = at.origin.head().await;
            origin
                .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
                .await;
            let answer = client.head().await;
            assert_eq!(answer.status(), 200);
            let began = Instant::now();
            assert_eq!(origin.read(octets).await.len(), octets);
            assert!(began.elapsed().is_zero(), "{:?}", began.elapsed());
            origin.send("k").await;
            assert_eq!(client.read(2).await, b"ok");
            at.ends_empty().await;
        });
    }
}

#[test]
fn a_client_hears_at_once_that_the_rest_of_its_body_is_not_wanted() {
    run(async || {
        let at = ByHand::with("[server]\nrequest_buffer = \"4KiB\"");
        let client = at.client();
        client.send(head("/a", 1 << 20) + &"x".repeat(8192)).await;
        let (origin, _) = at.origin.head().await;
        origin.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno").await;
        assert_eq!(client.message().await.status(), 413);
        lull().await;
        let began = Instant::now();
        origin.close();
        assert_eq!(client.until_ended().await, End::Fin);
        assert!(began.elapsed().is_zero(), "{:?}", began.elapsed());
        at.ends_empty().await;
    });
}
