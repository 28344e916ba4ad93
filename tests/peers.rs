//! The peers under the storms: what they do well, and what they let through. This proves the storm as much as it describes the peers.

use crate::support::haproxy::Haproxy;
use crate::support::nginx::Nginx;
use crate::support::storm::{Manners, Storm};
use crate::support::tally::Tally;
use crate::support::witness::Witness;

fn show(what: &str, tally: &Tally) {
    println!("{what}\n{tally}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_and_nginx_keep_a_calm_storm_apart() {
    let witness = Witness::start(1, 0.0);
    let haproxy = Haproxy::start(witness.addr);
    let tally = Storm::new(11, Manners::CALM)
        .run(haproxy.addr, &witness)
        .await;
    show("HAProxy, calm", &tally);
    assert_eq!((tally.overlaps, tally.faults), (0, 0));
    let nginx = Nginx::limiting(witness.addr, false);
    let tally = Storm::new(11, Manners::CALM)
        .run(nginx.addr, &witness)
        .await;
    show("nginx, calm", &tally);
    assert_eq!((tally.overlaps, tally.faults), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_storm_sees_overlaps_behind_nginx_when_clients_hang_up() {
    let witness = Witness::start(2, 0.0);
    let nginx = Nginx::limiting(witness.addr, false);
    let tally = Storm::new(12, Manners::HANG_UPS)
        .run(nginx.addr, &witness)
        .await;
    show("nginx, hang-ups", &tally);
    assert!(tally.overlaps > 0);
    let nginx = Nginx::limiting(witness.addr, true);
    let tally = Storm::new(12, Manners::HANG_UPS)
        .run(nginx.addr, &witness)
        .await;
    show("nginx ignoring aborts, hang-ups", &tally);
    let haproxy = Haproxy::start(witness.addr);
    show(
        "HAProxy, hang-ups",
        &Storm::new(12, Manners::HANG_UPS)
            .run(haproxy.addr, &witness)
            .await,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_storm_sees_overlaps_behind_nginx_and_haproxy_when_a_path_has_many_spellings() {
    let witness = Witness::start(3, 0.0);
    let nginx = Nginx::limiting(witness.addr, true);
    let tally = Storm::new(13, Manners::SPELLINGS)
        .run(nginx.addr, &witness)
        .await;
    show("nginx, spellings", &tally);
    assert!(tally.overlaps > 0);
    let haproxy = Haproxy::start(witness.addr);
    let tally = Storm::new(13, Manners::SPELLINGS)
        .run(haproxy.addr, &witness)
        .await;
    show("HAProxy, spellings", &tally);
    assert!(tally.overlaps > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_storm_sees_overlaps_behind_nginx_and_haproxy_when_upstream_connections_break() {
    let witness = Witness::start(4, 0.1);
    let nginx = Nginx::limiting(witness.addr, true);
    let tally = Storm::new(14, Manners::CALM)
        .run(nginx.addr, &witness)
        .await;
    show("nginx, broken connections", &tally);
    assert!(tally.overlaps > 0);
    let haproxy = Haproxy::start(witness.addr);
    let tally = Storm::new(14, Manners::CALM)
        .run(haproxy.addr, &witness)
        .await;
    show("HAProxy, broken connections", &tally);
    assert!(tally.overlaps > 0);
}
