//! What meets, what never does, and what happens at the bounds: many holds, a panic, a drain.

use crate::support::by_hand::{ByHand, get, lull, pass, put, run};
use crate::support::pipes::{End, Far};

#[test]
fn pipelined_writes_to_one_resource_follow_each_other_and_all_succeed() {
    run(async || {
        let at = ByHand::new();
        let client = at.client_sends(put("/a").repeat(3)).await;
        for number in ["1", "2", "3"] {
            let (origin, _) = at.origin.request().await;
            at.origin.hears_nothing().await;
            origin.respond("200 OK", number).await;
        }
        for number in ["1", "2", "3"] {
            let answer = client.message().await;
            assert_eq!((answer.status(), &*answer.body), (200, number.as_bytes()));
        }
        at.ends_empty().await;
    });
}

#[test]
fn a_pipelined_write_after_a_chunked_response_meets_nothing_either() {
    run(async || {
        let at = ByHand::new();
        let client = at.client_sends(put("/a").repeat(2)).await;
        let (origin, _) = at.origin.request().await;
        origin
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            .await;
        lull().await;
        origin.send("0\r\n\r\n").await;
        let (origin, _) = at.origin.request().await;
        origin.respond("200 OK", "second").await;
        assert_eq!(client.message().await.body, b"abc");
        assert_eq!(client.message().await.body, b"second");
        at.ends_empty().await;
    });
}

#[test]
fn a_client_that_writes_again_the_moment_it_has_its_answer_meets_nothing() {
    run(async || {
        let at = ByHand::new();
        let client = at.client();
        for _ in 0..20 {
            client.send(put("/a")).await;
            let (origin, _) = at.origin.request().await;
            origin
                .send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
                .await;
            lull().await;
            origin.send("abc").await;
            assert_eq!(client.message().await.status(), 200);
        }
        at.ends_empty().await;
    });
}

#[test]
fn writes_to_different_resources_never_meet() {
    run(async || {
        let at = ByHand::new();
        let clients: Vec<Far> = (0..50).map(|_| at.client()).collect();
        for (number, client) in clients.iter().enumerate() {
            client.send(put(&format!("/{number}"))).await;
        }
        let mut origins = Vec::new();
        for _ in &clients {
            origins.push(at.origin.request().await.0);
        }
        assert_eq!(at.table.len(), 50);
        for origin in &origins {
            origin.respond("200 OK", "").await;
        }
        for client in &clients {
            assert_eq!(client.message().await.status(), 200);
        }
        at.ends_empty().await;
    });
}

#[test]
fn requests_that_nothing_guards_never_meet_anything() {
    run(async || {
        let at = ByHand::new();
        let (_client, writing) = at.write_at_work("/a").await;
        let observed = put("/a").replace("PUT", "POST");
        let unguarded = [get("/a"), get("/a"), observed.clone(), observed];
        let mut at_work = Vec::new();
        for request in unguarded {
            let client = at.client_sends(request).await;
            at_work.push((client, at.origin.request().await.0));
        }
        for (client, origin) in at_work {
            origin.respond("200 OK", "").await;
            assert_eq!(client.message().await.status(), 200);
        }
        assert_eq!(at.another("/a").await, "write-in-flight");
        writing.respond("200 OK", "").await;
        at.ends_empty().await;
    });
}

