//! Writes that run side by side, reads that no write tears, and keys that stand for all below them.

use crate::support::by_hand::{ByHand, get, lull, pass, put, run};
use crate::support::pipes::Far;

const IMPORT: &str = "[[route]]\npath = \"/import/{id}\"\nkey = \"catalog\"\nmode = \"shared\"\n\
    [[route]]\npath = \"/catalog\"\nkey = \"catalog\"\n";

async fn at_work(at: &ByHand, request: String) -> (Far, Far) {
    let client = at.client_sends(request).await;
    let (origin, _) = at.origin.request().await;
    (client, origin)
}

async fn refused(at: &ByHand, request: String) -> String {
    at.client_sends(request).await.message().await.problem()
}

#[test]
fn shared_writes_run_side_by_side_and_not_beside_an_exclusive_one() {
    run(async || {
        let at = ByHand::with(IMPORT);
        let (_one, one) = at_work(&at, put("/import/1")).await;
        let (_other, other) = at_work(&at, put("/import/2")).await;
        assert_eq!(refused(&at, put("/catalog")).await, "write-in-flight");
        one.respond("200 OK", "").await;
        lull().await;
        assert_eq!(refused(&at, put("/catalog")).await, "write-in-flight");
        other.respond("200 OK", "").await;
        lull().await;
        let (_all, all) = at_work(&at, put("/catalog")).await;
        assert_eq!(refused(&at, put("/import/3")).await, "write-in-flight");
        all.respond("200 OK", "").await;
        lull().await;
        at.ends_empty().await;
    });
}

#[test]
fn a_shared_write_does_not_overtake_an_exclusive_one_that_waits() {
    run(async || {
        let config = IMPORT.replace(
            "key = \"catalog\"",
            "key = \"catalog\"\non_conflict = { wait = \"9s\" }",
        );
        let at = ByHand::with(&config);
        let (_one, one) = at_work(&at, put("/import/1")).await;
        let all = at.client_sends(put("/catalog")).await;
        lull().await;
        let late = [
            at.client_sends(put("/import/2")).await,
            at.client_sends(put("/import/3")).await,
        ];
        at.origin.hears_nothing().await;
        one.respond("200 OK", "").await;
        let (origin, request) = at.origin.request().await;
        assert!(
            request.start.starts_with("PUT /catalog"),
            "{}",
            request.start
        );
        at.origin.hears_nothing().await;
        origin.respond("200 OK", "").await;
        assert_eq!(all.message().await.status(), 200);
        // Both at once.
        let (second, third) = (at.origin.request().await.0, at.origin.request().await.0);
        second.respond("200 OK", "").await;
        third.respond("200 OK", "").await;
        for client in late {
            assert_eq!(client.message().await.status(), 200);
        }
        at.ends_empty().await;
    });
}

#[test]
fn shared_reads_run_side_by_side_and_keep_writes_away_until_they_end_or_their_clients_leave() {
    run(async || {
        let at = ByHand::with("[[route]]\npath = \"/r\"\nreads = \"shared\"\n");
        let (reader, one) = at_work(&at, get("/r")).await;
        let (gone, _other) = at_work(&at, get("/r")).await;
        assert_eq!(refused(&at, put("/r")).await, "read-in-flight");
        one.respond("200 OK", "whole").await;
        assert_eq!(reader.message().await.body, b"whole");
        assert_eq!(refused(&at, put("/r")).await, "read-in-flight");
        gone.reset();
        pass(2.0).await;
        let (_writer, writing) = at_work(&at, put("/r")).await;
        assert_eq!(refused(&at, get("/r")).await, "write-in-flight");
        let head = at.client_sends(get("/r").replacen("GET", "HEAD", 1)).await;
        assert_eq!(head.head().await.status(), 409);
        let (_free, free) = at_work(&at, get("/other")).await;
        free.respond("200 OK", "").await;
        writing.respond("200 OK", "").await;
        lull().await;
        at.ends_empty().await;
    });
}

#[test]
fn a_read_that_is_sent_again_keeps_writes_away_as_before() {
    run(async || {
        let at = ByHand::with("[[route]]\npath = \"/r\"\nreads = \"shared\"\n");
        let (_first, origin) = at_work(&at, get("/r")).await;
        origin.respond("200 OK", "").await;
        lull().await;
        let (reader, stale) = at_work(&at, get("/r")).await;
        stale.reset();
        let (origin, _) = at.origin.request().await;
        assert_eq!(refused(&at, put("/r")).await, "read-in-flight");
        origin.respond("200 OK", "whole").await;
        assert_eq!(reader.message().await.body, b"whole");
        at.ends_empty().await;
    });
}

#[test]
fn what_stands_below_a_key_meets_it_and_siblings_do_not_meet() {
    run(async || {
        let at = ByHand::with("[guard]\nscope = \"subtree\"\n");
        let (_item, item) = at_work(&at, put("/orders/7/items/3")).await;
        let told = at.client_sends(put("/orders/7")).await.message().await;
        assert_eq!(told.problem(), "write-in-flight");
        let text = String::from_utf8(told.body).expect("text");
        assert!(
            text.contains("has been writing below /orders/7 for"),
            "{text}"
        );
        assert_eq!(
            refused(&at, put("/orders/7/items/3/notes")).await,
            "write-in-flight"
        );
        let (_sibling, sibling) = at_work(&at, put("/orders/7/items/4")).await;
        let (_other, other) = at_work(&at, put("/orders/8")).await;
        for origin in [item, sibling, other] {
            origin.respond("200 OK", "").await;
        }
        lull().await;
        let (_order, order) = at_work(&at, put("/orders/7")).await;
        assert_eq!(
            refused(&at, put("/orders/7/items/3")).await,
            "write-in-flight"
        );
        order.respond("200 OK", "").await;
        lull().await;
        at.ends_empty().await;
    });
}
