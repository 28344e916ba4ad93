//! Clients that take their time: with a head, with a body, with a response. Each has a bound, over both versions, and
//! what is slow by nature has none.

use bytes::Bytes;
use h2::Reason;
use tokio::time::Instant;

use crate::support::by_hand::{ByHand, get, lull, pass, put, run};
use crate::support::pipes::{End, Far};
use crate::support::streams::{Streams, request};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
const GOAWAY: u8 = 7;

/// Sends `bytes`, one every second, until the gateway has had enough. Returns how long that took, in seconds.
async fn dribble(client: &Far, bytes: &[u8]) -> u64 {
    let began = Instant::now();
    for byte in bytes.iter().cycle() {
        if client.ended().is_some() || !client.peek().is_empty() {
            break;
        }
        client.send_some(&[*byte]);
        pass(1.0).await;
    }
    began.elapsed().as_secs()
}

async fn is_told(client: &Far, status: u16, problem: &str) {
    let answer = client.message().await;
    assert_eq!((answer.status(), &*answer.problem()), (status, problem));
}

#[test]
fn a_head_that_is_dribbled_is_a_408_after_head_timeout_whatever_came_before() {
    run(async || {
        let at = ByHand::with("[server]\nhead_timeout = \"5s\"");
        let client = at.client();
        let waited = dribble(&client, get("/a").as_bytes()).await;
        assert!((5..=6).contains(&waited), "{waited}");
        is_told(&client, 408, "head-too-slow").await;
        assert_eq!(client.until_ended().await, End::Fin);
        let client = at.client_sends(get("/a")).await;
        at.origin.request().await.0.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        pass(3.0).await;
        let waited = dribble(&client, get("/b").as_bytes()).await;
        assert!(
            (5..=6).contains(&waited),
            "{waited}, on a connection that was used"
        );
        is_told(&client, 408, "head-too-slow").await;
        at.origin.hears_nothing().await;
        at.ends_empty().await;
    });
}

#[test]
fn a_head_has_its_own_time_and_not_what_the_one_before_it_has_left() {
    run(async || {
        let at = ByHand::with("[server]\nhead_timeout = \"1500ms\"");
        let client = at.client_sends("GET ").await;
        for _ in 0..6 {
            pass(1.0).await;
            client.send("/a HTTP/1.1\r\nHost: a\r\n\r\nGET ").await;
            at.origin.request().await.0.respond("200 OK", "").await;
            assert_eq!(client.message().await.status(), 200);
        }
        pass(1.4).await;
        assert!(client.peek().is_empty(), "it has some time left");
        pass(0.2).await;
        is_told(&client, 408, "head-too-slow").await;
        at.ends_empty().await;
    });
}

#[test]
fn a_preface_that_is_dribbled_ends_in_time_and_with_its_first_byte_the_time_begins() {
    run(async || {
        let at = ByHand::new();
        let client = at.client();
        pass(20.0).await;
        let waited = dribble(&client, PREFACE).await;
        assert!((10..=11).contains(&waited), "{waited}");
        is_told(&client, 408, "head-too-slow").await;
        let client = at.client_sends("P").await;
        pass(9.0).await;
        client.send("UT /a HTTP/1.1\r\n").await;
        pass(0.9).await;
        assert!(client.peek().is_empty(), "it has some time left");
        pass(0.2).await;
        is_told(&client, 408, "head-too-slow").await;
        at.ends_empty().await;
    });
}

/// The type and the last four bytes of the last frame, which came before the connection was ended.
async fn last_frame(client: &Far) -> (u8, Vec<u8>) {
    let (bytes, _) = client.read_to_end().await;
    let (mut rest, mut last) = (&bytes[..], (0, Vec::new()));
    while let [high, middle, low, kind, ..] = rest {
        let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
        last = (
            *kind,
            rest[9 + length.saturating_sub(4)..9 + length].to_vec(),
        );
        rest = &rest[9 + length..];
    }
    last
}

#[test]
fn a_frame_or_a_head_that_does_not_end_ends_its_http_2_connection_in_time() {
    run(async || {
        let at = ByHand::new();
        let half_a_header = vec![0, 0];
        let half_a_ping = vec![0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2];
        let half_a_head = vec![0, 0, 20, 1, 4, 0, 0, 0, 1, 0x82];
        // HEADERS without END_HEADERS: CONTINUATION has to follow.
        let no_end = vec![0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82];
        for half in [half_a_header, half_a_ping, half_a_head, no_end] {
            let client = at.client_sends([PREFACE, SETTINGS].concat()).await;
            pass(3.0).await;
            let began = Instant::now();
            client.send(&half).await;
            let (kind, reason) = last_frame(&client).await;
            let waited = began.elapsed().as_secs();
            assert!((9..=10).contains(&waited), "{waited}, {half:?}");
            assert_eq!((kind, reason), (GOAWAY, vec![0, 0, 0, 11]), "{half:?}");
        }
        at.ends_empty().await;
    });
}

