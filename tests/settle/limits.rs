//! What is refused of clients that ask too much at once: large heads, large bodies, many requests. Over both versions.

use bytes::Bytes;
use http::{Request, StatusCode};

use crate::support::by_hand::{ByHand, get, lull, put, run};
use crate::support::pipes::Far;
use crate::support::streams::{Answer, Streams, request};

/// The problem that a request over HTTP/1.1 is told, and its status.
async fn told(client: &Far) -> (u16, String) {
    let answer = client.message().await;
    (answer.status(), answer.problem())
}

/// The same over HTTP/2.
fn told_by(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.problem())
}

fn with_field(value: usize) -> Request<()> {
    let mut request = request("GET", "/a");
    let value = "x".repeat(value).parse().expect("a value");
    request.headers_mut().insert("x-large", value);
    request
}

const HEADS: &str = "[server]\nmax_head = \"2KiB\"\nmax_fields = 10\nmax_target = 256";

#[test]
fn a_head_beyond_the_settings_is_a_431_and_a_target_a_414() {
    run(async || {
        let at = ByHand::with(HEADS);
        let large = "x".repeat(2048);
        let large = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {large}\r\n\r\n");
        let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(10));
        let long = get(&format!("/{}", "x".repeat(256)));
        for (raw, problem) in [
            (large, (431, "head-too-large")),
            (many, (431, "head-too-large")),
            (long, (414, "target-too-long")),
        ] {
            for split in [raw.len(), raw.len() / 2] {
                let client = at.client_sends(&raw[..split]).await;
                lull().await;
                client.send(&raw[split..]).await;
                let (status, told) = told(&client).await;
                assert_eq!((status, &*told), problem);
                client.until_ended().await;
            }
        }
        at.origin.hears_nothing().await;
        at.ends_empty().await;
    });
}

