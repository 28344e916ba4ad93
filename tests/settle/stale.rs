//! Upstream connections that are used again, and those that turn out to be stale.

use crate::support::by_hand::{ByHand, Dialing, get, lull, pass, put, run};
use crate::support::message::Message;
use crate::support::pipes::Far;

/// Makes an idle connection: a request that was answered with these fields.
async fn idle(at: &ByHand, fields: &str) -> Far {
    let client = at.client_sends(get("/first")).await;
    let (origin, _) = at.origin.request().await;
    origin
        .send(format!(
            "HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n"
        ))
        .await;
    assert_eq!(client.message().await.status(), 200);
    lull().await;
    origin
}

/// Sends a request and answers it wherever it comes; gives the number of connections that were made by then.
async fn connections_after(at: &ByHand, request: String) -> usize {
    let client = at.client_sends(request).await;
    let (origin, _) = at.origin.request().await;
    origin.respond("200 OK", "").await;
    assert_eq!(client.message().await.status(), 200);
    lull().await;
    at.origin.connections()
}

#[test]
fn an_idle_connection_is_used_again_until_its_idle_timeout() {
    run(async || {
        let at = ByHand::new();
        let first = idle(&at, "").await;
        pass(3.9).await;
        assert_eq!(connections_after(&at, put("/a")).await, 1);
        pass(4.1).await;
        assert_eq!(connections_after(&at, put("/a")).await, 2);
        assert!(first.ended().is_some(), "it is closed, too");
        at.ends_empty().await;
    });
}

#[test]
fn the_timeout_of_a_backend_wins_over_idle_timeout() {
    run(async || {
        let at = ByHand::new();
        idle(&at, "Keep-Alive: timeout=2\r\n").await;
        pass(0.9).await;
        assert_eq!(connections_after(&at, put("/a")).await, 1);
        at.ends_empty().await;

        let at = ByHand::new();
        idle(&at, "Keep-Alive: timeout=2\r\n").await;
        pass(1.1).await;
        assert_eq!(connections_after(&at, put("/a")).await, 2);
        at.ends_empty().await;

        let at = ByHand::new();
        idle(&at, "Keep-Alive: timeout=30\r\n").await;
        pass(25.0).await;
        assert_eq!(connections_after(&at, put("/a")).await, 1);
        at.ends_empty().await;
    });
}

#[test]
fn half_of_a_short_timeout_of_a_backend_is_trusted() {
    run(async || {
        for (waited, made) in [(0.4, 1), (0.6, 2)] {
            let at = ByHand::new();
            idle(&at, "Keep-Alive: timeout=1\r\n").await;
            pass(waited).await;
            assert_eq!(connections_after(&at, put("/a")).await, made);
            at.ends_empty().await;
        }
    });
}

#[test]
fn an_idle_connection_is_kept_for_an_hour_at_most_whatever_the_backend_says() {
    run(async || {
        for (waited, made) in [(3598.0, 1), (3600.0, 2)] {
            let at = ByHand::new();
            idle(&at, "Keep-Alive: timeout=86400\r\n").await;
            pass(waited).await;
            assert_eq!(connections_after(&at, put("/a")).await, made);
            at.ends_empty().await;
        }
    });
}

#[test]
fn of_many_idle_connections_512_are_kept_and_the_others_closed() {
    run(async || {
        let at = ByHand::new();
        let mut at_work = Vec::new();
        for number in 0..520 {
            let client = at.client_sends(get(&format!("/{number}"))).await;
            at_work.push((client, at.origin.request().await.0));
        }
        for (client, origin) in &at_work {
            origin.respond("200 OK", "").await;
            assert_eq!(client.message().await.status(), 200);
        }
        lull().await;
        let kept = at_work
            .iter()
            .filter(|(_, origin)| origin.ended().is_none());
        assert_eq!(kept.count(), 512);
        assert_eq!(connections_after(&at, put("/a")).await, 520);
        at.ends_empty().await;
    });
}

