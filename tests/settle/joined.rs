//! The same write of the same client once more: who gets the response of the first, who does not, and that the backend works
//! once.

use std::time::Duration;

use crate::support::by_hand::{ByHand, Dialing, lull, pass, put, run};
use crate::support::message::Message;
use crate::support::pipes::{End, Far};
use crate::support::streams::{Served, Streams, request};

const JOIN: &str = "[guard]\non_duplicate = \"join\"\n";

/// How many may follow one.
const FOLLOWERS: usize = 16;

async fn again(at: &ByHand) -> Far {
    let client = at.client_sends(put("/a")).await;
    lull().await;
    client
}

/// The same request with a line more behind its first.
fn with(line: &str, request: &str) -> String {
    request.replacen("\r\n", &format!("\r\n{line}\r\n"), 1)
}

fn told(answer: &Message) -> (u16, String, Option<&str>) {
    (
        answer.status(),
        answer.problem(),
        answer.field("writegate-joined"),
    )
}

fn refused(problem: &str) -> (u16, String, Option<&str>) {
    (409, problem.to_owned(), None)
}

#[test]
fn a_double_click_gets_the_response_of_the_first_whole_and_the_backend_works_once() {
    run(async || {
        let at = ByHand::with(JOIN);
        let takes_trailers = with("Connection: te\r\nTE: trailers", &put("/a"));
        let first = at.client_sends(&takes_trailers).await;
        let (origin, _) = at.origin.request().await;
        let second = at.client_sends(&takes_trailers).await;
        at.origin.hears_nothing().await;
        let response = "HTTP/1.1 303 See Other\r\nLocation: /done\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
            Writegate-Hold: 0\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4\r\ndone\r\n0\r\nX-Sum: 7\r\n\r\n";
        origin.send(response).await;
        for (client, joined) in [(first, None), (second, Some("1"))] {
            let head = client.head().await;
            assert_eq!(
                (head.status(), head.field("writegate-joined")),
                (303, joined)
            );
            assert_eq!(head.field("location"), Some("/done"));
            assert_eq!(head.values("set-cookie"), ["a=1", "b=2"]);
            assert_eq!(head.field("writegate-hold"), None);
            let (content, trailers) = client.chunks().await;
            assert_eq!(content, b"done");
            assert_eq!(trailers, [("x-sum".to_owned(), "7".to_owned())]);
        }
        at.origin.hears_nothing().await;
        at.ends_empty().await;
    });
}

#[test]
fn the_second_gets_the_response_though_the_client_of_the_first_has_left() {
    run(async || {
        let ways: [fn(&Far); 3] = [Far::reset, Far::close, Far::finish];
        for leave in ways {
            let at = ByHand::with(JOIN);
            let (first, origin) = at.write_at_work("/a").await;
            leave(&first);
            lull().await;
            let second = again(&at).await;
            pass(2.0).await;
            origin.respond("201 Created", "done").await;
            let answer = second.message().await;
            assert_eq!((answer.status(), &*answer.body), (201, &b"done"[..]));
            at.origin.hears_nothing().await;
            at.ends_empty().await;
        }
    });
}

