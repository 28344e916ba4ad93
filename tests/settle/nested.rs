//! What a backend sends through the gateway while it works on a write, and the number that a write has.

use crate::support::by_hand::{ByHand, get, lull, put, run};
use crate::support::message::Message;
use crate::support::pipes::Far;

/// A request that says of which hold it comes.
fn of(request: &str, pass: &str) -> String {
    request.replacen("\r\n", &format!("\r\nWritegate-Hold: {pass}\r\n"), 1)
}

fn pass_of(request: &Message) -> String {
    request
        .field("writegate-hold")
        .expect("each guarded write has one")
        .to_owned()
}

async fn at_work(at: &ByHand, request: String) -> (Far, Far, Message) {
    let client = at.client_sends(request).await;
    let (origin, request) = at.origin.request().await;
    (client, origin, request)
}

#[test]
fn what_a_backend_calls_back_passes_by_the_keys_of_its_write_which_end_with_the_last_of_them() {
    run(async || {
        let at = ByHand::new();
        let (outer, origin, request) = at_work(&at, put("/a")).await;
        let pass = pass_of(&request);
        let (nested, within, request) = at_work(&at, of(&put("/a"), &pass)).await;
        assert_eq!(
            pass_of(&request)[..32],
            pass[..32],
            "it is of the same family"
        );
        assert_eq!(at.another("/a").await, "write-in-flight");
        origin.respond("200 OK", "").await;
        assert_eq!(outer.message().await.status(), 200);
        assert_eq!(
            at.another("/a").await,
            "write-in-flight",
            "the nested one has not settled"
        );
        within.respond("200 OK", "").await;
        assert_eq!(nested.message().await.status(), 200);
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn a_nested_write_never_waits() {
    run(async || {
        let at = ByHand::with("[guard]\non_conflict = { wait = \"9s\" }\n");
        let (_outer, origin, request) = at_work(&at, put("/a")).await;
        let (_other, other, _) = at_work(&at, put("/b")).await;
        let refused = at.client_sends(of(&put("/b"), &pass_of(&request))).await;
        let since = tokio::time::Instant::now();
        assert_eq!(refused.message().await.problem(), "write-in-flight");
        assert!(since.elapsed().as_millis() < 100);
        // One that waits for the outer write does not keep its nested one back.
        let waits = at.client_sends(put("/a")).await;
        lull().await;
        let (_nested, within, _) = at_work(&at, of(&put("/a"), &pass_of(&request))).await;
        within.respond("200 OK", "").await;
        origin.respond("200 OK", "").await;
        other.respond("200 OK", "").await;
        let (origin, _) = at.origin.request().await;
        origin.respond("200 OK", "").await;
        assert_eq!(waits.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn a_nested_write_that_is_refused_leaves_its_family_to_nobody_else() {
    run(async || {
        let at = ByHand::new();
        let (_outer, origin, request) = at_work(&at, put("/a")).await;
        let (_other, other, _) = at_work(&at, put("/b")).await;
        let refused = at.client_sends(of(&put("/b"), &pass_of(&request))).await;
        assert_eq!(refused.message().await.problem(), "write-in-flight");
        // Those who come next are of families of their own.
        assert_eq!(at.another("/a").await, "write-in-flight");
        let (_third, third, next) = at_work(&at, put("/c")).await;
        assert_ne!(pass_of(&next)[..32], pass_of(&request)[..32]);
        for origin in [origin, other, third] {
            origin.respond("200 OK", "").await;
        }
        at.ends_empty().await;
    });
}

#[test]
fn what_a_backend_calls_back_below_its_key_passes_by_those_who_wait_there_for_it() {
    run(async || {
        let at = ByHand::with("[guard]\nscope = \"subtree\"\non_conflict = { wait = \"9s\" }\n");
        let (outer, origin, request) = at_work(&at, put("/a")).await;
        let waits = at.client_sends(put("/a/1")).await;
        lull().await;
        let (nested, within, _) = at_work(&at, of(&put("/a/1"), &pass_of(&request))).await;
        within.respond("200 OK", "").await;
        origin.respond("200 OK", "").await;
        for client in [nested, outer] {
            assert_eq!(client.message().await.status(), 200);
        }
        let (origin, _) = at.origin.request().await;
        origin.respond("200 OK", "").await;
        assert_eq!(waits.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn what_clients_say_of_a_hold_goes_on_only_while_it_is_live_and_no_response_has_it() {
    run(async || {
        let at = ByHand::new();
        let (outer, origin, request) = at_work(&at, put("/a")).await;
        let pass = pass_of(&request);
        let (_read, reading, request) = at_work(&at, of(&get("/b"), &pass)).await;
        assert_eq!(
            request.field("writegate-hold"),
            Some(&*pass),
            "a read hands it on"
        );
        reading.respond("200 OK", "").await;
        origin
            .send(format!(
                "HTTP/1.1 200 OK\r\nWritegate-Hold: {pass}\r\nContent-Length: 0\r\n\r\n"
            ))
            .await;
        assert_eq!(outer.message().await.field("writegate-hold"), None);
        lull().await;
        for dead in [&*pass, "0-0", "", "x"] {
            let (_client, origin, request) = at_work(&at, of(&get("/b"), dead)).await;
            assert_eq!(request.field("writegate-hold"), None, "{dead}");
            origin.respond("200 OK", "").await;
            let (_client, origin, request) = at_work(&at, of(&put("/b"), dead)).await;
            assert_ne!(pass_of(&request), dead);
            assert_eq!(request.values("writegate-hold").len(), 1);
            origin.respond("200 OK", "").await;
            lull().await;
        }
        at.ends_empty().await;
    });
}

#[test]
fn a_write_has_a_number_where_the_upstream_wants_one_and_it_grows() {
    run(async || {
        let at = ByHand::with("[upstream]\nsequence_header = \"Writegate-Sequence\"\n");
        let mut last = 0;
        for path in ["/a", "/b", "/a"] {
            let forged = put(path).replacen(
                "\r\n",
                "\r\nwritegate_sequence: 1\r\nWritegate-Sequence: 1\r\n",
                1,
            );
            let (_client, origin, request) = at_work(&at, forged).await;
            let number: u64 = request
                .field("writegate-sequence")
                .expect("it has one")
                .parse()
                .expect("a number");
            assert_eq!(request.values("writegate_sequence"), Vec::<&str>::new());
            assert!(
                number > last && number > 1_000_000_000_000_000 && number < 1 << 53,
                "{number}"
            );
            last = number;
            origin.respond("200 OK", "").await;
            lull().await;
        }
        let (_client, origin, request) = at_work(&at, get("/a")).await;
        assert_eq!(request.field("writegate-sequence"), None);
        origin.respond("200 OK", "").await;
        lull().await;
        at.ends_empty().await;
    });
}