#[test]
fn a_head_of_many_large_fields_passes_where_the_settings_allow_it() {
    run(async || {
        let at = ByHand::with(
            "[server]\nmax_head = \"256KiB\"\nmax_fields = 200\nmax_target = \"40KiB\"",
        );
        at.origin.capacity(1 << 20);
        let fields = format!("X: {}\r\n", "x".repeat(1000)).repeat(190);
        let path = format!("/{}", "x".repeat(36_000));
        let raw = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let client = at.client_sends(raw).await;
        let (origin, request) = at.origin.request().await;
        assert_eq!(request.values("x").len(), 190);
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn a_head_beyond_the_settings_is_told_as_such_over_http_2_and_its_neighbours_live() {
    run(async || {
        let at = ByHand::with(HEADS);
        let mut client = Streams::over(at.client()).await;
        let mut many = request("GET", "/a");
        for _ in 0..11 {
            let value = "y".parse().expect("a value");
            many.headers_mut().append("x", value);
        }
        let long = request("GET", &format!("/{}", "x".repeat(256)));
        for (request, problem) in [
            (with_field(2048), (431, "head-too-large")),
            (many, (431, "head-too-large")),
            (long, (414, "target-too-long")),
        ] {
            let stream = client.begin(request, true).await;
            let answer = stream.answer().await.expect("an answer");
            let (status, told) = told_by(&answer);
            assert_eq!((status, &*told), problem);
        }
        // So much that the library does not take it in.
        let beyond = client.begin(with_field(12_000), true).await;
        let answer = beyond.answer().await.expect("an answer");
        assert_eq!((answer.status.as_u16(), answer.content.len()), (431, 0));
        at.origin.hears_nothing().await;
        let neighbour = client.send("GET", "/b", "").await;
        at.origin.request().await.0.respond("200 OK", "").await;
        let answer = neighbour.answer().await.expect("an answer");
        assert_eq!(answer.status, StatusCode::OK);
        client.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn a_body_beyond_max_body_is_a_413_whether_its_length_is_told_or_not() {
    run(async || {
        let at = ByHand::with("[server]\nmax_body = 100");
        for path in ["/guarded", "/observed"] {
            let method = if path == "/guarded" { "PUT" } else { "POST" };
            let told_before =
                format!("{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n");
            let chunk = format!("65\r\n{}\r\n0\r\n\r\n", "x".repeat(101));
            let chunked = format!(
                "{method} {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"
            );
            for raw in [told_before, chunked] {
                let client = at.client_sends(raw).await;
                let (status, told) = told(&client).await;
                assert_eq!((status, &*told), (413, "body-too-large"), "{method}");
            }
            let mut client = Streams::over(at.client()).await;
            for length in [Some("101"), None] {
                let mut request = request(method, path);
                if let Some(length) = length {
                    let length = length.parse().expect("a value");
                    request.headers_mut().insert("content-length", length);
                }
                let mut stream = client.begin(request, false).await;
                let content = Bytes::from(vec![b'x'; 101]);
                stream.body.send_data(content, true).expect("sent");
                let answer = stream.answer().await.expect("an answer");
                let (status, told) = told_by(&answer);
                assert_eq!((status, &*told), (413, "body-too-large"), "{method}");
            }
            client.far.close();
        }
        at.ends_empty().await;
    });
}

#[test]
fn requests_in_flight_beyond_max_requests_are_a_503_over_both_versions() {
    run(async || {
        let at = ByHand::with("[server]\nmax_requests = 2");
        let (gone, detached) = at.write_at_work("/a").await;
        let mut streams = Streams::over(at.client()).await;
        let stream = streams.send("GET", "/b", "").await;
        let (origin, _) = at.origin.request().await;
        gone.reset();
        lull().await;
        assert_eq!(
            at.another("/c").await,
            "requests-exhausted",
            "what goes on for a client that has left counts"
        );
        let refused = streams.send("GET", "/c", "").await;
        let answer = refused.answer().await.expect("an answer");
        assert_eq!(told_by(&answer), (503, "requests-exhausted".to_owned()));
        assert_eq!(answer.fields["retry-after"], "1");
        detached.respond("200 OK", "").await;
        lull().await;
        assert_eq!(at.another("/c").await, "200");
        origin
            .send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha")
            .await;
        let (_client, other) = at.write_at_work("/d").await;
        assert_eq!(
            at.another("/c").await,
            "requests-exhausted",
            "a response that is still coming counts"
        );
        origin.send("lf").await;
        stream.answer().await.expect("an answer");
        lull().await;
        assert_eq!(at.another("/c").await, "200");
        other.respond("200 OK", "").await;
        streams.far.close();
        at.ends_empty().await;
    });
}

#[test]
fn what_is_refused_because_of_max_requests_can_be_sent_again_on_the_same_connection() {
    run(async || {
        let at = ByHand::with("[server]\nmax_requests = 1");
        let (_writing, origin) = at.write_at_work("/a").await;
        let client = at.client_sends(get("/b")).await;
        assert_eq!(told(&client).await, (503, "requests-exhausted".to_owned()));
        origin.respond("200 OK", "").await;
        lull().await;
        client.send(put("/b")).await;
        at.origin.request().await.0.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn a_connection_is_kept_after_a_refusal_where_the_request_has_come_whole_and_closed_where_not() {
    run(async || {
        let at = ByHand::with("[server]\nmax_requests = 1");
        let (_writing, origin) = at.write_at_work("/a").await;
        let head = "PUT /b HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
        let client = at.client_sends(format!("{head}body")).await;
        let half = at.client_sends(format!("{head}bo")).await;
        for (client, connection) in [(&client, None), (&half, Some("close"))] {
            let answer = client.message().await;
            assert_eq!(answer.problem(), "requests-exhausted");
            assert_eq!(answer.field("connection"), connection);
        }
        half.until_ended().await;
        origin.respond("200 OK", "").await;
        lull().await;
        client.send(put("/b")).await;
        at.origin.request().await.0.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}
