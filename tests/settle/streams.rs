//! Requests over HTTP/2: each stream is one of its own to the holds, and no fate of a stream is that of its neighbours.

use bytes::Bytes;
use h2::Reason;
use h2::ext::Protocol;
use http::{HeaderMap, Request, StatusCode};

use crate::support::by_hand::{ByHand, lull, pass, run};
use crate::support::pipes::End;
use crate::support::streams::{Streams, request};

#[test]
fn a_request_over_http_2_is_forwarded_and_its_response_comes_back() {
    run(async || {
        let at = ByHand::new();
        let mut client = Streams::over(at.client()).await;
        let stream = client.send("PUT", "/a?b=%20c", "hi").await;
        let (origin, request) = at.origin.request().await;
        assert_eq!(request.start, "PUT /a?b=%20c HTTP/1.1");
        assert_eq!(request.field("host"), Some("a.example"));
        assert_eq!(request.field("via"), Some("2 writegate"));
        assert_eq!(request.body, b"hi");
        origin
            .send("HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-A: 1\r\nX-A: 2\r\n\r\nok")
            .await;
        let answer = stream.answer().await.expect("an answer");
        assert_eq!(answer.status, StatusCode::CREATED);
        assert_eq!(answer.content, b"ok");
        let twice: Vec<_> = answer.fields.get_all("x-a").iter().collect();
        assert_eq!(twice, ["1", "2"]);
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn of_thirty_writes_to_one_key_in_one_packet_exactly_one_is_at_work() {
    run(async || {
        let at = ByHand::new();
        let mut client = Streams::over(at.client()).await;
        lull().await;
        let mut streams = Vec::new();
        for _ in 0..30 {
            streams.push(client.send("PUT", "/a", "hi").await);
        }
        let (origin, _) = at.origin.request().await;
        lull().await;
        assert_eq!((at.table.len(), at.origin.connections()), (1, 1));
        origin.respond("200 OK", "done").await;
        let mut told = Vec::new();
        for stream in streams {
            let answer = stream.answer().await.expect("an answer");
            told.push(match answer.status {
                StatusCode::OK => "at work".to_owned(),
                _ => answer.problem(),
            });
        }
        told.sort_unstable();
        assert_eq!(told[0], "at work");
        assert_eq!(told[1..], ["write-in-flight"; 29]);
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn a_write_whose_stream_is_cancelled_goes_on_and_its_neighbours_live() {
    run(async || {
        let at = ByHand::new();
        let mut client = Streams::over(at.client()).await;
        let cancelled = client.send("PUT", "/a", "hi").await;
        let neighbour = client.send("PUT", "/b", "hi").await;
        let (first, one) = at.origin.request().await;
        let (second, other) = at.origin.request().await;
        assert_ne!(one.start, other.start);
        let (for_a, for_b) = if one.start.starts_with("PUT /a") {
            (first, second)
        } else {
            (second, first)
        };
        cancelled.cancel();
        lull().await;
        assert_eq!(at.another("/a").await, "write-in-flight");
        for_b.respond("200 OK", "b").await;
        assert_eq!(neighbour.answer().await.expect("an answer").content, b"b");
        for_a.respond("200 OK", "a").await;
        assert_eq!(at.another("/a").await, "200");
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn a_write_whose_stream_is_cancelled_before_its_small_body_is_whole_is_never_sent() {
    run(async || {
        let at = ByHand::new();
        let mut client = Streams::over(at.client()).await;
        let mut stream = client.begin(request("PUT", "/a"), false).await;
        stream
            .body
            .send_data(Bytes::from_static(b"h"), false)
            .expect("sent");
        lull().await;
        stream.cancel();
        lull().await;
        at.origin.hears_nothing().await;
        assert!(at.table.is_empty());
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn a_body_whose_stream_is_cancelled_half_way_never_ends_well_upstream() {
    run(async || {
        let at = ByHand::with("[server]\nrequest_buffer = 16");
        let mut client = Streams::over(at.client()).await;
        let mut stream = client.begin(request("PUT", "/a"), false).await;
        stream
            .body
            .send_data(Bytes::from_static(&[b'x'; 64]), false)
            .expect("sent");
        let (origin, head) = at.origin.head().await;
        assert_eq!(head.field("transfer-encoding"), Some("chunked"));
        lull().await;
        stream.cancel();
        let (rest, _) = origin.read_to_end().await;
        assert!(!rest.ends_with(b"0\r\n\r\n"), "it seems whole");
        assert_eq!(at.another("/a").await, "outcome-unknown");
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn what_is_at_work_for_cancelled_streams_counts_towards_the_limit() {
    run(async || {
        let at = ByHand::with("[server]\nmax_streams = 3");
        let mut client = Streams::over(at.client()).await;
        let mut at_work = Vec::new();
        for number in 0..3 {
            let stream = client.send("PUT", &format!("/{number}"), "hi").await;
            at_work.push(at.origin.request().await.0);
            stream.cancel();
        }
        lull().await;
        let refused = client.send("PUT", "/4", "hi").await;
        let error = refused.answer().await.err().expect("no answer");
        assert_eq!(error.reason(), Some(Reason::REFUSED_STREAM));
        at.origin.hears_nothing().await;
        at_work[0].respond("200 OK", "").await;
        lull().await;
        let taken = client.send("PUT", "/5", "hi").await;
        let (origin, _) = at.origin.request().await;
        origin.respond("200 OK", "").await;
        assert_eq!(
            taken.answer().await.expect("an answer").status,
            StatusCode::OK
        );
        for origin in &at_work[1..] {
            origin.respond("200 OK", "").await;
        }
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn a_response_that_is_cut_resets_its_stream_and_no_other() {
    run(async || {
        let at = ByHand::new();
        let mut client = Streams::over(at.client()).await;
        let cut = client.send("GET", "/a", "").await;
        let (origin, _) = at.origin.request().await;
        origin
            .send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\npart")
            .await;
        lull().await;
        origin.close();
        assert!(cut.answer().await.is_err(), "it seems whole");
        let whole = client.send("GET", "/b", "").await;
        let (origin, _) = at.origin.request().await;
        origin.respond("200 OK", "b").await;
        assert_eq!(whole.answer().await.expect("an answer").content, b"b");
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn a_field_that_cannot_come_after_a_body_is_refused_there() {
    run(async || {
        let at = ByHand::new();
        let mut client = Streams::over(at.client()).await;
        for name in ["content-length", "host", "x_forwarded_for", "authorization"] {
            let mut stream = client.begin(request("PUT", "/a"), false).await;
            let hi = Bytes::from_static(b"hi");
            stream.body.send_data(hi, false).expect("sent");
            let mut trailers = HeaderMap::new();
            trailers.insert(name, "7".parse().expect("a value"));
            stream.body.send_trailers(trailers).expect("sent");
            let answer = stream.answer().await.expect("an answer");
            assert_eq!(
                (answer.status.as_u16(), &*answer.problem()),
                (400, "body-broken")
            );
        }
        assert_eq!(at.origin.attempts(), 0);
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn trailers_pass_both_ways() {
    run(async || {
        let at = ByHand::new();
        let mut client = Streams::over(at.client()).await;
        let stream = client.send("GET", "/a", "").await;
        let (origin, _) = at.origin.request().await;
        origin
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-end\r\n\r\n2\r\nok\r\n0\r\nX-End: yes\r\n\r\n")
            .await;
        let answer = stream.answer().await.expect("an answer");
        assert_eq!(answer.content, b"ok");
        assert_eq!(answer.trailers.expect("trailers")["x-end"], "yes");
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn a_response_that_asks_for_an_upgrade_is_told_without_it() {
    run(async || {
        let at = ByHand::new();
        let mut client = Streams::over(at.client()).await;
        let stream = client.send("PUT", "/a", "hi").await;
        let (origin, _) = at.origin.request().await;
        origin
            .send("HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n")
            .await;
        let answer = stream.answer().await.expect("an answer");
        assert_eq!(answer.status, StatusCode::UPGRADE_REQUIRED);
        assert_eq!(answer.fields.get("upgrade"), None);
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn cookies_that_were_split_are_one_field_again() {
    run(async || {
        let at = ByHand::new();
        let mut client = Streams::over(at.client()).await;
        let split = Request::get("http://a.example/")
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .body(())
            .expect("a request");
        let stream = client.begin(split, true).await;
        let (origin, head) = at.origin.request().await;
        assert_eq!(head.field("cookie"), Some("a=1; b=2"));
        origin.respond("200 OK", "").await;
        assert_eq!(
            stream.answer().await.expect("an answer").status,
            StatusCode::OK
        );
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn a_client_that_takes_nothing_of_a_stream_is_reset_in_time_and_the_hold_ends_by_proof() {
    run(async || {
        let at = ByHand::with("[server]\nresponse_buffer = 1024");
        let mut small = h2::client::Builder::new();
        small.initial_window_size(10);
        let mut client = Streams::with(at.client(), &small).await;
        let stream = client.send("PUT", "/a", "hi").await;
        let (origin, _) = at.origin.request().await;
        origin.respond("200 OK", &"x".repeat(300_000)).await;
        let response = stream.response.await.expect("a head");
        pass(60.0).await;
        assert!(
            at.table.is_empty(),
            "the hold waits for a client that takes nothing"
        );
        let mut body = response.into_body();
        let error = loop {
            match body.data().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break error,
                None => panic!("it seems whole"),
            }
        };
        assert!(error.is_remote() && error.is_reset(), "{error}");
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn a_drain_lets_streams_at_work_end_and_takes_no_more() {
    run(async || {
        let at = ByHand::new();
        let mut client = Streams::over(at.client()).await;
        let stream = client.send("PUT", "/a", "hi").await;
        let (origin, _) = at.origin.request().await;
        at.drain();
        lull().await;
        origin.respond("200 OK", "done").await;
        assert_eq!(stream.answer().await.expect("an answer").content, b"done");
        client.far.until_ended().await;
        at.ends_empty().await;
    });
}

#[test]
fn a_connection_on_which_no_stream_is_opened_is_closed_in_time() {
    run(async || {
        let at = ByHand::new();
        let client = Streams::over(at.client()).await;
        pass(200.0).await;
        assert!(client.far.ended().is_some(), "it is kept for ever");
        at.ends_empty().await;
    });
}

/// What a client begins with: the preface and its settings.
const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[test]
fn a_breach_of_the_protocol_is_told_with_its_code_and_the_connection_is_closed() {
    run(async || {
        let at = ByHand::new();
        let promise = [0, 0, 4, 5, 4, 0, 0, 0, 1, 0, 0, 0, 2];
        let ping = [0, 0, 1, 6, 0, 0, 0, 0, 0, 0];
        for (frame, code) in [(&promise[..], 1), (&ping, 6)] {
            let client = at.client_sends([OPENING, frame].concat()).await;
            let (read, end) = client.read_to_end().await;
            assert_eq!(end, End::Fin);
            let goaway = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, code];
            assert!(read.ends_with(&goaway), "{read:?}");
            client.close();
        }
        at.ends_empty().await;
    });
}

#[test]
fn a_flood_of_pings_ends_its_connection_and_what_is_at_work_goes_on() {
    run(async || {
        let at = ByHand::new();
        let mut client = Streams::over(at.client()).await;
        let _cut = client.send("PUT", "/a", "hi").await;
        let (origin, _) = at.origin.request().await;
        let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for _ in 0..100 {
            client.far.send(ping.repeat(20)).await;
        }
        client.far.until_ended().await;
        assert_eq!(at.another("/a").await, "write-in-flight");
        origin.respond("200 OK", "").await;
        lull().await;
        assert!(at.table.is_empty());
        client.far.close();
        at.ends_empty().await;
    });
}

/// An extended CONNECT for a WebSocket.
fn socket(path: &str) -> Request<()> {
    let mut request = request("CONNECT", path);
    request
        .extensions_mut()
        .insert(Protocol::from_static("websocket"));
    request
}

#[test]
fn an_extended_connect_becomes_an_upgrade_and_bytes_pass_both_ways_until_both_ends_are_done() {
    run(async || {
        let at = ByHand::new();
        let mut client = Streams::over(at.client()).await;
        lull().await;
        let mut stream = client.begin(socket("/chat"), false).await;
        let (origin, head) = at.origin.head().await;
        assert_eq!(head.start, "GET /chat HTTP/1.1");
        assert_eq!(head.field("upgrade"), Some("websocket"));
        assert_eq!(head.field("connection"), Some("upgrade"));
        assert!(head.field("sec-websocket-key").is_some());
        let switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nX-A: 1\r\n\r\nearly";
        origin.send(switched).await;
        let (head, mut received) = stream.response.await.expect("a head").into_parts();
        assert_eq!(head.status, StatusCode::OK);
        assert_eq!(head.headers.get("upgrade"), None);
        assert_eq!(head.headers["x-a"], "1");
        assert_eq!(received.data().await.expect("data").expect("data"), "early");
        stream
            .body
            .send_data(Bytes::from_static(b"ping"), false)
            .expect("sent");
        assert_eq!(origin.read(4).await, b"ping");
        // The client ends its side, and is still answered.
        stream.body.send_data(Bytes::new(), true).expect("sent");
        lull().await;
        assert!(origin.ended().is_some());
        origin.send("pong").await;
        assert_eq!(received.data().await.expect("data").expect("data"), "pong");
        origin.finish();
        let last = received.data().await.transpose().expect("a clean end");
        assert!(last.is_none_or(|data| data.is_empty()) && received.is_end_stream());
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn a_tunnel_that_is_refused_stays_http_and_no_other_success_is_taken_for_one() {
    run(async || {
        let at = ByHand::new();
        let mut client = Streams::over(at.client()).await;
        lull().await;
        let refused = client.begin(socket("/chat"), false).await;
        let (origin, _) = at.origin.request().await;
        origin.respond("403 Forbidden", "no").await;
        let answer = refused.answer().await.expect("an answer");
        assert_eq!(
            (answer.status, &answer.content[..]),
            (StatusCode::FORBIDDEN, &b"no"[..])
        );
        let misled = client.begin(socket("/chat"), false).await;
        let (origin, _) = at.origin.request().await;
        origin.respond("200 OK", "a page").await;
        let answer = misled.answer().await.expect("an answer");
        assert_eq!(answer.problem(), "upstream-invalid");
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn a_malformed_request_is_told_what_is_wrong_and_its_stream_ends_in_error() {
    run(async || {
        let at = ByHand::new();
        let mut client = Streams::over(at.client()).await;
        let mut other_host = request("PUT", "/a");
        let host = "b.example".parse().expect("a value");
        other_host.headers_mut().insert("host", host);
        let stream = client.begin(other_host, true).await;
        let (head, mut body) = stream.response.await.expect("a head").into_parts();
        assert_eq!(head.status, StatusCode::BAD_REQUEST);
        let told = body.data().await.expect("data").expect("data");
        let problem: serde_json::Value = serde_json::from_slice(&told).expect("a problem document");
        assert!(
            problem["type"]
                .as_str()
                .expect("a type")
                .ends_with("#bad-request")
        );
        let error = body
            .data()
            .await
            .expect("an end")
            .expect_err("it ends well");
        assert_eq!(error.reason(), Some(Reason::PROTOCOL_ERROR));
        at.origin.hears_nothing().await;
        let next = client.send("GET", "/b", "").await;
        let (origin, _) = at.origin.request().await;
        origin.respond("200 OK", "b").await;
        assert_eq!(next.answer().await.expect("an answer").content, b"b");
        client.far.close();
        at.ends_empty().await;
    });
}
