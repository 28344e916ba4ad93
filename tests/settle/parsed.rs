//! How often a body is read for what keys are made of: once where a key or a method stands in it, and else not at all. `content`
//! logs each time, and the log is counted.

use tracing::Level;

use crate::support::by_hand::{ByHand, lull, run};
use crate::support::log::Log;
use crate::support::pipes::Far;

const ROUTES: &str = "\
    [server]\nrequest_buffer = 100\n\
    [[route]]\npath = \"/transfers\"\nkeys = [\"account:{json:/from}\", \"account:{json:/to}\", \"line:{json:/lines/*/id}\"]\n\
    on_missing_key = \"path\"\n\
    [[route]]\npath = \"/waits\"\nkey = \"account:{json:/from}\"\non_conflict = { wait = \"2s\" }\n\
    [[route]]\npath = \"/joins\"\nkey = \"account:{json:/from}\"\non_duplicate = \"join\"\n\
    [[route]]\npath = \"/items\"\nmethods = [\"PUT\"]\nkey = \"item:{form:id}\"\n\
    [[route]]\npath = \"/items\"\nmethods = [\"POST\"]\nkeys = [\"item:{form:id}\", \"list:{form:list}\"]\n\
    [[route]]\npath = \"/orders/{id}\"\nkey = \"order:{id}\"\n\
    [[route]]\npath = \"/free\"\nguard = false\n";

const JSON: &str = "Content-Type: application/json\r\n";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const BODY: &str = "{\"from\": 7, \"to\": 8}";

fn request(start: &str, lines: &str, body: &str) -> String {
    let length = body.len();
    format!("{start} HTTP/1.1\r\nHost: a.example\r\n{lines}Content-Length: {length}\r\n\r\n{body}")
}

/// How many bodies were read, each told with its octets.
fn read(log: &Log) -> usize {
    let lines = log.of("writegate::content");
    assert!(
        lines.iter().all(|fields| fields["octets"].is_u64()),
        "{lines:?}"
    );
    lines.len()
}

async fn ends((client, origin): (Far, Far)) {
    origin.respond("200 OK", "").await;
    assert_eq!(client.message().await.status(), 200);
}

/// Sends it, lets it come to the origin, and ends it.
async fn done(at: &ByHand, request: &str) {
    let client = at.client_sends(request).await;
    let (origin, _) = at.origin.request().await;
    ends((client, origin)).await;
}

#[test]
fn a_body_is_read_once_where_keys_or_a_method_stand_in_it_and_else_not_at_all() {
    run(async || {
        let large = format!("{{\"from\": 7, \"note\": \"{}\"}}", "x".repeat(100));
        for (request, times) in [
            (request("POST /transfers", JSON, BODY), 1),
            (request("POST /transfers", JSON, "{"), 1),
            (request("PUT /items", FORM, "id=7"), 1),
            (request("POST /items", FORM, "_method=PUT&id=7&list=1"), 1),
            (request("POST /other", FORM, "_method=PUT&a=1"), 1),
            // Where the head tells that there is nothing to read.
            (request("POST /transfers", JSON, ""), 0),
            (request("POST /transfers", JSON, &large), 0),
            (
                request("POST /transfers", "Content-Type: text/xml\r\n", BODY),
                0,
            ),
            (request("POST /transfers", "", BODY), 0),
            // Where no key needs it.
            (request("PUT /orders/7", JSON, BODY), 0),
            (request("POST /orders/7", JSON, BODY), 0),
            (request("POST /other", JSON, BODY), 0),
            (request("PUT /other", FORM, "_method=DELETE"), 0),
            (request("POST /free", JSON, BODY), 0),
            (request("GET /transfers", "", ""), 0),
        ] {
            let (log, _guard) = Log::begin(Level::TRACE);
            let at = ByHand::with(ROUTES);
            done(&at, &request).await;
            assert_eq!(read(&log), times, "{request}");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_body_is_read_once_whether_its_write_is_refused_waits_or_joins() {
    run(async || {
        for (path, answer) in [
            ("/transfers", None),
            ("/waits", Some(false)),
            ("/joins", Some(true)),
        ] {
            let (log, _guard) = Log::begin(Level::TRACE);
            let at = ByHand::with(ROUTES);
            let write = request(&format!("POST {path}"), JSON, BODY);
            let client = at.client_sends(&write).await;
            let (origin, _) = at.origin.request().await;
            let second = at.client_sends(&write).await;
            lull().await;
            assert_eq!(read(&log), 2, "{path}");
            ends((client, origin)).await;
            match answer {
                None => assert_eq!(second.message().await.status(), 409),
                Some(true) => {
                    assert_eq!(second.message().await.field("writegate-joined"), Some("1"))
                }
                Some(false) => {
                    let (origin, _) = at.origin.request().await;
                    ends((second, origin)).await;
                }
            }
            assert_eq!(read(&log), 2, "{path}");
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_body_that_is_sent_over_a_second_connection_is_not_read_again() {
    run(async || {
        let (log, _guard) = Log::begin(Level::TRACE);
        let at = ByHand::with(ROUTES);
        let write = request("POST /transfers", JSON, BODY);
        let client = at.client_sends(&write).await;
        let (idle, _) = at.origin.request().await;
        ends((client, idle.clone())).await;
        lull().await;
        idle.die();
        done(&at, &write).await;
        assert_eq!(at.origin.connections(), 2);
        assert_eq!(read(&log), 2);
        at.ends_empty().await;
    });
}