#[test]
fn nobody_gets_the_response_of_another_or_to_another_request() {
    run(async || {
        let at = ByHand::with(JOIN);
        let (first, origin) = at.write_at_work("/a").await;
        let plain = put("/a");
        let fields = [
            "Authorization: Basic YTpi",
            "Proxy-Authorization: Basic YTpi",
            "Cookie: session=2",
            "X-Api-Key: 2",
            "X-Auth-Token: 2",
            "X-Forwarded-For: 198.51.100.9",
            "X-Forwarded-User: b",
            "Idempotency-Key: 2",
            "Writegate-Hold: 0",
            "If-Match: \"2\"",
            "Range: bytes=0-1",
            "Content-Type: text/plain",
            "Content-Encoding: gzip",
            "Accept: application/json",
        ];
        let others = [
            plain.replacen("PUT", "PATCH", 1),
            plain.replacen("PUT", "DELETE", 1),
            plain.replacen("/a ", "/a? ", 1),
            plain.replacen("/a ", "/a?b ", 1),
            plain.replacen("/a ", "/%61 ", 1),
            plain.replacen("/a ", "/a/ ", 1),
            plain.replacen("a.example", "b.example", 1),
            plain.replacen("hi", "ho", 1),
        ];
        let fields = fields.map(|field| with(field, &plain));
        for other in fields.iter().chain(&others) {
            let answer = at.client_sends(other).await.message().await;
            assert_eq!(told(&answer), refused("write-in-flight"), "{other}");
        }
        let chunked = "Transfer-Encoding: chunked\r\nTraceparent: 00-1-1-01\r\nX-Request-Id: 2";
        let same = plain.replacen("Content-Length: 2", chunked, 1);
        let same = same.replacen("hi", "2\r\nhi\r\n0\r\n\r\n", 1);
        let same = at.client_sends(same).await;
        lull().await;
        origin.respond("200 OK", "").await;
        assert_eq!(first.message().await.status(), 200);
        assert_eq!(same.message().await.field("writegate-joined"), Some("1"));
        at.ends_empty().await;
    });
}

#[test]
fn two_increments_may_both_be_meant_unless_the_route_says_otherwise() {
    run(async || {
        let at = ByHand::with("[[route]]\npath = \"/b\"\non_duplicate = \"join\"\n");
        let (_first, origin) = at.write_at_work("/a").await;
        assert_eq!(at.another("/a").await, "write-in-flight");
        origin.respond("200 OK", "").await;
        let (_first, origin) = at.write_at_work("/b").await;
        let second = at.client_sends(put("/b")).await;
        lull().await;
        origin.respond("200 OK", "").await;
        assert_eq!(second.message().await.field("writegate-joined"), Some("1"));
        at.ends_empty().await;
    });
}

#[test]
fn what_comes_once_the_first_has_its_response_is_done_once_more() {
    run(async || {
        let at = ByHand::with(JOIN);
        for body in ["1", "2", "3"] {
            // One after the other over one connection, each as soon as the last byte of the response is there.
            let (client, origin) = at.write_at_work("/a").await;
            origin
                .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n0\r\n")
                .await;
            let _head = client.head().await;
            let second = again(&at).await;
            origin.send(format!("1\r\n{body}\r\n0\r\n\r\n")).await;
            assert_eq!(client.chunks().await.0, format!("0{body}").as_bytes());
            assert_eq!(second.message().await.body, format!("0{body}").as_bytes());
        }
        at.ends_empty().await;
    });
}

#[test]
fn a_response_that_is_still_coming_is_shared_from_its_beginning() {
    run(async || {
        let at = ByHand::with(JOIN);
        let (first, origin) = at.write_at_work("/a").await;
        // More than is kept of what is not charged for.
        let half = "x".repeat(5000);
        origin
            .send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n{half}"
            ))
            .await;
        let _head = first.head().await;
        assert_eq!(first.read(5000).await, half.as_bytes());
        let second = again(&at).await;
        origin.send(&half).await;
        let answer = second.message().await;
        assert_eq!(answer.body, [&*half, &*half].concat().as_bytes());
        assert_eq!(answer.field("writegate-joined"), Some("1"));
        at.ends_empty().await;
    });
}

