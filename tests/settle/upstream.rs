//! Upstreams that cannot be reached, break, answer early, late or never.

use tokio::time::Instant;

use crate::support::by_hand::{ByHand, Dialing, get, lull, pass, put, run};
use crate::support::pipes::Far;

/// What it is called, and how it is done.
type Way = (&'static str, fn(&Far));

/// The ways in which an upstream breaks a connection.
const WAYS: [Way; 2] = [("closes", Far::close), ("resets", Far::reset)];

#[test]
fn a_refused_connection_is_a_502_and_ends_the_hold_at_once() {
    run(async || {
        let at = ByHand::new();
        at.origin.dialing(Dialing::Refused);
        let client = at.client_sends(put("/a")).await;
        let answer = client.message().await;
        assert_eq!(
            (answer.status(), &*answer.problem()),
            (502, "upstream-unreachable")
        );
        assert!(at.table.is_empty());
        at.origin.dialing(Dialing::Taken);
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn a_connection_that_takes_too_long_is_a_504_and_ends_the_hold_at_once() {
    run(async || {
        let at = ByHand::new();
        at.origin.dialing(Dialing::Pending);
        let began = Instant::now();
        let client = at.client_sends(put("/a")).await;
        let answer = client.message().await;
        assert_eq!(
            (answer.status(), &*answer.problem()),
            (504, "connect-timeout")
        );
        assert_eq!(began.elapsed().as_secs(), 2);
        assert!(at.table.is_empty());
        at.origin.dialing(Dialing::Taken);
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn a_server_that_refuses_is_passed_over_for_the_next() {
    run(async || {
        let at = ByHand::with("[upstream]\nservers = [\"http://a:3000\", \"http://b:3001\"]");
        for refused in [3000, 3001, 3000] {
            at.origin.dialing(Dialing::RefusedAt(refused));
            assert_eq!(at.another("/a").await, "200");
            pass(5.0).await;
        }
        at.origin.dialing(Dialing::Refused);
        assert_eq!(at.another("/a").await, "upstream-unreachable");
        assert!(at.table.is_empty());
        at.ends_empty().await;
    });
}

#[test]
fn one_server_is_asked_after_the_other() {
    run(async || {
        let servers = [3000, 3001, 3002].map(|port| format!("\"http://a:{port}\""));
        let at = ByHand::with(&format!("[upstream]\nservers = [{}]", servers.join(", ")));
        let mut at_work = Vec::new();
        for number in 0..6 {
            at_work.push(at.write_at_work(&format!("/{number}")).await);
        }
        let in_turn = [3000, 3001, 3002, 3000, 3001, 3002];
        assert_eq!(at.origin.ports(), in_turn);
        for (client, origin) in at_work {
            origin.respond("200 OK", "").await;
            assert_eq!(client.message().await.status(), 200);
        }
        let mut asked = Vec::new();
        for _ in 0..6 {
            let (client, origin) = at.write_at_work("/a").await;
            asked.push(at.origin.number_of(&origin));
            origin.respond("200 OK", "").await;
            assert_eq!(client.message().await.status(), 200);
        }
        let ports: Vec<u16> = asked.iter().map(|number| in_turn[*number]).collect();
        assert_eq!(ports, in_turn, "over connections that were idle");
        assert_eq!(at.origin.connections(), 6);
        at.ends_empty().await;
    });
}

#[test]
fn a_connection_that_breaks_after_bytes_were_sent_is_a_502_and_an_unknown_outcome() {
    run(async || {
        for (way, break_off) in WAYS {
            let at = ByHand::new();
            let (client, origin) = at.write_at_work("/a").await;
            break_off(&origin);
            let answer = client.message().await;
            assert_eq!(
                (answer.status(), &*answer.problem()),
                (502, "upstream-broken")
            );
            assert_eq!(at.another("/a").await, "outcome-unknown", "it {way}");
            at.origin.hears_nothing().await;
            pass(59.0).await;
            assert_eq!(at.another("/a").await, "outcome-unknown", "it {way}");
            pass(1.1).await;
            assert_eq!(at.another("/a").await, "200", "it {way}");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_response_that_cannot_be_understood_is_a_502_that_says_so_and_an_unknown_outcome() {
    run(async || {
        for response in [
            "SSH-2.0-OpenSSH_9.2\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        ] {
            let at = ByHand::new();
            let (client, origin) = at.write_at_work("/a").await;
            origin.send(response).await;
            let answer = client.message().await;
            assert_eq!(
                (answer.status(), &*answer.problem()),
                (502, "upstream-invalid"),
                "{response:?}"
            );
            let status = answer.field("proxy-status").expect("our own answer");
            assert!(status.contains("error=http_protocol_error"), "{status}");
            assert_eq!(at.another("/a").await, "outcome-unknown");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_connection_that_breaks_in_the_head_of_the_response_is_a_502_too() {
    run(async || {
        for (way, break_off) in WAYS {
            let at = ByHand::new();
            let (client, origin) = at.write_at_work("/a").await;
            origin.send("HTTP/1.1 200 OK\r\nContent-Le").await;
            lull().await;
            break_off(&origin);
            assert_eq!(client.message().await.status(), 502, "it {way}");
            assert_eq!(at.another("/a").await, "outcome-unknown", "it {way}");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_response_that_breaks_is_cut_and_never_ended_as_if_whole() {
    run(async || {
        for (way, break_off) in WAYS {
            for framing in [
                "Content-Length: 9\r\n\r\nabc",
                "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            ] {
                let at = ByHand::new();
                let (client, origin) = at.write_at_work("/a").await;
                origin.send(format!("HTTP/1.1 200 OK\r\n{framing}")).await;
                assert_eq!(client.head().await.status(), 200);
                let body = client
                    .read(if framing.contains("chunked") { 8 } else { 3 })
                    .await;
                break_off(&origin);
                let (rest, _) = client.read_to_end().await;
                let body = String::from_utf8([body, rest].concat()).expect("text");
                assert!(
                    ["abc", "3\r\nabc\r\n"].contains(&&*body),
                    "it {way}: {body:?}"
                );
                assert_eq!(at.another("/a").await, "outcome-unknown", "it {way}");
                pass(60.1).await;
                assert_eq!(at.another("/a").await, "200", "it {way}");
                at.ends_empty().await;
            }
        }
    });
}

#[test]
fn a_cut_response_to_a_client_of_http_1_0_does_not_look_whole_either() {
    run(async || {
        let at = ByHand::new();
        let client = at
            .client_sends("PUT /a HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
            .await;
        let (origin, _) = at.origin.request().await;
        origin
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            .await;
        client.head().await;
        origin.close();
        assert_eq!(
            client.until_ended().await,
            crate::support::pipes::End::Reset
        );
        at.ends_empty().await;
    });
}

#[test]
fn a_response_that_ends_with_its_connection_is_whole() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = at.write_at_work("/a").await;
        origin
            .send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc")
            .await;
        assert_eq!(client.head().await.status(), 200);
        assert_eq!(at.another("/a").await, "write-in-flight");
        origin.close();
        assert_eq!(client.chunks().await.0, b"abc");
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn no_response_in_time_is_a_504_and_the_exchange_runs_on_until_its_late_proof() {
    run(async || {
        let at = ByHand::with("[upstream]\nresponse_timeout = \"5s\"");
        let began = Instant::now();
        let (client, origin) = at.write_at_work("/a").await;
        let answer = client.message().await;
        assert_eq!(
            (answer.status(), &*answer.problem()),
            (504, "response-timeout")
        );
        assert_eq!(began.elapsed().as_secs(), 5);
        assert_eq!(origin.ended(), None);
        pass(30.0).await;
        assert_eq!(at.another("/a").await, "write-in-flight");
        origin.respond("200 OK", "late").await;
        lull().await;
        assert!(at.table.is_empty(), "the late proof ends the hold");
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn a_request_without_a_guard_that_is_not_answered_in_time_is_a_504_and_ends_upstream() {
    run(async || {
        let at = ByHand::with("[upstream]\nresponse_timeout = \"5s\"");
        let client = at.client_sends(get("/a")).await;
        let (origin, _) = at.origin.request().await;
        let answer = client.message().await;
        assert_eq!(
            (answer.status(), &*answer.problem()),
            (504, "response-timeout")
        );
        assert!(origin.ended().is_some());
        client.send(get("/b")).await;
        at.origin.request().await.0.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn an_upstream_that_is_silent_for_max_work_is_reset_and_the_hold_is_over() {
    run(async || {
        let at = ByHand::with("[upstream]\nresponse_timeout = \"5s\"\n[guard]\nmax_work = \"20s\"");
        let began = Instant::now();
        let (client, origin) = at.write_at_work("/a").await;
        assert_eq!(client.message().await.status(), 504);
        origin.until_ended().await;
        assert_eq!(began.elapsed().as_secs(), 20);
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn an_upstream_that_falls_silent_in_its_response_is_reset_after_max_work() {
    run(async || {
        let at = ByHand::with("[guard]\nmax_work = \"20s\"");
        let (client, origin) = at.write_at_work("/a").await;
        pass(10.0).await;
        origin
            .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
            .await;
        let began = Instant::now();
        client.head().await;
        origin.until_ended().await;
        assert_eq!(began.elapsed().as_secs(), 20);
        assert!(client.read_to_end().await.0.len() < 9);
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn an_exchange_whose_bytes_flow_is_never_cut() {
    run(async || {
        let at = ByHand::with("[upstream]\nresponse_timeout = \"3s\"\n[guard]\nmax_work = \"2s\"");
        let (client, origin) = at.write_at_work("/a").await;
        origin
            .send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
            .await;
        for _ in 0..20 {
            pass(1.5).await;
            origin.send("x").await;
        }
        assert_eq!(client.message().await.body.len(), 20);
        assert!(at.table.is_empty());
        at.ends_empty().await;
    });
}

#[test]
fn max_work_counts_from_the_last_byte() {
    run(async || {
        let at = ByHand::with("[guard]\nmax_work = \"20s\"");
        let (client, origin) = at.write_at_work("/a").await;
        pass(10.0).await;
        origin
            .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
            .await;
        client.head().await;
        pass(10.0).await;
        origin.close();
        lull().await;
        pass(9.0).await;
        assert_eq!(at.another("/a").await, "outcome-unknown");
        pass(1.1).await;
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn max_work_of_nothing_lets_go_at_once_but_not_of_what_is_at_work() {
    run(async || {
        let at = ByHand::with("[guard]\nmax_work = \"0s\"");
        let (client, origin) = at.write_at_work("/a").await;
        pass(5.0).await;
        assert_eq!(at.another("/a").await, "write-in-flight");
        origin.reset();
        assert_eq!(client.message().await.status(), 502);
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

/// A write of 200,000 octets, of which 100,000 are sent, and the origin's side of it.
async fn half_sent(at: &ByHand) -> (Far, Far) {
    let client = at.client();
    let sender = client.clone();
    let half = "x".repeat(100_000);
    let sending = tokio::task::spawn_local(async move {
        let head = "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n";
        sender.send(format!("{head}{half}")).await;
    });
    let (origin, _) = at.origin.head().await;
    origin.read(100_000).await;
    sending.await.expect("it sends");
    (client, origin)
}

#[test]
fn an_answer_before_the_whole_body_was_read_ends_the_hold_only_when_both_directions_are_over() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = half_sent(&at).await;
        origin.respond("200 OK", "early").await;
        assert_eq!(client.message().await.body, b"early");
        assert_eq!(at.another("/a").await, "write-in-flight");
        let sender = client.clone();
        let sending =
            tokio::task::spawn_local(async move { sender.send("x".repeat(100_000)).await });
        origin.read(100_000).await;
        sending.await.expect("it sends");
        lull().await;
        assert!(at.table.is_empty(), "both directions are over");
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn a_client_that_stops_sending_after_an_early_answer_keeps_its_key_for_as_long_as_it_may_be_silent()
{
    run(async || {
        let at = ByHand::new();
        let (client, origin) = half_sent(&at).await;
        origin.respond("413 Content Too Large", "big").await;
        assert_eq!(client.message().await.body, b"big");
        pass(9.0).await;
        assert_eq!(at.another("/a").await, "write-in-flight");
        pass(1.1).await;
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn a_client_that_leaves_after_an_early_answer_ends_both_directions() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = half_sent(&at).await;
        origin.respond("413 Content Too Large", "big").await;
        assert_eq!(client.message().await.body, b"big");
        client.close();
        origin.until_ended().await;
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn an_upstream_that_refuses_a_body_half_way_and_closes_is_heard() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = half_sent(&at).await;
        origin
            .send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
            .await;
        origin.close();
        let sender = client.clone();
        tokio::task::spawn_local(async move { sender.send("x".repeat(100_000)).await });
        let answer = client.message().await;
        assert_eq!((answer.status(), &*answer.body), (413, &b"big"[..]));
        lull().await;
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn an_upstream_that_closes_its_ear_while_a_body_streams_is_still_heard() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = half_sent(&at).await;
        origin.die();
        client.send("more").await;
        lull().await;
        assert_eq!(client.unread(), 0, "it is read, and thrown away");
        origin.respond("503 Service Unavailable", "busy").await;
        origin.finish();
        assert_eq!(client.message().await.status(), 503);
        at.ends_empty().await;
    });
}
