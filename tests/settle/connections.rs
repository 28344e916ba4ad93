//! Connections from clients: what an idle one keeps, and how one ends after its last answer.

use crate::support::by_hand::{ByHand, get, lull, pass, run};
use crate::support::pipes::{End, Far};

#[test]
fn an_idle_connection_gives_back_its_buffers_and_serves_the_next_request() {
    run(async || {
        let at = ByHand::new();
        let client = at.client();
        lull().await;
        assert!(!client.is_read_into_a_buffer(), "nothing has come yet");
        for path in ["/a", "/b"] {
            client.send(get(path)).await;
            let (origin, _) = at.origin.request().await;
            origin.respond("200 OK", path).await;
            assert_eq!(client.message().await.body, path.as_bytes());
            lull().await;
            assert!(client.is_read_into_a_buffer(), "the next may come soon");
            pass(2.1).await;
            assert!(!client.is_read_into_a_buffer(), "after {path}");
        }
        at.ends_empty().await;
    });
}

/// A client that has been told that its connection is over.
async fn refused(at: &ByHand) -> Far {
    let client = at.client_sends("PUT /a HTTP/1.1\r\n\r\n").await;
    assert_eq!(client.message().await.status(), 400);
    assert_eq!(client.until_ended().await, End::Fin);
    client
}

#[test]
fn a_client_that_is_silent_after_the_last_answer_is_waited_for_for_5_seconds() {
    run(async || {
        let at = ByHand::new();
        let client = refused(&at).await;
        pass(3.0).await;
        client.send("more").await;
        pass(4.9).await;
        assert_eq!(client.unread(), 0, "it is thrown away");
        assert!(!client.is_gone(), "it may send more");
        pass(0.2).await;
        assert!(client.is_gone(), "it is still waited for");
        at.ends_empty().await;
    });
}

#[test]
fn a_client_that_goes_on_sending_after_the_last_answer_is_listened_to_for_30_seconds() {
    run(async || {
        let at = ByHand::new();
        let client = refused(&at).await;
        for _ in 0..29 {
            pass(1.0).await;
            client.send("x").await;
            lull().await;
            assert_eq!(client.unread(), 0, "it is thrown away");
        }
        pass(0.9).await;
        assert!(!client.is_gone(), "it may send more");
        pass(0.2).await;
        assert!(client.is_gone(), "it is still waited for");
        at.ends_empty().await;
    });
}
