//! Exchanges over HTTP/2 with an origin: when a request was not sent, when its outcome is unknown, and when both directions
//! are over.

use bytes::Bytes;
use h2::Reason;
use http::{HeaderMap, Response};

use crate::support::by_hand::{ByHand, get, lull, much_to_do, pass, put, run};
use crate::support::pipes::Far;
use crate::support::streams::{Served, Streams, request};

const H2C: &str = "[upstream]\nprotocol = \"h2c\"";

#[test]
fn requests_share_a_connection_and_come_as_they_were_sent() {
    run(async || {
        let at = ByHand::with(H2C);
        let one = at.client_sends(put("/a?b=%20c")).await;
        let origin = Served::by(&at.origin, 0).await;
        let mut first = origin.request().await;
        let other = at.client_sends(get("/b")).await;
        let mut second = origin.request().await;
        assert_eq!(at.origin.connections(), 1);
        assert_eq!(first.head.method, "PUT");
        assert_eq!(first.head.uri, "http://a.example/a?b=%20c");
        assert_eq!(first.head.headers.get("host"), None);
        assert_eq!(first.head.headers["content-length"], "2");
        assert_eq!(first.content().await.expect("a body").0, b"hi");
        assert_eq!(second.head.method, "GET");
        assert!(second.body.is_end_stream(), "a body where there is none");
        second.answer(200, "b");
        first.answer(201, "a");
        assert_eq!(other.message().await.body, b"b");
        assert_eq!(one.message().await.status(), 201);
        assert!(at.table.is_empty());
        at.ends_empty().await;
    });
}

#[test]
fn many_requests_at_once_make_one_connection() {
    run(async || {
        let at = ByHand::with(H2C);
        let mut clients = Vec::new();
        for number in 0..20 {
            clients.push(at.client_sends(put(&format!("/{number}"))).await);
        }
        let origin = Served::by(&at.origin, 0).await;
        for _ in 0..20 {
            origin.request().await.answer(200, "");
        }
        for client in clients {
            assert_eq!(client.message().await.status(), 200);
        }
        assert_eq!(at.origin.connections(), 1);
        at.ends_empty().await;
    });
}

#[test]
fn a_write_that_the_origin_has_refused_to_look_at_is_sent_again_under_the_same_hold() {
    run(async || {
        let at = ByHand::with(H2C);
        let first = at.client_sends(get("/")).await;
        let origin = Served::by(&at.origin, 0).await;
        origin.request().await.answer(200, "");
        first.message().await;
        let client = at.client_sends(put("/a")).await;
        let mut refused = origin.request().await;
        refused.respond.send_reset(Reason::REFUSED_STREAM);
        let mut again = origin.request().await;
        assert_eq!(again.content().await.expect("a body").0, b"hi");
        assert_eq!(at.table.len(), 1);
        again.answer(200, "done");
        assert_eq!(client.message().await.body, b"done");
        at.ends_empty().await;
    });
}

#[test]
fn a_write_beyond_a_goaway_is_sent_again_over_another_connection() {
    run(async || {
        let at = ByHand::with(H2C);
        let first = at.client_sends(get("/")).await;
        let origin = Served::by(&at.origin, 0).await;
        origin.request().await.answer(200, "");
        first.message().await;
        let client = at.client_sends(put("/a")).await;
        let _ignored = origin.request().await;
        // A GOAWAY with the first stream for the last.
        let goaway = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        origin.far.send(goaway).await;
        let other = Served::by(&at.origin, 1).await;
        let mut again = other.request().await;
        again.answer(200, "done");
        assert_eq!(client.message().await.body, b"done");
        at.ends_empty().await;
    });
}

#[test]
fn a_write_whose_stream_is_reset_after_it_was_sent_has_an_unknown_outcome() {
    run(async || {
        let at = ByHand::with(H2C);
        let client = at.client_sends(put("/a")).await;
        let origin = Served::by(&at.origin, 0).await;
        let neighbour = at.client_sends(put("/b")).await;
        let mut asked = [origin.request().await, origin.request().await];
        asked.sort_by_key(|asked| asked.head.uri.path().to_owned());
        let [mut a, mut b] = asked;
        a.respond.send_reset(Reason::INTERNAL_ERROR);
        let answer = client.message().await;
        assert_eq!(
            (answer.status(), answer.problem().as_str()),
            (502, "upstream-broken")
        );
        let refused = at.client_sends(put("/a")).await;
        assert_eq!(refused.message().await.problem(), "outcome-unknown");
        b.answer(200, "b");
        assert_eq!(neighbour.message().await.body, b"b");
        at.ends_empty().await;
    });
}

