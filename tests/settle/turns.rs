//! Writes that wait for their turn: who is let through and when, who is not, and who is never sent.

use std::time::Duration;

use crate::support::by_hand::{ByHand, get, lull, pass, put, run};
use crate::support::pipes::Far;
use crate::support::streams::Streams;

/// What it is called, and how it is done.
type Way = (&'static str, fn(&Far));

const WAIT: &str = "[guard]\non_conflict = { wait = \"2s\", waiters = 2 }\n\
    [[route]]\npath = \"/impatient\"\nkey = \"/a\"\non_conflict = \"reject\"\n";

/// What its request is called at the origin, and the origin's end.
async fn at_work(at: &ByHand) -> (String, Far) {
    let (origin, request) = at.origin.request().await;
    (request.field("x-name").unwrap_or("none").to_owned(), origin)
}

async fn waits(at: &ByHand, name: &str) -> Far {
    let client = at.client_sends(named("/a", name)).await;
    lull().await;
    client
}

fn named(path: &str, name: &str) -> String {
    put(path).replacen("\r\n", &format!("\r\nX-Name: {name}\r\n"), 1)
}

#[test]
fn a_write_that_waits_is_sent_when_the_one_before_it_has_ended_and_its_client_is_told_how_long_it_was()
 {
    run(async || {
        let at = ByHand::with(WAIT);
        let (first, origin) = at.write_at_work("/a").await;
        let second = waits(&at, "second").await;
        at.origin.hears_nothing().await;
        pass(0.25).await;
        origin.respond("200 OK", "").await;
        assert_eq!(first.message().await.field("writegate-waited"), None);
        let (name, origin) = at_work(&at).await;
        assert_eq!(name, "second");
        origin.respond("200 OK", "done").await;
        let answer = second.message().await;
        let waited: u64 = answer
            .field("writegate-waited")
            .expect("it waited")
            .parse()
            .expect("a number");
        assert!((250..400).contains(&waited), "{waited}");
        assert_eq!(answer.body, b"done");
        at.ends_empty().await;
    });
}

#[test]
fn turns_come_in_the_order_of_the_requests_and_one_at_a_time() {
    run(async || {
        let at = ByHand::with(WAIT);
        let (_first, mut origin) = at.write_at_work("/a").await;
        let clients = [waits(&at, "second").await, waits(&at, "third").await];
        for expected in ["second", "third"] {
            origin.respond("200 OK", "").await;
            let (name, next) = at_work(&at).await;
            assert_eq!(name, expected);
            at.origin.hears_nothing().await;
            origin = next;
        }
        origin.respond("200 OK", "").await;
        for client in clients {
            assert_eq!(client.message().await.status(), 200);
        }
        at.ends_empty().await;
    });
}

#[test]
fn one_more_than_may_wait_is_refused_at_once_and_says_so() {
    run(async || {
        let at = ByHand::with(WAIT);
        let (_first, origin) = at.write_at_work("/a").await;
        let clients = [waits(&at, "second").await, waits(&at, "third").await];
        let refused = at.client_sends(put("/a")).await.message().await;
        assert_eq!(
            (refused.status(), refused.problem()),
            (409, "queue-full".to_owned())
        );
        let text = String::from_utf8(refused.body).expect("text");
        assert!(
            text.contains("as many wait for their turn as may"),
            "{text}"
        );
        assert_eq!(at.another("/b").await, "200");
        origin.respond("200 OK", "").await;
        for _ in 0..2 {
            at_work(&at).await.1.respond("200 OK", "").await;
        }
        for client in clients {
            assert_eq!(client.message().await.status(), 200);
        }
        at.ends_empty().await;
    });
}

#[test]
fn a_write_whose_turn_does_not_come_in_time_is_refused_with_the_time_that_it_waited() {
    run(async || {
        let at = ByHand::with(WAIT);
        let (_first, origin) = at.write_at_work("/a").await;
        let since = tokio::time::Instant::now();
        let refused = waits(&at, "second").await.message().await;
        assert!((2.0..2.1).contains(&since.elapsed().as_secs_f64()));
        assert_eq!(
            (refused.status(), refused.problem()),
            (409, "wait-timeout".to_owned())
        );
        assert_eq!(refused.field("writegate-waited"), Some("2000"));
        let told: serde_json::Value = serde_json::from_slice(&refused.body).expect("JSON");
        assert_eq!(told["waited_ms"], 2000);
        assert_eq!(told["key"], "/a");
        origin.respond("200 OK", "").await;
        at.origin.hears_nothing().await;
        at.ends_empty().await;
    });
}

#[test]
fn a_write_that_does_not_wait_does_not_go_before_one_that_does() {
    run(async || {
        let keys = "[guard]\nkeys = [\"k:{query:a}\", \"k:{query:b}\"]\non_conflict = { wait = \"2s\" }\non_missing_key = \"forward\"\n\
            [[route]]\npath = \"/impatient\"\non_conflict = \"reject\"\n";
        let at = ByHand::with(keys);
        let (_first, first) = at.write_at_work("/a?a=1").await;
        let (_second, second) = at.write_at_work("/a?a=2").await;
        let both = at.client_sends(put("/a?a=1&b=2")).await;
        lull().await;
        second.respond("200 OK", "").await;
        lull().await;
        // Nobody is at work on 2, but one waits for it.
        let refused = at.client_sends(put("/impatient?a=2")).await.message().await;
        assert_eq!(refused.problem(), "write-waiting");
        first.respond("200 OK", "").await;
        at_work(&at).await.1.respond("200 OK", "").await;
        assert_eq!(both.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn a_conflict_names_every_key_that_was_met() {
    run(async || {
        let at = ByHand::with(
            "[guard]\nkeys = [\"k:{query:a}\", \"k:{query:b}\"]\non_missing_key = \"forward\"\n",
        );
        let (_first, first) = at.write_at_work("/a?a=1").await;
        let (_second, second) = at.write_at_work("/a?a=2").await;
        let refused = at.client_sends(put("/a?a=2&b=1")).await.message().await;
        let told: serde_json::Value = serde_json::from_slice(&refused.body).expect("JSON");
        assert_eq!(
            (&told["key"], &told["keys"]),
            (&"k:1".into(), &serde_json::json!(["k:1", "k:2"]))
        );
        assert!(
            told["detail"]
                .as_str()
                .is_some_and(|text| text.contains("k:2 is not free, either")),
            "{told}"
        );
        first.respond("200 OK", "").await;
        second.respond("200 OK", "").await;
        lull().await;
        at.ends_empty().await;
    });
}

#[test]
fn a_waiter_whose_client_leaves_is_gone_at_once_and_its_write_is_never_sent() {
    run(async || {
        let ways: [Way; 3] = [
            ("half-closes", Far::finish),
            ("closes", Far::close),
            ("resets", Far::reset),
        ];
        for (way, leave) in ways {
            let at = ByHand::with(WAIT);
            let (_first, origin) = at.write_at_work("/a").await;
            let gone = waits(&at, "gone").await;
            let next = waits(&at, "next").await;
            leave(&gone);
            lull().await;
            assert_eq!(at.table.len(), 2, "it {way}, and still waits");
            origin.respond("200 OK", "").await;
            let (name, origin) = at_work(&at).await;
            assert_eq!(name, "next", "it {way}, and was sent");
            origin.respond("200 OK", "").await;
            assert_eq!(next.message().await.status(), 200);
            if way == "half-closes" {
                assert_eq!(gone.message().await.problem(), "client-left");
            }
            at.origin.hears_nothing().await;
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_waiter_that_has_sent_more_than_its_request_is_seen_to_leave() {
    run(async || {
        let at = ByHand::with(WAIT);
        let (_first, origin) = at.write_at_work("/a").await;
        let gone = at.client_sends(format!("{}{}", put("/a"), get("/b"))).await;
        lull().await;
        gone.reset();
        pass(0.2).await;
        assert_eq!(at.table.len(), 1, "it still waits");
        origin.respond("200 OK", "").await;
        at.origin.hears_nothing().await;
        at.ends_empty().await;
    });
}

#[test]
fn over_http_2_a_cancelled_stream_leaves_the_queue_and_its_neighbours_wait_on() {
    run(async || {
        let at = ByHand::with(WAIT);
        let (_first, origin) = at.write_at_work("/a").await;
        let mut client = Streams::over(at.client()).await;
        let gone = client.send("PUT", "/a", "gone").await;
        let next = client.send("PUT", "/a", "next").await;
        lull().await;
        assert_eq!(at.table.len(), 3);
        gone.cancel();
        lull().await;
        assert_eq!(at.table.len(), 2);
        origin.respond("200 OK", "").await;
        let (origin, request) = at.origin.request().await;
        assert_eq!(request.body, b"next");
        origin.respond("200 OK", "").await;
        assert_eq!(next.answer().await.expect("an answer").status, 200);
        client.far.close();
        at.origin.hears_nothing().await;
        at.ends_empty().await;
    });
}

#[test]
fn over_http_2_a_connection_that_ends_takes_its_waiters_with_it() {
    run(async || {
        let ways: [fn(&Far); 3] = [Far::finish, Far::close, Far::reset];
        for leave in ways {
            let at = ByHand::with(WAIT);
            let (_first, origin) = at.write_at_work("/a").await;
            let mut client = Streams::over(at.client()).await;
            let _waits = client.send("PUT", "/a", "gone").await;
            lull().await;
            assert_eq!(at.table.len(), 2);
            leave(&client.far);
            lull().await;
            assert_eq!(at.table.len(), 1);
            origin.respond("200 OK", "").await;
            at.origin.hears_nothing().await;
            at.ends_empty().await;
        }
    });
}

#[test]
fn whoever_waits_for_an_unknown_outcome_goes_on_the_moment_that_its_time_is_over() {
    run(async || {
        let at = ByHand::with("[guard]\nmax_work = \"5s\"\non_conflict = { wait = \"20s\" }\n");
        let (first, origin) = at.write_at_work("/a").await;
        let since = tokio::time::Instant::now();
        let second = waits(&at, "second").await;
        origin.reset();
        assert_eq!(first.message().await.status(), 502);
        let (name, origin) = at_work(&at).await;
        assert_eq!(name, "second");
        let waited = since.elapsed();
        assert!(
            waited >= Duration::from_secs(4) && waited <= Duration::from_millis(5_100),
            "{waited:?}"
        );
        origin.respond("200 OK", "").await;
        assert_eq!(second.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn a_waiter_on_another_worker_is_woken_without_delay() {
    run(async || {
        let at = ByHand::with(WAIT);
        let (_first, origin) = at.write_at_work("/a").await;
        let elsewhere = at.client_elsewhere();
        elsewhere.send(named("/a", "elsewhere")).await;
        lull().await;
        assert_eq!(at.table.len(), 2);
        let since = tokio::time::Instant::now();
        origin.respond("200 OK", "").await;
        let (name, origin) = at_work(&at).await;
        assert_eq!(
            (name.as_str(), since.elapsed().as_millis()),
            ("elsewhere", 0)
        );
        origin.respond("200 OK", "").await;
        assert_eq!(elsewhere.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn an_upload_that_waits_is_not_read_past_its_buffer_and_is_sent_whole() {
    run(async || {
        let at = ByHand::with(&format!("[server]\nrequest_buffer = \"1KiB\"\n{WAIT}"));
        let (_first, origin) = at.write_at_work("/a").await;
        let body = "x".repeat(50_000);
        let client = at.client();
        let head = format!(
            "PUT /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        client.send(format!("{head}{body}")).await;
        lull().await;
        assert_eq!(at.table.len(), 2);
        origin.respond("200 OK", "").await;
        let (origin, request) = at.origin.request().await;
        assert_eq!(request.body.len(), body.len());
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}