#[test]
fn continuations_that_are_dribbled_end_in_time() {
    run(async || {
        let at = ByHand::new();
        let client = at.client_sends([PREFACE, SETTINGS].concat()).await;
        lull().await;
        client.take(usize::MAX);
        client.send([0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82]).await;
        lull().await;
        client.take(usize::MAX);
        let continuation = [0, 0, 1, 9, 0, 0, 0, 0, 1, 0x84];
        let waited = dribble(&client, &continuation).await;
        assert!((9..=11).contains(&waited), "{waited}");
        at.ends_empty().await;
    });
}

/// A request of this method, and how much is to come of its body.
fn announcing(method: &str, length: usize) -> String {
    format!("{method} /a HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
}

#[test]
fn a_body_of_known_length_that_nothing_guards_must_keep_the_rate_too_with_more_patience() {
    run(async || {
        let at = ByHand::with("[server]\nidle_timeout = \"30s\"");
        let client = at.client_sends(announcing("POST", 10_000)).await;
        let waited = dribble(&client, b"x").await;
        assert!((29..=31).contains(&waited), "{waited}");
        is_told(&client, 408, "body-too-slow").await;
        let (origin, _) = at.origin.head().await;
        origin.read_to_end().await;

        let mut client = Streams::over(at.client()).await;
        let mut posted = request("POST", "/a");
        let length = "10000".parse().expect("a value");
        posted.headers_mut().insert("content-length", length);
        let mut stream = client.begin(posted, false).await;
        let began = Instant::now();
        tokio::task::spawn_local(async move {
            while stream
                .body
                .send_data(Bytes::from_static(b"x"), false)
                .is_ok()
            {
                pass(1.0).await;
            }
        });
        let response = stream.response.await.expect("an answer");
        assert_eq!(response.status(), 408);
        let waited = began.elapsed().as_secs();
        assert!((29..=31).contains(&waited), "{waited}");
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn a_stream_that_nothing_guards_may_be_as_slow_as_it_likes() {
    run(async || {
        let at = ByHand::new();
        let mut client = Streams::over(at.client()).await;
        let mut stream = client.begin(request("POST", "/chat"), false).await;
        let (origin, _) = at.origin.head().await;
        origin
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
            .await;
        for _ in 0..20 {
            pass(70.0).await;
            stream
                .body
                .send_data(Bytes::from_static(b"x"), false)
                .expect("it is still open");
            assert_eq!(origin.chunk().await, b"x");
        }
        stream
            .body
            .send_data(Bytes::new(), true)
            .expect("it is open");
        origin.read_through(b"0\r\n\r\n").await;
        origin.send("0\r\n\r\n").await;
        assert_eq!(stream.answer().await.expect("an answer").content, b"hi");
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn a_client_that_is_silent_in_its_body_is_told_so_and_not_that_the_backend_was() {
    run(async || {
        let at = ByHand::new();
        let chunked = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n";
        for raw in [announcing("POST", 10), chunked.to_owned()] {
            let client = at.client_sends(raw).await;
            let (origin, _) = at.origin.head().await;
            is_told(&client, 408, "body-too-slow").await;
            origin.read_to_end().await;
        }
        let client = at.client_sends(put("/a").replace("PUT", "POST")).await;
        let (_origin, _) = at.origin.request().await;
        is_told(&client, 504, "response-timeout").await;
        at.ends_empty().await;
    });
}

#[test]
fn body_timeout_bounds_every_body_however_steadily_it_comes() {
    run(async || {
        let at = ByHand::with("[server]\nbody_timeout = \"20s\"\nrequest_buffer = \"4KiB\"");
        let part = "x".repeat(2048);
        for (method, framing) in [
            ("PUT", "Content-Length: 1000000"),
            ("POST", "Content-Length: 1000000"),
            ("POST", "Transfer-Encoding: chunked"),
        ] {
            let raw = format!("{method} /{method} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n");
            let part = match framing {
                "Transfer-Encoding: chunked" => format!("800\r\n{part}\r\n"),
                _ => part.clone(),
            };
            let client = at.client_sends(raw).await;
            let began = Instant::now();
            while client.peek().is_empty() {
                client.send(&part).await;
                pass(1.0).await;
            }
            let waited = began.elapsed().as_secs();
            assert!((19..=24).contains(&waited), "{waited}, {method} {framing}");
            is_told(&client, 408, "body-too-slow").await;
            let (origin, _) = at.origin.head().await;
            origin.read_to_end().await;
        }
        at.ends_empty().await;
    });
}

#[test]
fn exchange_timeout_is_a_504_and_a_guarded_write_goes_on() {
    run(async || {
        let at = ByHand::with("[upstream]\nexchange_timeout = \"5s\"");
        let client = at.client_sends(get("/a")).await;
        let (origin, _) = at.origin.request().await;
        pass(4.9).await;
        assert!(client.peek().is_empty(), "it has some time left");
        pass(0.2).await;
        is_told(&client, 504, "exchange-timeout").await;
        origin.until_ended().await;
        let (client, origin) = at.write_at_work("/a").await;
        is_told(&client, 504, "exchange-timeout").await;
        assert_eq!(at.another("/a").await, "write-in-flight");
        origin.respond("200 OK", "").await;
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn exchange_timeout_cuts_a_response_that_is_still_coming_and_a_guarded_write_goes_on() {
    run(async || {
        let at = ByHand::with("[upstream]\nexchange_timeout = \"5s\"");
        let begin = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
        let (client, origin) = at.write_at_work("/a").await;
        origin.send(begin).await;
        client.head().await;
        let began = Instant::now();
        while client.ended().is_none() {
            origin.send("x").await;
            pass(0.5).await;
        }
        assert_eq!(client.ended(), Some(End::Reset), "it must not seem whole");
        assert!((4..=6).contains(&began.elapsed().as_secs()));
        assert_eq!(at.another("/a").await, "write-in-flight");
        origin.send("x".repeat(1000)).await;
        lull().await;
        assert_eq!(at.another("/a").await, "200");

        let mut client = Streams::over(at.client()).await;
        let late = client.send("GET", "/b", "").await;
        let (origin, _) = at.origin.request().await;
        origin.send(begin).await;
        pass(3.0).await;
        let neighbour = client.send("GET", "/c", "").await;
        let (other, _) = at.origin.request().await;
        let error = late.answer().await.err().expect("it is cut");
        assert_eq!(error.reason(), Some(Reason::CANCEL));
        origin.until_ended().await;
        other.respond("200 OK", "c").await;
        assert_eq!(neighbour.answer().await.expect("an answer").content, b"c");
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn a_response_that_nothing_guards_must_be_taken_at_the_rate_too_with_more_patience() {
    run(async || {
        let at = ByHand::with("[server]\nidle_timeout = \"30s\"\nresponse_buffer = 1024");
        let client = at.client_that_takes(16);
        client.send(get("/a")).await;
        let (origin, _) = at.origin.request().await;
        let reading = client.clone();
        tokio::task::spawn_local(async move {
            while reading.ended().is_none() {
                reading.take(16);
                pass(1.0).await;
            }
        });
        let began = Instant::now();
        origin
            .send("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
            .await;
        let (sending, part) = (origin.clone(), "x".repeat(1000));
        tokio::task::spawn_local(async move {
            while !sending.is_gone() {
                sending.send(&part).await;
            }
        });
        origin.until_ended().await;
        let waited = began.elapsed().as_secs();
        assert!((25..=120).contains(&waited), "{waited}");
        at.ends_empty().await;
    });
}

#[test]
fn over_http_2_responses_that_nobody_takes_are_reset_in_time_and_leave_nothing_behind() {
    run(async || {
        let at = ByHand::with("[server]\nidle_timeout = \"30s\"");
        let mut closed = h2::client::Builder::new();
        closed.initial_window_size(0);
        let mut client = Streams::with(at.client(), &closed).await;
        let mut streams = Vec::new();
        for number in 0..100 {
            streams.push(client.send("GET", &format!("/{number}"), "").await);
            let (origin, _) = at.origin.request().await;
            origin.respond("200 OK", &"x".repeat(60_000)).await;
        }
        let began = Instant::now();
        for stream in streams {
            assert!(stream.answer().await.is_err(), "it seems whole");
        }
        let waited = began.elapsed().as_secs();
        assert!((29..=31).contains(&waited), "{waited}");
        let neighbour = client.send("GET", "/empty", "").await;
        at.origin
            .request()
            .await
            .0
            .respond("204 No Content", "")
            .await;
        neighbour.answer().await.expect("the connection lives");
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn over_http_2_a_response_must_be_taken_at_the_rate_too() {
    run(async || {
        let at = ByHand::with("[server]\nidle_timeout = \"30s\"");
        let mut small = h2::client::Builder::new();
        small.initial_window_size(10);
        let mut client = Streams::with(at.client(), &small).await;
        for length in [60_000, 600_000] {
            let stream = client.send("GET", "/a", "").await;
            let (origin, _) = at.origin.request().await;
            let began = Instant::now();
            tokio::task::spawn_local(async move {
                origin.respond("200 OK", &"x".repeat(length)).await;
            });
            let mut body = stream.response.await.expect("a head").into_body();
            while let Some(Ok(data)) = body.data().await {
                pass(1.0).await;
                let _gone = body.flow_control().release_capacity(data.len());
                assert!(began.elapsed().as_secs() < 60, "it may go on for ever");
            }
            let waited = began.elapsed().as_secs();
            assert!(waited >= 29, "{waited}");
        }
        client.far.close();
        at.ends_empty().await;
    });
}
