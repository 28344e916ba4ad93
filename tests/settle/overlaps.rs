//! Two writes to one resource of which one is only observed: both are let through, and the log says what would refuse it.

use tracing::Level;

use crate::support::by_hand::{ByHand, run};
use crate::support::log::Log;

/// Both writes, the second while the first is at work.
async fn overlap(config: &str, first: &str, second: &str) -> Vec<String> {
    let (log, _guard) = Log::begin(Level::INFO);
    let at = ByHand::with(config);
    let mut open = Vec::new();
    for start in [first, second] {
        let client = at
            .client_sends(format!(
                "{start} HTTP/1.1\r\nHost: a.example\r\nX-Tenant: t\r\nContent-Length: 2\r\n\r\nhi"
            ))
            .await;
        let (origin, request) = at.origin.request().await;
        assert!(request.start.starts_with(start), "{}", request.start);
        open.push((client, origin));
    }
    for (client, origin) in open {
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
    }
    let overlaps = log.of("overlap").into_iter();
    let remedies: Vec<String> = overlaps
        .map(|fields| fields["would_refuse"].to_string())
        .collect();
    assert_eq!(at.overlaps(), remedies.len() as u64);
    at.ends_empty().await;
    remedies
}

const TENANT: &str = "[guard]\nkey = \"tenant:{header:x-tenant}\"\n";

#[test]
fn of_an_observed_post_and_a_guarded_write_the_route_of_the_post_is_named_whoever_came_first() {
    run(async || {
        for [first, second] in [
            ["PUT /a", "POST /Log;v=1/In/"],
            ["POST /Log;v=1/In/", "PUT /a"],
        ] {
            assert_eq!(
                overlap(TENANT, first, second).await,
                [r#""--guard '/log/in'""#],
                "{first}, {second}"
            );
        }
    });
}

#[test]
fn a_write_that_its_route_observes_is_named_with_its_route() {
    run(async || {
        let config = format!("{TENANT}[[route]]\npath = \"/b\"\non_conflict = \"observe\"\n");
        for [first, second] in [["PUT /a", "PUT /b"], ["POST /b", "PUT /a"]] {
            assert_eq!(
                overlap(&config, first, second).await,
                [r#""on_conflict = 'reject' in /b""#],
                "{first}, {second}"
            );
        }
    });
}

#[test]
fn where_guard_observes_a_post_without_a_route_needs_one_that_rejects() {
    run(async || {
        let observing = "[guard]\non_conflict = \"observe\"\n";
        assert_eq!(
            overlap(observing, "POST /a", "POST /a").await,
            [r#""[[route]] path = '/a' on_conflict = 'reject'""#]
        );
        assert_eq!(
            overlap(observing, "PUT /a", "PUT /a").await,
            [r#""on_conflict = 'reject' in [guard]""#]
        );
    });
}

#[test]
fn of_two_observed_writes_both_are_named() {
    run(async || {
        assert_eq!(
            overlap(TENANT, "POST /orders/7", "POST /orders/8").await,
            [r#""--guard '/orders/{id}'""#],
            "one for both"
        );
        assert_eq!(
            overlap(TENANT, "POST /a", "POST /b").await,
            [r#""--guard '/b', and --guard '/a'""#]
        );
        assert_eq!(
            overlap(TENANT, "POST /a", "POST /A").await,
            [r#""--guard '/a'""#]
        );
        assert_eq!(overlap("", "POST /a", "POST /b").await, [""; 0]);
    });
}