#[test]
fn a_connection_that_breaks_leaves_every_write_on_it_unknown() {
    run(async || {
        let at = ByHand::with(H2C);
        let one = at.client_sends(put("/a")).await;
        let origin = Served::by(&at.origin, 0).await;
        let two = at.client_sends(put("/b")).await;
        let _asked = [origin.request().await, origin.request().await];
        origin.far.reset();
        for client in [one, two] {
            assert_eq!(client.message().await.problem(), "upstream-broken");
        }
        for path in ["/a", "/b"] {
            let refused = at.client_sends(put(path)).await;
            assert_eq!(refused.message().await.problem(), "outcome-unknown");
        }
        at.ends_empty().await;
    });
}

#[test]
fn an_origin_that_ends_in_error_leaves_its_writes_unknown() {
    run(async || {
        let at = ByHand::with(H2C);
        let client = at.client_sends(put("/a")).await;
        let origin = Served::by(&at.origin, 0).await;
        let asked = origin.request().await;
        origin.break_off(Reason::INTERNAL_ERROR);
        drop(asked);
        assert_eq!(client.message().await.problem(), "upstream-broken");
        let refused = at.client_sends(put("/a")).await;
        assert_eq!(refused.message().await.problem(), "outcome-unknown");
        at.ends_empty().await;
    });
}