#[test]
fn a_response_that_is_larger_than_is_kept_is_not_shared() {
    run(async || {
        let told_before = "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n";
        let found_out = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
            32\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n33\r\n";
        for begin in [told_before, found_out] {
            let at = ByHand::with(&format!("[server]\nresponse_buffer = 100\n{JOIN}"));
            let (first, origin) = at.write_at_work("/a").await;
            let second = again(&at).await;
            let since = tokio::time::Instant::now();
            origin.send(begin).await;
            if begin == found_out {
                origin.send("x".repeat(51)).await;
            }
            let answer = second.message().await;
            assert_eq!(told(&answer), refused("write-in-flight"));
            assert!(since.elapsed() < Duration::from_secs(1));
            let text = String::from_utf8(answer.body).expect("text");
            assert!(text.contains("whose response it cannot share"), "{text}");
            // It was not forgotten meanwhile that the first is at work.
            assert_eq!(
                told(&again(&at).await.message().await),
                refused("write-in-flight")
            );
            let rest = if begin == found_out {
                "\r\n0\r\n\r\n".to_owned()
            } else {
                "x".repeat(101)
            };
            origin.send(rest).await;
            assert_eq!(first.message().await.body.len(), 101);
            at.origin.hears_nothing().await;
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_response_for_which_there_is_no_room_is_not_shared() {
    run(async || {
        let short = "[server]\nbuffers = \"8KiB\"\nrequest_buffer = \"1KiB\"\n";
        let at = ByHand::with(&format!("{short}{JOIN}"));
        let (first, origin) = at.write_at_work("/a").await;
        let second = again(&at).await;
        origin.respond("200 OK", &"x".repeat(20_000)).await;
        assert_eq!(told(&second.message().await), refused("write-in-flight"));
        assert_eq!(first.message().await.body.len(), 20_000);
        at.ends_empty().await;
    });
}

#[test]
fn of_a_write_whose_outcome_is_unknown_the_second_is_told_so() {
    run(async || {
        let at = ByHand::with(&format!(
            "{JOIN}max_work = \"20s\"\non_conflict = {{ wait = \"2s\" }}\n"
        ));
        let (first, origin) = at.write_at_work("/a").await;
        let second = again(&at).await;
        origin.reset();
        assert_eq!(first.message().await.status(), 502);
        let answer = second.message().await;
        assert_eq!(told(&answer), refused("outcome-unknown"));
        let seconds: f64 = answer
            .field("retry-after")
            .expect("it has one")
            .parse()
            .expect("a number");
        assert!(seconds >= 19.0, "{seconds}");
        at.origin.hears_nothing().await;
        at.ends_empty().await;
    });
}

#[test]
fn what_was_never_sent_is_sent_for_the_second() {
    run(async || {
        let at = ByHand::with(JOIN);
        at.origin.dialing(Dialing::Pending);
        let first = at.client_sends(put("/a")).await;
        lull().await;
        let second = again(&at).await;
        let third = again(&at).await;
        first.reset();
        lull().await;
        at.origin.dialing(Dialing::Taken);
        let (origin, _) = at.origin.request().await;
        at.origin.hears_nothing().await;
        origin.respond("200 OK", "done").await;
        let mut joined = Vec::new();
        for client in [second, third] {
            let answer = client.message().await;
            assert_eq!(answer.body, b"done");
            joined.push(answer.field("writegate-joined").is_some());
        }
        joined.sort_unstable();
        assert_eq!(
            joined,
            [false, true],
            "the one was sent, and the other follows it"
        );
        at.ends_empty().await;
    });
}

#[test]
fn no_connection_is_told_to_each_for_itself() {
    run(async || {
        let at = ByHand::with(JOIN);
        at.origin.dialing(Dialing::Pending);
        let first = at.client_sends(put("/a")).await;
        lull().await;
        let second = again(&at).await;
        at.origin.dialing(Dialing::Refused);
        for client in [first, second] {
            assert_eq!(client.message().await.status(), 502);
        }
        at.ends_empty().await;
    });
}

#[test]
fn a_retry_that_another_worker_gets_joins_too() {
    run(async || {
        let at = ByHand::with(JOIN);
        let (first, origin) = at.write_at_work("/a").await;
        let second = at.client_elsewhere();
        second.send(put("/a")).await;
        lull().await;
        origin.respond("200 OK", "done").await;
        assert_eq!(first.message().await.body, b"done");
        let answer = second.message().await;
        assert_eq!(
            (answer.field("writegate-joined"), &*answer.body),
            (Some("1"), &b"done"[..])
        );
        at.origin.hears_nothing().await;
        at.ends_empty().await;
    });
}

#[test]
fn streams_of_http_2_join_and_one_that_is_cancelled_leaves() {
    run(async || {
        let at = ByHand::with(&format!("[upstream]\nprotocol = \"h2c\"\n{JOIN}"));
        let mut client = Streams::over(at.client()).await;
        let first = client.send("PUT", "/a", "hi").await;
        let origin = Served::by(&at.origin, 0).await;
        let mut asked = origin.request().await;
        asked.content().await.expect("whole");
        let second = client.send("PUT", "/a", "hi").await;
        let gone = client.send("PUT", "/a", "hi").await;
        lull().await;
        first.cancel();
        gone.cancel();
        lull().await;
        let other = client.begin(request("PUT", "/a"), true).await;
        assert_eq!(
            other.answer().await.expect("an answer").problem(),
            "write-in-flight"
        );
        origin.hears_nothing();
        asked.answer(200, "done");
        let answer = second.answer().await.expect("an answer");
        assert_eq!(
            (
                answer.fields["writegate-joined"].as_bytes(),
                &*answer.content
            ),
            (&b"1"[..], &b"done"[..])
        );
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn as_many_follow_as_may_and_one_that_leaves_makes_room() {
    run(async || {
        let at = ByHand::with(JOIN);
        let (_first, origin) = at.write_at_work("/a").await;
        let mut clients = Vec::new();
        for _ in 0..FOLLOWERS {
            clients.push(again(&at).await);
        }
        assert_eq!(
            told(&again(&at).await.message().await),
            refused("queue-full")
        );
        let ways: [fn(&Far); 3] = [Far::reset, Far::close, Far::finish];
        for leave in ways {
            leave(&clients.remove(0));
            lull().await;
            clients.push(again(&at).await);
        }
        origin.respond("200 OK", "done").await;
        for client in clients {
            assert_eq!(client.message().await.field("writegate-joined"), Some("1"));
        }
        at.origin.hears_nothing().await;
        at.ends_empty().await;
    });
}

#[test]
fn a_write_that_waits_for_its_turn_is_joined_in_the_queue() {
    run(async || {
        let at = ByHand::with(&format!("{JOIN}on_conflict = {{ wait = \"5s\" }}\n"));
        let other = at.client_sends(with("Cookie: b", &put("/a"))).await;
        let (origin, _) = at.origin.request().await;
        let first = again(&at).await;
        let second = again(&at).await;
        assert_eq!(at.table.len(), 2, "it is in no queue itself");
        pass(1.0).await;
        origin.respond("200 OK", "").await;
        assert_eq!(other.message().await.status(), 200);
        let (origin, _) = at.origin.request().await;
        origin.respond("200 OK", "done").await;
        assert_eq!(first.message().await.body, b"done");
        let answer = second.message().await;
        assert_eq!(answer.field("writegate-joined"), Some("1"));
        assert_eq!(answer.field("writegate-waited"), None);
        at.origin.hears_nothing().await;
        at.ends_empty().await;
    });
}

#[test]
fn nobody_follows_for_longer_than_a_silent_upstream_is_waited_for() {
    run(async || {
        let at = ByHand::with(&format!("[upstream]\nresponse_timeout = \"3s\"\n{JOIN}"));
        let (first, origin) = at.write_at_work("/a").await;
        pass(1.0).await;
        let since = tokio::time::Instant::now();
        let second = again(&at).await;
        assert_eq!(first.message().await.status(), 504);
        let answer = second.message().await;
        assert_eq!(told(&answer), refused("write-in-flight"));
        assert!((Duration::from_secs(3)..Duration::from_millis(3100)).contains(&since.elapsed()));
        let third = again(&at).await;
        origin.respond("200 OK", "late").await;
        assert_eq!(third.message().await.body, b"late");
        at.ends_empty().await;
    });
}

#[test]
fn what_does_not_come_in_one_piece_or_asks_first_joins_as_well() {
    run(async || {
        let at = ByHand::with(JOIN);
        let (_first, origin) = at.write_at_work("/a").await;
        let whole = put("/a");
        let (begin, end) = whole.split_at(whole.len() - 1);
        let second = at.client_sends(begin).await;
        lull().await;
        let asks = with("Expect: 100-continue", &whole[..whole.len() - 2]);
        let third = at.client_sends(asks).await;
        lull().await;
        assert_eq!(third.head().await.status(), 100);
        third.send("hi").await;
        second.send(end).await;
        lull().await;
        // One that is not read whole is told at once.
        let large = whole.replacen("Content-Length: 2", "Content-Length: 70000", 1);
        let large = at.client_sends(large).await.message().await;
        assert_eq!(told(&large), refused("write-in-flight"));
        origin.respond("200 OK", "done").await;
        for client in [second, third] {
            assert_eq!(client.message().await.body, b"done");
        }
        at.ends_empty().await;
    });
}

#[test]
fn what_a_backend_calls_back_joins_nothing() {
    run(async || {
        let at = ByHand::with(JOIN);
        let outer = at.client_sends(put("/a")).await;
        let (origin, request) = at.origin.request().await;
        let hold = request.field("writegate-hold").expect("it has one");
        let nested = with(&format!("Writegate-Hold: {hold}"), &put("/a"));
        let first = at.client_sends(&nested).await;
        let (inner, _) = at.origin.request().await;
        let second = at.client_sends(&nested).await;
        let (innermost, _) = at.origin.request().await;
        for (origin, client) in [(innermost, second), (inner, first), (origin, outer)] {
            origin.respond("200 OK", "").await;
            assert_eq!(client.message().await.field("writegate-joined"), None);
        }
        at.ends_empty().await;
    });
}

#[test]
fn whoever_follows_is_answered_though_the_gateway_is_to_stop() {
    run(async || {
        let at = ByHand::with(JOIN);
        let (first, origin) = at.write_at_work("/a").await;
        let second = again(&at).await;
        first.reset();
        at.drain();
        pass(1.0).await;
        origin.respond("200 OK", "done").await;
        assert_eq!(second.message().await.body, b"done");
        assert_eq!(second.until_ended().await, End::Fin);
        at.ends_empty().await;
    });
}

#[test]
fn what_goes_to_another_connection_since_the_first_took_nothing_takes_the_others_with_it() {
    run(async || {
        let at = ByHand::with(JOIN);
        let (idle, origin) = at.write_at_work("/b").await;
        origin.respond("200 OK", "").await;
        assert_eq!(idle.message().await.status(), 200);
        lull().await;
        origin.die();
        let (first, origin) = at.write_at_work("/a").await;
        assert_eq!(at.origin.connections(), 2);
        let second = again(&at).await;
        origin.respond("200 OK", "done").await;
        for client in [first, second] {
            assert_eq!(client.message().await.body, b"done");
        }
        at.origin.hears_nothing().await;
        at.ends_empty().await;
    });
}

#[test]
fn what_could_not_be_sent_over_any_connection_is_told_to_each_for_itself() {
    run(async || {
        let at = ByHand::with(JOIN);
        let (idle, origin) = at.write_at_work("/b").await;
        origin.respond("200 OK", "").await;
        assert_eq!(idle.message().await.status(), 200);
        lull().await;
        origin.die();
        at.origin.dialing(Dialing::Pending);
        let first = again(&at).await;
        let second = again(&at).await;
        at.origin.dialing(Dialing::Refused);
        for client in [first, second] {
            assert_eq!(client.message().await.problem(), "upstream-unreachable");
        }
        at.ends_empty().await;
    });
}

#[test]
fn a_response_that_comes_before_the_request_is_over_is_shared() {
    run(async || {
        let at = ByHand::with(JOIN);
        at.origin.capacity(20);
        let first = at.client_sends(put("/a")).await;
        lull().await;
        let second = again(&at).await;
        let origin = at.origin.connection(0);
        origin.respond("200 OK", "early").await;
        for client in [first, second] {
            assert_eq!(client.message().await.body, b"early");
        }
        at.ends_empty().await;
    });
}

#[test]
fn a_response_that_is_over_while_the_request_still_goes_out_is_shared_at_once() {
    run(async || {
        let more = "[server]\nrequest_buffer = \"128KiB\"\n[upstream]\nprotocol = \"h2c\"\n";
        let at = ByHand::with(&format!("{more}{JOIN}"));
        // More than the window of a stream, so that it waits until the origin reads.
        let body = "x".repeat(100_000);
        let large = put("/a").replacen("Content-Length: 2\r\n\r\nhi", "", 1);
        let large = format!("{large}Content-Length: {}\r\n\r\n{body}", body.len());
        let first = at.client_sends(&large).await;
        let origin = Served::by(&at.origin, 0).await;
        let mut asked = origin.request().await;
        let second = at.client_sends(&large).await;
        lull().await;
        let since = tokio::time::Instant::now();
        asked.answer(200, "early");
        for (client, joined) in [(first, None), (second, Some("1"))] {
            let answer = client.message().await;
            let told = (answer.field("writegate-joined"), &*answer.body);
            assert_eq!(told, (joined, &b"early"[..]));
        }
        assert!(since.elapsed() < Duration::from_secs(1));
        assert_eq!(at.table.len(), 1, "the request is not over");
        assert_eq!(asked.content().await.expect("whole").0.len(), body.len());
        origin.hears_nothing();
        at.ends_empty().await;
    });
}

#[test]
fn what_is_only_observed_joins_nothing() {
    run(async || {
        let at = ByHand::with(JOIN);
        // One without a body is here whole, guarded or not.
        let post = "POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n";
        let mut origins = Vec::new();
        let clients = [at.client_sends(post).await, at.client_sends(post).await];
        for _ in &clients {
            origins.push(at.origin.request().await.0);
        }
        for origin in origins {
            origin.respond("200 OK", "").await;
        }
        for client in clients {
            assert_eq!(client.message().await.field("writegate-joined"), None);
        }
        at.ends_empty().await;
    });
}

#[test]
fn neither_what_is_not_read_whole_nor_what_may_become_a_tunnel_joins() {
    run(async || {
        let at = ByHand::with("[[route]]\npath = \"/a\"\nkey = \"a\"\non_duplicate = \"join\"\n");
        let head = put("/a").replacen("Content-Length: 2", "Transfer-Encoding: chunked", 1);
        let head = head.replacen("hi", "", 1);
        let large = format!("{head}{:x}\r\n{}\r\n", 70_000, "x".repeat(70_000));
        let asks = with("Connection: upgrade\r\nUpgrade: chat", &put("/a"));
        for request in [large, asks] {
            let first = at.client();
            first.send(&request).await;
            let (origin, _) = at.origin.head().await;
            let second = at.client_sends(&request).await.message().await;
            assert_eq!(told(&second), refused("write-in-flight"));
            if request.contains("chunked") {
                first.send("0\r\n\r\n").await;
                assert_eq!(origin.chunks().await.0.len(), 70_000);
            } else {
                assert_eq!(origin.read(2).await, b"hi");
            }
            origin.respond("200 OK", "").await;
            assert_eq!(first.message().await.status(), 200);
            first.close();
            lull().await;
        }
        at.ends_empty().await;
    });
}

#[test]
fn where_two_routes_may_be_meant_both_have_to_say_so() {
    run(async || {
        let at = ByHand::with(
            "[guard]\npost = \"guard\"\n[[route]]\npath = \"/a\"\nmethods = [\"PUT\"]\non_duplicate = \"join\"\n",
        );
        let post = put("/a").replacen("PUT", "POST", 1);
        let either = with("X-HTTP-Method-Override: PUT", &post);
        let _first = at.client_sends(&either).await;
        let (origin, _) = at.origin.request().await;
        let second = at.client_sends(&either).await.message().await;
        assert_eq!(told(&second), refused("write-in-flight"));
        origin.respond("200 OK", "").await;
        at.ends_empty().await;
    });
}