#[test]
fn an_observed_write_keeps_nobody_away_and_leaves_nothing_behind_but_its_time() {
    run(async || {
        let at = ByHand::new();
        let client = at.client_sends(put("/a").replace("PUT", "POST")).await;
        let (origin, _) = at.origin.request().await;
        assert_eq!(at.another("/a").await, "200");
        origin.reset();
        assert_eq!(client.message().await.status(), 502);
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn holds_beyond_max_holds_are_a_503_and_never_an_eviction() {
    run(async || {
        let at = ByHand::with("[server]\nmax_holds = 2");
        let (one, first) = at.write_at_work("/a").await;
        let (other, second) = at.write_at_work("/b").await;
        let client = at.client_sends(put("/c")).await;
        let answer = client.message().await;
        assert_eq!(
            (answer.status(), &*answer.problem()),
            (503, "holds-exhausted")
        );
        assert!(answer.field("retry-after").is_some());
        at.origin.hears_nothing().await;
        second.reset();
        assert_eq!(other.message().await.status(), 502);
        assert_eq!(
            at.another("/c").await,
            "holds-exhausted",
            "an unknown outcome is a hold"
        );
        assert_eq!(
            at.another("/b").await,
            "outcome-unknown",
            "a conflict is told as one"
        );
        first.respond("200 OK", "").await;
        assert_eq!(one.message().await.status(), 200);
        assert_eq!(at.another("/c").await, "200");
        assert_eq!(at.another("/b").await, "outcome-unknown");
        pass(60.1).await;
        assert_eq!(at.another("/b").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn a_panic_in_an_exchange_leaves_an_unknown_outcome_and_the_others_alone() {
    run(async || {
        let at = ByHand::new();
        let (_client, origin) = at.write_at_work("/a").await;
        let (other, second) = at.write_at_work("/b").await;
        origin.panic();
        lull().await;
        assert_eq!(at.another("/a").await, "outcome-unknown");
        second.respond("200 OK", "").await;
        assert_eq!(other.message().await.status(), 200);
        pass(60.1).await;
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn a_drain_closes_what_is_idle_and_lets_what_is_at_work_settle() {
    run(async || {
        let at = ByHand::new();
        let idle = at.client_sends(get("/x")).await;
        at.origin.request().await.0.respond("200 OK", "").await;
        idle.message().await;
        let unused = at.client();
        let (client, origin) = at.write_at_work("/a").await;
        let (gone, detached) = at.write_at_work("/b").await;
        gone.reset();
        lull().await;
        at.drain();
        assert_eq!(idle.until_ended().await, End::Fin);
        assert_eq!(unused.until_ended().await, End::Fin);
        pass(10.0).await;
        assert_eq!(at.table.len(), 2);
        origin.respond("200 OK", "done").await;
        let answer = client.message().await;
        assert_eq!(answer.body, b"done");
        assert_eq!(answer.field("connection"), Some("close"));
        assert_eq!(client.until_ended().await, End::Fin);
        assert_eq!(at.tasks.running(), 1, "the exchange whose client has left");
        detached.respond("200 OK", "").await;
        at.tasks.ended().await;
        assert!(at.table.is_empty());
        at.ends_empty().await;
    });
}

#[test]
fn a_drain_answers_what_had_come_before_it() {
    run(async || {
        let at = ByHand::new();
        let idle = at.client_sends(get("/x")).await;
        at.origin.request().await.0.respond("200 OK", "").await;
        idle.message().await;
        let fresh = at.client();
        fresh.send_some(get("/fresh").as_bytes());
        idle.send_some(get("/idle").as_bytes());
        at.drain();
        for _ in 0..2 {
            at.origin.request().await.0.respond("200 OK", "").await;
        }
        for client in [fresh, idle] {
            assert_eq!(client.message().await.status(), 200);
            assert_eq!(client.until_ended().await, End::Fin);
        }
        at.ends_empty().await;
    });
}

#[test]
fn a_connection_over_which_nothing_comes_is_closed_after_idle_timeout() {
    run(async || {
        let at = ByHand::new();
        let (unused, idle) = (at.client(), at.client_sends(get("/x")).await);
        at.origin.request().await.0.respond("200 OK", "").await;
        idle.message().await;
        pass(70.0).await;
        assert_eq!(idle.ended(), None);
        idle.send(get("/x")).await;
        at.origin.request().await.0.respond("200 OK", "").await;
        idle.message().await;
        pass(8.0).await;
        assert_eq!(unused.ended(), Some(End::Fin));
        assert_eq!(idle.ended(), None);
        pass(70.0).await;
        assert_eq!(idle.ended(), Some(End::Fin));
        at.ends_empty().await;
    });
}

#[test]
fn a_drain_lets_a_response_that_streams_come_to_its_end() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = at.write_at_work("/a").await;
        origin
            .send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
            .await;
        client.head().await;
        at.drain();
        pass(5.0).await;
        origin.send("def").await;
        assert_eq!(client.read(6).await, b"abcdef");
        assert_eq!(client.until_ended().await, End::Fin);
        at.ends_empty().await;
    });
}