#[test]
fn a_connection_that_was_closed_while_idle_is_not_used() {
    run(async || {
        for end in [Far::close, Far::finish, Far::reset] {
            let at = ByHand::new();
            let stale = idle(&at, "").await;
            end(&stale);
            assert_eq!(connections_after(&at, put("/a")).await, 2);
            assert!(stale.peek().is_empty(), "it was written to");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_connection_whose_backend_says_close_is_not_used_again() {
    run(async || {
        let at = ByHand::new();
        idle(&at, "Connection: close\r\n").await;
        assert_eq!(connections_after(&at, put("/a")).await, 2);
        at.ends_empty().await;
    });
}

#[test]
fn the_most_recently_used_connection_is_taken_first() {
    run(async || {
        let at = ByHand::new();
        let (one, first) = at.write_at_work("/a").await;
        let (other, second) = at.write_at_work("/b").await;
        second.respond("200 OK", "").await;
        other.message().await;
        pass(1.0).await;
        first.respond("200 OK", "").await;
        one.message().await;
        let _third = at.client_sends(put("/c")).await;
        lull().await;
        assert!(second.peek().is_empty() && !first.peek().is_empty());
        let request = first.message().await;
        assert!(request.start.starts_with("PUT /c "));
        first.respond("200 OK", "").await;
        at.ends_empty().await;
    });
}

#[test]
fn a_write_is_sent_again_if_not_one_byte_of_it_was_written() {
    run(async || {
        let at = ByHand::new();
        idle(&at, "").await.die();
        let client = at.client_sends(put("/a")).await;
        let (origin, request) = at.origin.request().await;
        assert_eq!(at.origin.connections(), 2);
        assert_eq!(request.body, b"hi");
        assert_eq!(
            at.another("/a").await,
            "write-in-flight",
            "its claim is still good"
        );
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn a_write_of_which_nothing_could_be_sent_anywhere_ends_its_hold_at_once() {
    run(async || {
        let at = ByHand::new();
        idle(&at, "").await.die();
        at.origin.dialing(Dialing::Refused);
        let client = at.client_sends(put("/a")).await;
        assert_eq!(client.message().await.problem(), "upstream-unreachable");
        assert!(at.table.is_empty());
        at.ends_empty().await;
    });
}

/// Sends a request over a connection that was used before, which `breaks` once the request has come.
async fn breaks_when_reused(
    at: &ByHand,
    request: String,
    breaks: impl AsyncFnOnce(&Far),
) -> (Far, Far) {
    let reused = idle(at, "").await;
    let client = at.client_sends(request).await;
    let (origin, _) = at.origin.request().await;
    assert_eq!(at.origin.connections(), 1);
    breaks(&origin).await;
    lull().await;
    (client, reused)
}

#[test]
fn a_write_that_was_sent_is_never_sent_again() {
    run(async || {
        let delete = "DELETE /a HTTP/1.1\r\nHost: a\r\n\r\n".to_owned();
        for request in [put("/a"), delete] {
            let at = ByHand::new();
            let (client, _) = breaks_when_reused(&at, request, async |origin| origin.close()).await;
            assert_eq!(client.message().await.problem(), "upstream-broken");
            at.origin.hears_nothing().await;
            assert_eq!(at.origin.connections(), 1);
            assert_eq!(at.another("/a").await, "outcome-unknown");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_write_of_which_some_bytes_were_sent_is_never_sent_again() {
    run(async || {
        let at = ByHand::new();
        at.origin.capacity(1000);
        idle(&at, "").await;
        let long = "x".repeat(60_000);
        let request =
            format!("PUT /a HTTP/1.1\r\nHost: a\r\nX-Long: {long}\r\nContent-Length: 2\r\n\r\nhi");
        let client = at.client_sends(request).await;
        lull().await;
        let origin = at.origin.connection(0);
        assert_eq!(origin.peek().len(), 1000);
        origin.reset();
        assert_eq!(client.message().await.problem(), "upstream-broken");
        assert_eq!(at.origin.connections(), 1);
        origin.take(usize::MAX);
        assert_eq!(at.another("/a").await, "outcome-unknown");
        at.ends_empty().await;
    });
}

#[test]
fn a_safe_request_without_a_body_is_sent_again_while_nothing_of_its_response_has_come() {
    run(async || {
        let at = ByHand::new();
        let (client, _) = breaks_when_reused(&at, get("/a"), async |origin| origin.close()).await;
        let (origin, again): (_, Message) = at.origin.request().await;
        assert_eq!(at.origin.connections(), 2);
        assert_eq!(again.start, "GET /a HTTP/1.1");
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn a_safe_request_is_not_sent_again_once_its_response_has_begun() {
    run(async || {
        let at = ByHand::new();
        let broken = breaks_when_reused(&at, get("/a"), async |origin| {
            origin.send("HTTP/1.1 200 O").await;
            lull().await;
            origin.close();
        });
        let (client, _) = broken.await;
        assert_eq!(client.message().await.status(), 502);
        assert_eq!(at.origin.connections(), 1);
        at.ends_empty().await;
    });
}

#[test]
fn a_safe_request_is_not_sent_again_if_its_connection_was_new() {
    run(async || {
        let at = ByHand::new();
        let client = at.client_sends(get("/a")).await;
        let (origin, _) = at.origin.request().await;
        origin.close();
        assert_eq!(client.message().await.status(), 502);
        assert_eq!(at.origin.connections(), 1);
        at.ends_empty().await;
    });
}

#[test]
fn a_safe_request_with_a_body_is_not_sent_again() {
    run(async || {
        let at = ByHand::new();
        let search = put("/a").replace("PUT", "SEARCH");
        let (client, _) = breaks_when_reused(&at, search, async |origin| origin.close()).await;
        assert_eq!(client.message().await.status(), 502);
        assert_eq!(at.origin.connections(), 1);
        at.ends_empty().await;
    });
}

#[test]
fn bytes_after_a_response_are_never_taken_for_the_next_one() {
    run(async || {
        let forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
        for is_late in [false, true] {
            let at = ByHand::new();
            let (client, origin) = at.write_at_work("/a").await;
            let late = if is_late { "" } else { forged };
            origin
                .send(format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n{late}"
                ))
                .await;
            assert_eq!(client.message().await.status(), 200);
            lull().await;
            origin.send(if is_late { forged } else { "" }).await;
            let client = at.client_sends(put("/a")).await;
            let (again, _) = at.origin.request().await;
            assert_eq!(at.origin.connections(), 2);
            again.respond("200 OK", "true").await;
            assert_eq!(client.message().await.body, b"true");
            at.ends_empty().await;
        }
    });
}