#[test]
fn what_is_at_work_when_the_origin_goes_away_ends_as_usual() {
    run(async || {
        let at = ByHand::with(H2C);
        let client = at.client_sends(put("/a")).await;
        let origin = Served::by(&at.origin, 0).await;
        let mut asked = origin.request().await;
        origin.go_away();
        // Something has to come for the origin to act on it.
        let next = at.client_sends(get("/b")).await;
        lull().await;
        asked.answer(200, "done");
        assert_eq!(client.message().await.body, b"done");
        assert!(at.table.is_empty());
        if at.origin.connections() > 1 {
            Served::by(&at.origin, 1)
                .await
                .request()
                .await
                .answer(200, "");
        } else {
            origin.request().await.answer(200, "");
        }
        assert_eq!(next.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn a_write_whose_client_leaves_goes_on_over_its_stream() {
    run(async || {
        let at = ByHand::with(H2C);
        let client = at.client_sends(put("/a")).await;
        let origin = Served::by(&at.origin, 0).await;
        let mut asked = origin.request().await;
        client.reset();
        lull().await;
        let refused = at.client_sends(put("/a")).await;
        assert_eq!(refused.message().await.problem(), "write-in-flight");
        asked.answer(200, "");
        lull().await;
        assert!(at.table.is_empty());
        at.ends_empty().await;
    });
}

#[test]
fn a_body_that_breaks_off_resets_its_stream_and_never_ends_it() {
    run(async || {
        let at = ByHand::with(&format!("[server]\nrequest_buffer = 16\n{H2C}"));
        let head = "PUT /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100\r\n\r\n";
        let client = at.client_sends(format!("{head}{}", "x".repeat(50))).await;
        let origin = Served::by(&at.origin, 0).await;
        let mut asked = origin.request().await;
        lull().await;
        client.reset();
        let error = asked.content().await.expect_err("it seems whole");
        assert_eq!(error.reason(), Some(Reason::CANCEL));
        let refused = at.client_sends(put("/a")).await;
        assert_eq!(refused.message().await.problem(), "outcome-unknown");
        at.ends_empty().await;
    });
}

#[test]
fn after_an_early_answer_the_hold_ends_when_both_directions_are_over() {
    run(async || {
        let at = ByHand::with(&format!("[server]\nrequest_buffer = 16\n{H2C}"));
        let head = "PUT /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100\r\n\r\n";
        let client = at.client_sends(format!("{head}{}", "x".repeat(50))).await;
        let origin = Served::by(&at.origin, 0).await;
        let mut asked = origin.request().await;
        asked.answer(200, "early");
        assert_eq!(client.message().await.body, b"early");
        assert_eq!(at.table.len(), 1, "the origin may still be reading");
        client.send("x".repeat(50)).await;
        assert_eq!(asked.content().await.expect("a body").0.len(), 100);
        lull().await;
        assert!(at.table.is_empty());
        at.ends_empty().await;
    });
}

#[test]
fn a_response_that_breaks_off_is_cut_and_its_outcome_is_unknown() {
    run(async || {
        let at = ByHand::with(H2C);
        let client = at.client_sends(put("/a")).await;
        let origin = Served::by(&at.origin, 0).await;
        let mut asked = origin.request().await;
        let mut body = asked.begin(200, false);
        body.send_data(Bytes::from_static(b"part"), false)
            .expect("sent");
        lull().await;
        body.send_reset(Reason::INTERNAL_ERROR);
        let (read, end) = client.read_to_end().await;
        assert!(!read.ends_with(b"0\r\n\r\n"), "it seems whole: {end:?}");
        let refused = at.client_sends(put("/a")).await;
        assert_eq!(refused.message().await.problem(), "outcome-unknown");
        at.ends_empty().await;
    });
}

#[test]
fn a_response_with_a_field_behind_it_that_cannot_come_there_is_no_response() {
    run(async || {
        let at = ByHand::with(H2C);
        let client = at.client_sends(get("/a")).await;
        let origin = Served::by(&at.origin, 0).await;
        let mut asked = origin.request().await;
        let mut response = asked.begin(200, false);
        let mut trailers = HeaderMap::new();
        trailers.insert("content-length", "7".parse().expect("a value"));
        response.send_trailers(trailers).expect("sent");
        let answer = client.message().await;
        assert_eq!(
            (answer.status(), &*answer.problem()),
            (502, "upstream-invalid")
        );
        at.ends_empty().await;
    });
}

#[test]
fn a_call_streams_both_ways_with_its_trailers() {
    run(async || {
        let at = ByHand::with(H2C);
        let mut client = Streams::over(at.client()).await;
        let mut call = request("POST", "/pkg.Service/Method");
        call.headers_mut()
            .insert("content-type", "application/grpc".parse().expect("a value"));
        call.headers_mut()
            .insert("te", "trailers".parse().expect("a value"));
        let mut stream = client.begin(call, false).await;
        let origin = Served::by(&at.origin, 0).await;
        let mut asked = origin.request().await;
        assert_eq!(asked.head.headers["te"], "trailers");
        assert_eq!(asked.head.headers.get("connection"), None);
        let mut response = asked.begin(200, false);
        for message in ["one", "two"] {
            stream
                .body
                .send_data(Bytes::from_static(message.as_bytes()), false)
                .expect("sent");
            lull().await;
            let got = asked.body.data().await.expect("data").expect("data");
            assert_eq!(got, message);
            response.send_data(got, false).expect("sent");
            lull().await;
        }
        stream.body.send_data(Bytes::new(), true).expect("sent");
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().expect("a value"));
        response.send_trailers(trailers).expect("sent");
        let answer = stream.answer().await.expect("an answer");
        assert_eq!(answer.content, b"onetwo");
        assert_eq!(answer.trailers.expect("trailers")["grpc-status"], "0");
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn informational_responses_without_end_are_no_response() {
    run(async || {
        let at = ByHand::with(H2C);
        let client = at.client_sends(put("/a")).await;
        let origin = Served::by(&at.origin, 0).await;
        let _asked = origin.request().await;
        // 103, written out, on the first stream.
        let early = [
            0, 0, 13, 1, 4, 0, 0, 0, 1, 0, 7, b':', b's', b't', b'a', b't', b'u', b's', 3, b'1',
            b'0', b'3',
        ];
        origin.far.send(early.repeat(1001)).await;
        let answer = loop {
            let head = client.head().await;
            if head.status() != 103 {
                break head;
            }
        };
        let told = answer.field("proxy-status").unwrap_or_default();
        assert!(
            answer.status() == 502 && told.contains("upstream-invalid"),
            "{told}"
        );
        assert_eq!(at.another("/a").await, "outcome-unknown");
        at.ends_empty().await;
    });
}

#[test]
fn informational_responses_pass_to_clients_of_both_versions() {
    run(async || {
        let at = ByHand::with(H2C);
        let old = at.client_sends(get("/a")).await;
        let origin = Served::by(&at.origin, 0).await;
        let hints = || {
            Response::builder()
                .status(103)
                .header("link", "</a.css>")
                .body(())
                .expect("a head")
        };
        let mut asked = origin.request().await;
        asked.respond.send_informational(hints()).expect("sent");
        let interim = old.head().await;
        assert_eq!(
            (interim.status(), interim.field("link")),
            (103, Some("</a.css>"))
        );
        asked.answer(200, "");
        assert_eq!(old.message().await.status(), 200);
        let mut new = Streams::over(at.client()).await;
        let mut stream = new.send("GET", "/a", "").await;
        let mut asked = origin.request().await;
        asked.respond.send_informational(hints()).expect("sent");
        let interim = std::future::poll_fn(|cx| stream.response.poll_informational(cx)).await;
        let interim = interim.expect("one").expect("one");
        assert_eq!(interim.status(), 103);
        assert_eq!(interim.headers()["link"], "</a.css>");
        asked.answer(200, "");
        assert_eq!(stream.answer().await.expect("an answer").status, 200);
        new.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn an_idle_connection_is_let_go_in_time() {
    run(async || {
        let at = ByHand::with(H2C);
        let client = at.client_sends(get("/")).await;
        let origin = Served::by(&at.origin, 0).await;
        origin.request().await.answer(200, "");
        client.message().await;
        pass(10.0).await;
        assert!(origin.far.ended().is_some(), "it is kept");
        origin.hears_nothing();
        at.ends_empty().await;
    });
}

#[test]
fn a_connection_over_which_nothing_comes_is_not_trusted_with_the_next_request() {
    run(async || {
        let at = ByHand::with(&format!("{H2C}\nresponse_timeout = \"5s\""));
        let client = at.client_sends(get("/a")).await;
        let origin = Served::by(&at.origin, 0).await;
        let _asked = origin.request().await;
        // As behind a firewall that has forgotten the connection.
        origin.far.die();
        assert_eq!(client.message().await.problem(), "response-timeout");
        let next = at.client_sends(get("/b")).await;
        let other = Served::by(&at.origin, 1).await;
        other.request().await.answer(200, "");
        assert_eq!(next.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn an_upgrade_is_not_asked_of_an_origin_that_has_none() {
    run(async || {
        let at = ByHand::with(H2C);
        let asks = "GET /chat HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        let client = at.client_sends(asks).await;
        let origin = Served::by(&at.origin, 0).await;
        let mut asked = origin.request().await;
        assert_eq!(asked.head.method, "GET");
        for name in ["upgrade", "connection"] {
            assert_eq!(asked.head.headers.get(name), None);
        }
        asked.answer(426, "");
        assert_eq!(client.message().await.status(), 426);
        at.ends_empty().await;
    });
}

#[test]
fn an_origin_over_http_2_makes_nobody_believe_that_the_protocol_is_switched() {
    run(async || {
        let at = ByHand::with(H2C);
        let client = at.client_sends(put("/a")).await;
        let origin = Served::by(&at.origin, 0).await;
        let mut asked = origin.request().await;
        let switched = Response::builder().status(101).body(()).expect("a head");
        asked.respond.send_informational(switched).expect("sent");
        let answer = client.message().await;
        assert_eq!(answer.status(), 502, "{answer:?}");
        assert_eq!(answer.problem(), "upstream-invalid");
        let refused = at.client_sends(put("/a")).await;
        assert_eq!(refused.message().await.problem(), "outcome-unknown");
        at.ends_empty().await;
    });
}

#[test]
fn a_write_that_comes_together_with_the_response_of_the_one_before_it_is_not_refused() {
    run(async || {
        let at = ByHand::with(H2C);
        let next = at.client();
        comes_with_the_response(&at, next, (0, false)).await;
        at.ends_empty().await;
    });
}

#[test]
fn a_write_that_comes_together_with_the_last_response_of_a_connection_is_not_refused() {
    run(async || {
        let at = ByHand::with(H2C);
        let next = at.client();
        comes_with_the_response(&at, next, (1, true)).await;
        at.ends_empty().await;
    });
}

#[test]
fn a_write_that_comes_to_another_worker_together_with_the_response_is_not_refused() {
    run(async || {
        let at = ByHand::with(H2C);
        let next = at.client_elsewhere();
        comes_with_the_response(&at, next, (1, false)).await;
        at.ends_empty().await;
    });
}

/// Has `next` ask when the response to another has just come, perhaps the last of its connection, to a worker that has a lot to do
/// in between.
async fn comes_with_the_response(at: &ByHand, next: Far, (its_connection, is_last): (usize, bool)) {
    let client = at.client_sends(put("/a")).await;
    let origin = Served::by(&at.origin, 0).await;
    let _asked = origin.request().await;
    let much = much_to_do().await;
    next.send(put("/a")).await;
    much.notify_waiters();
    // 200 and nothing more, by its number in the static table of HPACK.
    origin.far.send([0, 0, 1, 1, 5, 0, 0, 0, 1, 0x88]).await;
    if is_last {
        origin.far.close();
    }
    let origin = match its_connection {
        0 => origin,
        number => Served::by(&at.origin, number).await,
    };
    origin.request().await.answer(200, "next");
    assert_eq!(next.message().await.body, b"next");
    assert_eq!(client.message().await.status(), 200);
}
