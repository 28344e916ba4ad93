//! A response that arrives whole, and clients that read it slowly or not at all.

use tokio::time::Instant;

use crate::support::by_hand::{ByHand, get, lull, much_to_do, pass, put, run};

/// A response of so many octets, in one piece.
fn long(octets: usize) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {octets}\r\n\r\n{}",
        "x".repeat(octets)
    )
}

#[test]
fn a_write_that_meets_nothing_is_forwarded_and_answered() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = at.write_at_work("/a").await;
        assert_eq!(at.table.len(), 1);
        origin.respond("200 OK", "done").await;
        let answer = client.message().await;
        assert_eq!((answer.status(), &*answer.body), (200, &b"done"[..]));
        assert!(at.table.is_empty());
        at.ends_empty().await;
    });
}

#[test]
fn a_second_write_to_the_same_resource_is_refused_and_never_sent_until_the_first_is_answered() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = at.write_at_work("/a").await;
        assert_eq!(at.another("/a").await, "write-in-flight");
        at.origin.hears_nothing().await;
        assert_eq!(at.origin.connections(), 1);
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn the_hold_ends_when_the_last_byte_has_arrived_here_and_not_when_the_client_has_read_it() {
    run(async || {
        let at = ByHand::new();
        let client = at.client_that_takes(100);
        client.send(put("/a")).await;
        let (origin, _) = at.origin.request().await;
        origin.send(long(200 * 1024)).await;
        lull().await;
        assert!(at.table.is_empty(), "all of it is here");
        assert_eq!(at.another("/a").await, "200");
        let answer = client.message().await;
        assert_eq!(answer.body.len(), 200 * 1024);
        at.ends_empty().await;
    });
}

#[test]
fn the_hold_stays_while_a_byte_of_the_response_is_still_to_come() {
    run(async || {
        let at = ByHand::new();
        for rest in ["3", ""] {
            let (client, origin) = at.write_at_work("/a").await;
            let (first, last) = if rest.is_empty() {
                (
                    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                    "0\r\n\r\n",
                )
            } else {
                ("Content-Length: 4\r\n\r\nabc", "d")
            };
            origin.send(format!("HTTP/1.1 200 OK\r\n{first}")).await;
            assert_eq!(client.head().await.status(), 200);
            assert_eq!(at.another("/a").await, "write-in-flight");
            origin.send(last).await;
            lull().await;
            assert!(at.table.is_empty());
            client.close();
        }
        at.ends_empty().await;
    });
}

const SMALL_BUFFER: &str = "[server]\nresponse_buffer = \"16KiB\"";

#[test]
fn a_client_that_takes_nothing_of_a_long_response_is_cut_and_the_hold_ends_by_proof() {
    run(async || {
        let at = ByHand::with(SMALL_BUFFER);
        let client = at.client_that_takes(100);
        client.send(put("/a")).await;
        let (origin, _) = at.origin.request().await;
        let began = Instant::now();
        let whole = long(2 << 20);
        let (first, rest) = whole.split_at(1 << 20);
        origin.send(first).await;
        let waited = began.elapsed();
        assert!((9..12).contains(&waited.as_secs()), "cut after {waited:?}");
        lull().await;
        assert_eq!(at.table.len(), 1, "not all of it has arrived");
        assert_eq!(at.another("/a").await, "write-in-flight");
        origin.send(rest).await;
        lull().await;
        assert!(at.table.is_empty(), "the rest was read and thrown away");
        let (raw, _) = client.read_to_end().await;
        assert!(raw.len() < 1 << 20, "the client got {}", raw.len());
        at.ends_empty().await;
    });
}

#[test]
fn a_client_that_dribbles_a_long_response_is_cut_as_well() {
    run(async || {
        let at = ByHand::with(SMALL_BUFFER);
        let client = at.client_that_takes(100);
        client.send(put("/a")).await;
        let (origin, _) = at.origin.request().await;
        let began = Instant::now();
        let reader = client.clone();
        let dribble = tokio::task::spawn_local(async move {
            loop {
                reader.take(10);
                pass(1.0).await;
            }
        });
        origin.send(long(1 << 20)).await;
        lull().await;
        assert!(at.table.is_empty());
        let waited = began.elapsed();
        assert!((9..15).contains(&waited.as_secs()), "cut after {waited:?}");
        dribble.abort();
        at.ends_empty().await;
    });
}

