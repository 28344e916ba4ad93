//! Keys that a body names: which writes conflict by them, and what becomes of a body that cannot be read.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderValue, StatusCode};

use crate::support::by_hand::{ByHand, lull, pass, run};
use crate::support::message::Message;
use crate::support::pipes::Far;
use crate::support::streams::{Streams, request};

const TRANSFERS: &str =
    "[[route]]\npath = \"/transfers\"\nkeys = [\"account:{json:/from}\", \"account:{json:/to}\"]";
const JSON: &str = "Content-Type: application/json";

/// A `POST` with these field lines and a body of known length.
fn post(path: &str, lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: a.example\r\n{lines}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn transfer(from: &str, to: &str) -> Vec<u8> {
    let body = format!("{{\"amount\": 5, \"from\": {from}, \"to\": {to}}}");
    post("/transfers", JSON, body)
}

/// A write that has come to the origin.
struct AtWork {
    client: Far,
    origin: Far,
    request: Message,
}

async fn at_work(at: &ByHand, request: Vec<u8>) -> AtWork {
    let client = at.client_sends(request).await;
    let (origin, request) = at.origin.request().await;
    AtWork {
        client,
        origin,
        request,
    }
}

impl AtWork {
    async fn ends(self) {
        self.origin.respond("200 OK", "").await;
        assert_eq!(self.client.message().await.status(), 200);
    }
}

/// What an answer of the gateway's own says in `member`.
fn told(answer: &Message, member: &str) -> String {
    let document: serde_json::Value = serde_json::from_slice(&answer.body).expect("a document");
    document[member].as_str().unwrap_or_default().to_owned()
}

/// The key that a write meets.
async fn meets(at: &ByHand, request: impl AsRef<[u8]>) -> String {
    let answer = at.client_sends(request).await.message().await;
    assert_eq!(answer.status(), 409, "{answer:?}");
    told(&answer, "key")
}

/// Why a request is refused.
async fn refused(at: &ByHand, request: impl AsRef<[u8]>) -> String {
    let answer = at.client_sends(request).await.message().await;
    assert_eq!((answer.status(), &*answer.problem()), (400, "missing-key"));
    told(&answer, "detail")
}

#[test]
fn transfers_that_share_an_account_conflict_and_others_do_not() {
    run(async || {
        let at = ByHand::with(TRANSFERS);
        let first = at_work(&at, transfer("7", "\"A\"")).await;
        for (from, to, key) in [
            ("7", "8", "account:7"),
            ("\"7\"", "8", "account:7"),
            ("8", "7.0", "account:7"),
            ("\"a\"", "8", "account:a"),
            ("\"A\"", "7", "account:7"),
        ] {
            assert_eq!(meets(&at, transfer(from, to)).await, key, "{from} {to}");
        }
        let other = at_work(&at, transfer("8", "9")).await;
        first.ends().await;
        assert_eq!(meets(&at, transfer("7", "9")).await, "account:9");
        at_work(&at, transfer("7", "7")).await.ends().await;
        other.ends().await;
        at.ends_empty().await;
    });
}

#[test]
fn a_coded_body_is_read_for_its_key_and_forwarded_as_it_came() {
    run(async || {
        let at = ByHand::with(TRANSFERS);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder
            .write_all(b"{\"from\": 7, \"to\": 8}")
            .expect("memory");
        let coded = encoder.finish().expect("memory");
        let lines = format!("{JSON}\r\nContent-Encoding: gzip");
        let first = at_work(&at, post("/transfers", &lines, &coded)).await;
        assert_eq!(first.request.body, coded);
        assert_eq!(first.request.field("content-encoding"), Some("gzip"));
        assert_eq!(meets(&at, transfer("9", "8")).await, "account:8");
        first.ends().await;
        at.ends_empty().await;
    });
}

fn with_mode(how: &str) -> ByHand {
    ByHand::with(&format!(
        "[server]\nrequest_buffer = 64\n{TRANSFERS}\non_missing_key = \"{how}\""
    ))
}

/// One whose body is larger than the buffer, its length told or not.
fn large(is_told: bool) -> Vec<u8> {
    let body = format!(
        "{{\"from\": 7, \"to\": 8, \"note\": \"{}\"}}",
        "x".repeat(64)
    );
    if is_told {
        return post("/transfers", JSON, body);
    }
    let chunk = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let head = format!(
        "POST /transfers HTTP/1.1\r\nHost: a.example\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    (head + &chunk).into_bytes()
}

#[test]
fn a_body_that_does_not_fit_is_met_as_the_route_says() {
    run(async || {
        for is_told in [true, false] {
            let at = with_mode("reject");
            let why = refused(&at, large(is_told)).await;
            let told = "its body is larger than the 64 bytes that are read for a key";
            assert!(why.contains(told), "{why}");
            at.origin.hears_nothing().await;
            at.ends_empty().await;

            let at = with_mode("path");
            let first = at_work(&at, large(is_told)).await;
            assert_eq!(meets(&at, large(!is_told)).await, "/transfers");
            at_work(&at, transfer("7", "8")).await.ends().await;
            first.ends().await;
            at.ends_empty().await;

            let at = with_mode("forward");
            let first = at_work(&at, large(is_told)).await;
            assert!(at.table.is_empty());
            at_work(&at, large(is_told)).await.ends().await;
            first.ends().await;
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_body_that_can_be_read_in_two_ways_is_refused_with_the_reason() {
    run(async || {
        let at = with_mode("reject");
        let gzip = format!("{JSON}\r\nContent-Encoding: gzip");
        for (lines, body, told) in [
            (
                JSON,
                "{\"from\": 1, \"to\": 2, \"from\": 3}",
                "{json:/from}, which its resource key is made of: its body has the member `from` twice.",
            ),
            (
                JSON,
                "{\"from\": 1, \"to\"",
                "its body is not JSON from line 1, column 16 on.",
            ),
            (
                JSON,
                "{\"from\": null, \"to\": 2}",
                "its body has nothing there that names a resource.",
            ),
            (JSON, "", "it has no body."),
            (
                "X: y",
                "{\"from\": 1, \"to\": 2}",
                "it does not say what its body is (Content-Type).",
            ),
            (
                "Content-Type: text/xml",
                "<from>1</from>",
                "its Content-Type is neither that of JSON nor that of a form.",
            ),
            (
                &gzip,
                "{\"from\": 1, \"to\": 2}",
                "its body is not what its Content-Encoding says.",
            ),
        ] {
            let why = refused(&at, post("/transfers", lines, body)).await;
            assert!(why.ends_with(told), "{body}: {why}");
        }
        assert_eq!(at.origin.attempts(), 0);
        at.ends_empty().await;
    });
}

#[test]
fn a_field_of_a_form_is_a_key_beside_an_uploaded_file() {
    run(async || {
        let at = ByHand::with("[[route]]\npath = \"/documents\"\nkey = \"document:{form:id}\"");
        let parts = |id: &str| {
            let file = "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\
                        Content-Type: application/pdf\r\n\r\n%PDF\0\r\n\r\n--X\r\n";
            let id = format!(
                "--XX\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n{id}\r\n--XX--\r\n"
            );
            post(
                "/documents",
                "Content-Type: multipart/form-data; boundary=XX",
                format!("{file}{id}"),
            )
        };
        let first = at_work(&at, parts("7")).await;
        assert_eq!(meets(&at, parts("7")).await, "document:7");
        let urlencoded = "Content-Type: application/x-www-form-urlencoded";
        assert_eq!(
            meets(&at, post("/documents", urlencoded, "x=1&id=7")).await,
            "document:7"
        );
        at_work(&at, parts("8")).await.ends().await;
        first.ends().await;
        at.ends_empty().await;
    });
}

/// A form that says it is a `PUT` goes to the route for `PUT`, whose key is made of the same form.
#[test]
fn a_form_overrides_its_method_and_names_its_key_in_one() {
    run(async || {
        let at = ByHand::with(
            "[[route]]\npath = \"/items\"\nmethods = [\"PUT\"]\nkey = \"item:{form:id}\"\n\
             [[route]]\npath = \"/items\"\nmethods = [\"POST\"]\nguard = false",
        );
        let urlencoded = "Content-Type: application/x-www-form-urlencoded";
        let put = || post("/items", urlencoded, "_method=put&id=7");
        let first = at_work(&at, put()).await;
        assert_eq!(meets(&at, put()).await, "item:7");
        at_work(&at, post("/items", urlencoded, "id=7"))
            .await
            .ends()
            .await;
        first.ends().await;
        at.ends_empty().await;
    });
}

#[test]
fn every_element_of_a_list_is_held_and_all_are_let_go() {
    run(async || {
        let at = ByHand::with("[[route]]\npath = \"/batch\"\nkey = \"item:{json:/items/*/id}\"");
        let batch = |ids: &[u32]| {
            let items: Vec<_> = ids.iter().map(|id| serde_json::json!({"id": id})).collect();
            post(
                "/batch",
                JSON,
                serde_json::json!({"items": items}).to_string(),
            )
        };
        let first = at_work(&at, batch(&[3, 1, 2, 3])).await;
        for id in [1, 2, 3] {
            assert_eq!(meets(&at, batch(&[9, id])).await, format!("item:{id}"));
        }
        at_work(&at, batch(&[9])).await.ends().await;
        first.ends().await;
        at_work(&at, batch(&[1, 2, 3, 9])).await.ends().await;
        let answer = at.client_sends(batch(&(0..65).collect::<Vec<_>>())).await;
        assert_eq!(answer.message().await.problem(), "too-many-keys");
        at.ends_empty().await;
    });
}

#[test]
fn a_body_in_chunks_is_waited_for_and_takes_no_hold_before_it_is_here() {
    run(async || {
        let at = ByHand::with(TRANSFERS);
        let head = format!(
            "POST /transfers HTTP/1.1\r\nHost: a.example\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        let client = at.client_sends(head + "e\r\n{\"from\": 7, \"t\r\n").await;
        pass(3.0).await;
        assert!(at.table.is_empty());
        at.origin.hears_nothing().await;
        at_work(&at, transfer("7", "8")).await.ends().await;
        client.send("6\r\no\": 8}\r\n0\r\n\r\n").await;
        let (origin, request) = at.origin.request().await;
        assert_eq!(request.body, b"{\"from\": 7, \"to\": 8}");
        assert_eq!(meets(&at, transfer("7", "9")).await, "account:7");
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);

        let slow = at.client_sends(&transfer("7", "8")[..120]).await;
        assert_eq!(slow.message().await.problem(), "body-too-slow");
        at.ends_empty().await;
    });
}

#[test]
fn a_body_over_http_2_names_its_keys() {
    run(async || {
        let at = ByHand::with(TRANSFERS);
        let mut client = Streams::over(at.client()).await;
        let mut sent = Vec::new();
        for body in [
            "{\"from\": 7, \"to\": 8}",
            "{\"from\": 9, \"to\": 10}",
            "{\"from\": 8, \"to\": 9}",
        ] {
            let mut head = request("POST", "/transfers");
            let json = HeaderValue::from_static("application/json");
            head.headers_mut().insert("content-type", json);
            let mut stream = client.begin(head, false).await;
            let content = Bytes::from_static(body.as_bytes());
            stream.body.send_data(content, true).expect("sent");
            sent.push(stream);
            lull().await;
        }
        let met = sent.pop().expect("three").answer().await;
        let met = met.expect("an answer");
        assert_eq!(
            (met.status, &*met.problem()),
            (StatusCode::CONFLICT, "write-in-flight")
        );
        for stream in sent {
            let (origin, _) = at.origin.request().await;
            origin.respond("200 OK", "").await;
            let done = stream.answer().await.expect("an answer");
            assert_eq!(done.status, StatusCode::OK);
        }
        client.far.close();
        at.ends_empty().await;
    });
}

fn expecting(length: usize) -> String {
    format!(
        "POST /transfers HTTP/1.1\r\nHost: a.example\r\n{JSON}\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    )
}

#[test]
fn a_body_that_names_its_keys_is_asked_for_before_it_is_claimed() {
    run(async || {
        let at = ByHand::with(&format!("[server]\nrequest_buffer = 64\n{TRANSFERS}"));
        let body = "{\"from\": 7, \"to\": 8}";
        let client = at.client_sends(expecting(body.len())).await;
        assert_eq!(client.head().await.start, "HTTP/1.1 100 Continue");
        at.origin.hears_nothing().await;
        client.send(body).await;
        let (origin, request) = at.origin.request().await;
        assert_eq!(
            (request.field("expect"), &*request.body),
            (None, body.as_bytes())
        );
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);

        // One that cannot be read for a key is asked for by the upstream.
        let client = at.client_sends(expecting(65)).await;
        let (origin, head) = at.origin.head().await;
        assert_eq!(head.field("expect"), Some("100-continue"));
        assert!(client.peek().is_empty());
        origin.respond("417 Expectation Failed", "").await;
        assert_eq!(client.message().await.status(), 417);
        at.ends_empty().await;
    });
}

#[test]
fn a_conflict_that_the_head_tells_is_told_before_the_body_is_asked_for() {
    run(async || {
        let at = ByHand::with(
            "[[route]]\npath = \"/transfers\"\nkeys = [\"tenant:{header:X-Tenant}\", \"account:{json:/from}\"]",
        );
        let of_tenant = |request: &[u8]| {
            let request = String::from_utf8(request.to_vec()).expect("text");
            request.replace("Host", "X-Tenant: t\r\nHost")
        };
        let first = at_work(&at, of_tenant(&transfer("7", "8")).into_bytes()).await;
        assert_eq!(
            meets(&at, of_tenant(expecting(20).as_bytes())).await,
            "tenant:t"
        );
        first.ends().await;
        at.ends_empty().await;
    });
}

#[test]
fn what_is_only_observed_is_read_for_its_keys_too() {
    run(async || {
        let at = ByHand::with(&format!("{TRANSFERS}\non_conflict = \"observe\""));
        let first = at_work(&at, transfer("7", "8")).await;
        at_work(&at, transfer("9", "10")).await.ends().await;
        assert_eq!(at.overlaps(), 0);
        at_work(&at, transfer("8", "10")).await.ends().await;
        assert_eq!(at.overlaps(), 1);
        first.ends().await;
        at.ends_empty().await;
    });
}

#[test]
fn a_body_that_names_its_keys_and_finds_no_room_is_a_503_and_was_never_sent() {
    run(async || {
        // One key is known by then, and nothing holds it.
        let keys = TRANSFERS.replace("[\"", "[\"{path}\", \"");
        let at = ByHand::with(&format!("[server]\nbuffers = \"128KiB\"\n{keys}"));
        for number in 0..4 {
            let nearly = post(&format!("/slow/{number}"), JSON, "x".repeat(20_000));
            let nearly = String::from_utf8(nearly)
                .expect("text")
                .replace("POST", "PUT");
            at.client_sends(&nearly[..nearly.len() - 3_620]).await;
        }
        lull().await;
        let request = &transfer("7", &format!("\"{}\"", "8".repeat(20_000)))[..400];
        let answer = at.client_sends(request).await.message().await;
        assert_eq!(
            (answer.status(), &*answer.problem()),
            (503, "buffers-exhausted")
        );
        at.origin.hears_nothing().await;
        at.ends_empty().await;
    });
}
