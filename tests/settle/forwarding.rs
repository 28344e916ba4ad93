//! What goes on as it came, and what does not: bodies that are none, trailers, targets, fields.

use crate::support::by_hand::{ByHand, get, run};
use crate::support::message::Message;
use crate::support::pipes::End;

/// Has a request answered like this, and gives the request as the origin got it and the answer's head.
async fn exchange(at: &ByHand, request: &str, response: &str) -> (Message, Message) {
    let client = at.client_sends(request).await;
    let (origin, request) = at.origin.request().await;
    origin.send(response).await;
    let head = client.head().await;
    let rest = client.peek();
    let is_bodiless = request.start.starts_with("HEAD") || [204, 304].contains(&head.status());
    assert!(
        !is_bodiless || rest.is_empty(),
        "a body: {:?}",
        String::from_utf8_lossy(&rest)
    );
    (request, head)
}

#[test]
fn a_response_to_head_keeps_its_length_and_has_no_body() {
    run(async || {
        let at = ByHand::new();
        let request = get("/a").replace("GET", "HEAD");
        let (_, head) = exchange(
            &at,
            &request,
            "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        )
        .await;
        assert_eq!(head.field("content-length"), Some("1000"));
        let (_, head) = exchange(&at, &request, "HTTP/1.1 200 OK\r\nETag: \"7\"\r\n\r\n").await;
        assert_eq!(head.field("content-length"), None, "none is invented");
        assert_eq!(head.field("transfer-encoding"), None);
        assert_eq!(head.field("etag"), Some("\"7\""));
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (_, head) = exchange(&at, &request, chunked).await;
        assert_eq!(head.field("content-length"), None);
        at.ends_empty().await;
    });
}

#[test]
fn a_response_without_content_stays_without() {
    run(async || {
        let at = ByHand::new();
        let delete = get("/a").replace("GET", "DELETE");
        let (_, head) = exchange(&at, &delete, "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n").await;
        assert_eq!((head.status(), head.field("x-a")), (204, Some("1")));
        assert_eq!(head.field("content-length"), None);
        assert_eq!(head.field("transfer-encoding"), None);
        assert!(at.table.is_empty());
        let not_modified =
            "HTTP/1.1 304 Not Modified\r\nETag: \"7\"\r\nContent-Length: 1000\r\n\r\n";
        let (_, head) = exchange(&at, &get("/a"), not_modified).await;
        assert_eq!((head.status(), head.field("etag")), (304, Some("\"7\"")));
        let (_, head) = exchange(&at, &get("/a"), "HTTP/1.1 304 Not Modified\r\n\r\n").await;
        assert!(
            head.field("content-length")
                .is_none_or(|length| length != "0")
        );
        at.ends_empty().await;
    });
}

#[test]
fn a_connection_goes_on_after_responses_without_a_body() {
    run(async || {
        let at = ByHand::new();
        let client = at.client();
        for (method, response) in [
            ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
            ("DELETE", "HTTP/1.1 204 No Content\r\n\r\n"),
            ("GET", "HTTP/1.1 304 Not Modified\r\n\r\n"),
            ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ] {
            client.send(get("/a").replace("GET", method)).await;
            let (origin, _) = at.origin.request().await;
            origin.send(response).await;
            client.head().await;
        }
        assert_eq!(at.origin.connections(), 1);
        at.ends_empty().await;
    });
}

#[test]
fn announced_trailers_pass_both_ways() {
    run(async || {
        let at = ByHand::new();
        let client = at
            .client_sends(
                "PUT /a HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\nTrailer: X-Sum\r\n\
                 Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n",
            )
            .await;
        let (origin, request) = at.origin.request().await;
        assert_eq!(request.body, b"abc");
        assert_eq!(request.trailers, [("x-sum".to_owned(), "6".to_owned())]);
        assert_eq!(request.field("te"), Some("trailers"));
        origin
            .send("HTTP/1.1 200 OK\r\nTrailer: X-Back\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Back: 7\r\n\r\n")
            .await;
        let answer = client.message().await;
        assert_eq!(answer.body, b"ok");
        assert_eq!(answer.trailers, [("x-back".to_owned(), "7".to_owned())]);
        assert!(at.table.is_empty());
        at.ends_empty().await;
    });
}

#[test]
fn trailers_that_are_not_announced_pass_to_a_client_that_takes_them_and_to_no_other() {
    run(async || {
        for (takes, trailers) in [
            (
                "TE: gzip, trailers\r\nConnection: te\r\n",
                vec![("x-back".to_owned(), "7".to_owned())],
            ),
            ("", vec![]),
        ] {
            let at = ByHand::new();
            let request = format!("GET /a HTTP/1.1\r\nHost: a\r\n{takes}\r\n");
            let client = at.client_sends(request).await;
            let (origin, _) = at.origin.request().await;
            origin
                .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Back: 7\r\n\r\n")
                .await;
            let answer = client.message().await;
            assert_eq!((&answer.body[..], answer.trailers), (&b"ok"[..], trailers));
            at.ends_empty().await;
        }
    });
}

#[test]
fn a_status_that_nobody_knows_has_the_phrase_that_the_backend_gives_it_and_no_other() {
    run(async || {
        for (status, told) in [
            ("299 ", "HTTP/1.1 299 "),
            ("299 Fine enough", "HTTP/1.1 299 Fine enough"),
            ("200 Very well", "HTTP/1.1 200 Very well"),
            ("404", "HTTP/1.1 404 "),
        ] {
            let at = ByHand::new();
            let response = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            let (_, answer) = exchange(&at, &get("/a"), &response).await;
            assert_eq!(answer.start, told);
            at.ends_empty().await;
        }
    });
}

#[test]
fn trailers_of_a_streamed_body_pass_too() {
    run(async || {
        let at = ByHand::new();
        let client = at.client();
        let sender = client.clone();
        tokio::task::spawn_local(async move {
            let head = "PUT /a HTTP/1.1\r\nHost: a\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n";
            let body = "x".repeat(0x20000);
            sender
                .send(format!("{head}20000\r\n{body}\r\n0\r\nX-Sum: 6\r\n\r\n"))
                .await;
        });
        let (origin, request) = at.origin.request().await;
        assert_eq!(request.body.len(), 0x20000);
        assert_eq!(request.trailers, [("x-sum".to_owned(), "6".to_owned())]);
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn options_of_the_whole_server_is_asked_for_as_such() {
    run(async || {
        let at = ByHand::new();
        let request = "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n";
        let (request, _) =
            exchange(&at, request, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(request.start, "OPTIONS * HTTP/1.1");
        at.ends_empty().await;
    });
}

#[test]
fn a_target_in_absolute_form_is_the_same_resource_in_origin_form() {
    run(async || {
        let at = ByHand::new();
        let client = at
            .client_sends("PUT http://a.example/a?b=%2F HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n")
            .await;
        let (origin, request) = at.origin.request().await;
        assert_eq!(request.start, "PUT /a?b=%2F HTTP/1.1");
        assert_eq!(request.field("host"), Some("a.example"));
        assert_eq!(at.another("/a").await, "write-in-flight");
        origin.respond("200 OK", "").await;
        assert_eq!(client.message().await.status(), 200);
        at.ends_empty().await;
    });
}

#[test]
fn a_target_is_forwarded_byte_for_byte() {
    run(async || {
        let at = ByHand::new();
        for target in [
            "/a%40b/../c;v=1//d/?q=a+b&q=%zz",
            "/\u{e9}?x=[1]{2}|",
            "/?",
            "//",
        ] {
            let (request, _) = exchange(
                &at,
                &get(target),
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            )
            .await;
            assert_eq!(request.start, format!("GET {target} HTTP/1.1"));
        }
        at.ends_empty().await;
    });
}

#[test]
fn a_client_of_http_1_0_gets_what_it_understands() {
    run(async || {
        let at = ByHand::new();
        let client = at
            .client_sends("PUT /a HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi")
            .await;
        let (origin, request) = at.origin.request().await;
        assert_eq!(request.start, "PUT /a HTTP/1.1");
        assert!(request.field("host").is_some());
        origin
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
            .await;
        let head = client.head().await;
        assert_eq!(head.field("transfer-encoding"), None);
        assert_eq!(client.read_to_end().await, (b"abc".to_vec(), End::Fin));
        assert!(at.table.is_empty());

        let client = at
            .client_sends("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            .await;
        at.origin.request().await.0.respond("200 OK", "one").await;
        assert_eq!(client.message().await.body, b"one");
        client.send("GET /a HTTP/1.0\r\n\r\n").await;
        at.origin.request().await.0.respond("200 OK", "two").await;
        assert_eq!(client.message().await.body, b"two");
        assert_eq!(client.until_ended().await, End::Fin);
        at.ends_empty().await;
    });
}

#[test]
fn an_upstream_of_http_1_0_is_understood() {
    run(async || {
        let at = ByHand::new();
        let (client, origin) = at.write_at_work("/a").await;
        origin.send("HTTP/1.0 200 OK\r\nX-A: 1\r\n\r\nabc").await;
        origin.close();
        let answer = client.message().await;
        assert!(answer.start.starts_with("HTTP/1.1 200"));
        assert_eq!(answer.body, b"abc");
        assert_eq!(at.another("/a").await, "200");
        at.ends_empty().await;
    });
}

#[test]
fn repeated_fields_keep_their_values_and_their_order() {
    run(async || {
        let at = ByHand::new();
        let request = "GET /a HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nCookie: a=1\r\nX-A: 2, 3\r\nX-A: \r\nCookie: b=2\r\n\r\n";
        let response = "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nX-B: x\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n";
        let (request, head) = exchange(&at, request, response).await;
        assert_eq!(request.values("x-a"), ["1", "2, 3", ""]);
        assert_eq!(request.values("cookie"), ["a=1", "b=2"]);
        assert_eq!(head.values("set-cookie"), ["a=1; Path=/", "b=2"]);
        at.ends_empty().await;
    });
}

#[test]
fn fields_of_one_connection_stay_on_it() {
    run(async || {
        let at = ByHand::new();
        let request = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\n\
                       Proxy-Connection: x\r\nTE: gzip\r\nUpgrade: h2c\r\nX-Yours: 2\r\n\r\n";
        let response = "HTTP/1.1 200 OK\r\nConnection: X-Ours\r\nX-Ours: 1\r\nKeep-Alive: timeout=5\r\n\
                        X-Theirs: 2\r\nContent-Length: 0\r\n\r\n";
        let (request, head) = exchange(&at, request, response).await;
        for name in [
            "connection",
            "x-mine",
            "keep-alive",
            "proxy-connection",
            "te",
            "upgrade",
        ] {
            assert_eq!(request.field(name), None);
        }
        assert_eq!(request.field("x-yours"), Some("2"));
        for name in ["connection", "x-ours", "keep-alive"] {
            assert_eq!(head.field(name), None);
        }
        assert_eq!(head.field("x-theirs"), Some("2"));
        at.ends_empty().await;
    });
}

#[test]
fn the_upstream_is_told_of_the_client_and_its_host() {
    run(async || {
        let at = ByHand::new();
        let (request, _) = exchange(
            &at,
            &get("/a"),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        )
        .await;
        assert_eq!(request.field("host"), Some("a.example"));
        assert_eq!(request.field("x-forwarded-for"), Some("192.0.2.7"));
        assert_eq!(request.field("x-forwarded-host"), Some("a.example"));
        assert_eq!(request.field("x-forwarded-proto"), Some("http"));
        assert_eq!(request.field("via"), Some("1.1 writegate"));
        assert!(request.field("x-request-id").is_some());
        at.ends_empty().await;
    });
}

#[test]
fn what_is_said_of_a_length_upstream_is_what_the_client_said() {
    run(async || {
        let at = ByHand::new();
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let (request, _) = exchange(&at, &get("/a"), ok).await;
        assert_eq!(request.field("content-length"), None);
        assert_eq!(request.field("transfer-encoding"), None);
        let empty = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
        let (request, _) = exchange(&at, empty, ok).await;
        assert_eq!(request.field("content-length"), Some("0"));
        let chunked =
            "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        let (request, _) = exchange(&at, chunked, ok).await;
        assert_eq!(request.body, b"abc");
        at.ends_empty().await;
    });
}

#[test]
fn the_case_of_names_is_kept_where_that_is_asked_for_and_lowered_elsewhere() {
    run(async || {
        let asked = "GET /a HTTP/1.1\r\nHost: a.example\r\nX-CamelCase: 1\r\nSOAPAction: x\r\n\
                     X-Request-ID: abc\r\n\r\n";
        let answered = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \"a\"\r\nX-ID: 1\r\n\r\n";
        let names = |message: &Message| -> Vec<String> {
            message
                .fields
                .iter()
                .map(|(name, _)| name.clone())
                .collect()
        };
        for (setting, request_names, response_names) in [
            (
                "true",
                ["X-CamelCase", "SOAPAction", "X-Request-ID"],
                ["ETag", "X-ID"],
            ),
            (
                "false",
                ["x-camelcase", "soapaction", "x-request-id"],
                ["etag", "x-id"],
            ),
        ] {
            let at = ByHand::with(&format!("[upstream]\nkeep_case = {setting}"));
            let (request, response) = exchange(&at, asked, answered).await;
            for name in request_names {
                assert!(
                    names(&request).iter().any(|other| other == name),
                    "{request:?}"
                );
            }
            for name in response_names {
                assert!(
                    names(&response).iter().any(|other| other == name),
                    "{response:?}"
                );
            }
            at.ends_empty().await;
        }
    });
}