#[test]
fn a_client_that_keeps_the_rate_is_never_cut() {
    run(async || {
        let at = ByHand::with(SMALL_BUFFER);
        let client = at.client_that_takes(1024);
        client.send(put("/a")).await;
        let (origin, _) = at.origin.request().await;
        let reader = client.clone();
        let reading = tokio::task::spawn_local(async move {
            let mut read = reader.head().await.body;
            while read.len() < 150 * 1024 {
                read.extend(reader.take(1024));
                pass(0.5).await;
            }
            read.len()
        });
        origin.send(long(150 * 1024)).await;
        assert_eq!(reading.await.expect("it reads"), 150 * 1024);
        at.ends_empty().await;
    });
}

#[test]
fn a_long_response_to_a_request_without_a_guard_waits_for_its_reader_in_bounded_memory() {
    run(async || {
        let at = ByHand::with(SMALL_BUFFER);
        let client = at.client_that_takes(100);
        client.send(get("/a")).await;
        let (origin, _) = at.origin.request().await;
        let response = long(500 * 1024);
        let mut sent = 0;
        loop {
            lull().await;
            match origin.send_some(&response.as_bytes()[sent..]) {
                0 => break,
                more => sent += more,
            }
        }
        assert!(sent < 400 * 1024, "{sent} were read ahead");
        let rest = response[sent..].to_owned();
        let sending = tokio::task::spawn_local(async move { origin.send(rest).await });
        assert_eq!(client.message().await.body.len(), 500 * 1024);
        sending.await.expect("all is sent");
        at.ends_empty().await;
    });
}

#[test]
fn a_client_that_pauses_for_a_minute_in_what_nothing_guards_gets_the_whole_of_it() {
    run(async || {
        let at = ByHand::with(SMALL_BUFFER);
        let client = at.client_that_takes(100);
        client.send(get("/a")).await;
        let (origin, _) = at.origin.request().await;
        let response = long(1 << 20);
        let sending = tokio::task::spawn_local(async move { origin.send(response).await });
        pass(60.0).await;
        assert_eq!(client.message().await.body.len(), 1 << 20);
        sending.await.expect("all is sent");
        at.ends_empty().await;
    });
}

#[test]
fn a_client_that_takes_nothing_of_what_nothing_guards_is_cut_and_so_is_the_exchange() {
    run(async || {
        let at = ByHand::with(SMALL_BUFFER);
        let client = at.client_that_takes(100);
        client.send(get("/a")).await;
        let (origin, _) = at.origin.request().await;
        let began = Instant::now();
        origin.send(long(2 << 20)).await;
        let waited = began.elapsed();
        assert!((75..78).contains(&waited.as_secs()), "cut after {waited:?}");
        origin.until_ended().await;
        client.until_ended().await;
        at.ends_empty().await;
    });
}

#[test]
fn a_write_that_comes_together_with_the_response_of_the_one_before_it_is_not_refused() {
    run(async || {
        let at = ByHand::new();
        let next = at.client();
        let (client, origin) = at.write_at_work("/a").await;
        lull().await;
        next.send(put("/a")).await;
        origin.respond("200 OK", "").await;
        let (origin, _) = at.origin.request().await;
        origin.respond("200 OK", "next").await;
        assert_eq!(client.message().await.status(), 200);
        assert_eq!(next.message().await.body, b"next");
        at.ends_empty().await;
    });
}

#[test]
fn a_write_that_comes_together_with_a_long_response_is_not_refused() {
    run(async || {
        let at = ByHand::new();
        at.origin.capacity(1 << 20);
        let next = at.client();
        let (client, origin) = at.write_at_work("/a").await;
        let much = much_to_do().await;
        next.send(put("/a")).await;
        much.notify_waiters();
        // More than is read at once: the rest is left to a task.
        origin.send(long(100 << 10)).await;
        let (origin, _) = at.origin.request().await;
        origin.respond("200 OK", "next").await;
        assert_eq!(next.message().await.body, b"next");
        assert_eq!(client.message().await.body.len(), 100 << 10);
        at.ends_empty().await;
    });
}

#[test]
fn a_write_on_another_worker_meets_it_too_and_not_what_the_first_has_yet_to_read() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = at.write_at_work("/a").await;
        let refused = at.client_elsewhere();
        refused.send(put("/a")).await;
        assert_eq!(refused.message().await.problem(), "write-in-flight");
        let next = at.client_elsewhere();
        lull().await;
        next.send(put("/a")).await;
        origin.respond("200 OK", "").await;
        let (origin, _) = at.origin.request().await;
        origin.respond("200 OK", "next").await;
        assert_eq!(next.message().await.body, b"next");
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}
