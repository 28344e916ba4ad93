//! The access log of the real binary: a line a request, which nobody can forge, and which gives no secret away.

use crate::support::gateway::{Gateway, access_lines, binary};
use crate::support::loopback::{Origin, answer, client_sends, exchange, reply, request_on, write};
use crate::support::program::repository;
use crate::support::witness::Witness;
use serde_json::Value;

const ORDERS: &str = "[[route]]\npath = \"/orders/{id}/{*rest}\"\nkey = \"order:{id}\"\n";

/// The values that a line has for these fields.
fn values<'a, const N: usize>(line: &'a Value, names: [&str; N]) -> [&'a str; N] {
    names.map(|name| line[name].as_str().unwrap_or_default())
}

#[tokio::test]
async fn each_request_has_one_line_that_says_what_became_of_it() {
    let origin = Origin::start().await;
    let gateway = Gateway::with_server(origin.addr, "workers = 1", ORDERS);
    let mut writing = client_sends(gateway.addr, write("PUT", "/orders/7/items?a=b")).await;
    let (mut upstream, _) = origin.request().await;
    let refused = exchange(gateway.addr, write("PATCH", "/Orders/7")).await;
    assert_eq!(refused.status, 409);
    answer(&mut upstream, "done").await;
    assert_eq!(reply(&mut writing).await.status, 200);
    for (request, body) in [
        (write("POST", "/else"), "1"),
        (
            "GET /orders/7 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "four",
        ),
    ] {
        let mut client = client_sends(gateway.addr, request).await;
        request_on(&mut upstream).await;
        answer(&mut upstream, body).await;
        assert_eq!(reply(&mut client).await.status, 200);
    }
    let lines = access_lines(&gateway.ends_well());
    let route = "/orders/{id}/{*rest}";
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                values(line, ["method", "path", "route", "keys", "outcome"]),
                [&line["status"], &line["received"], &line["sent"]].map(Value::as_u64),
            )
        })
        .collect();
    let refused_octets = Some(refused.body.len() as u64);
    assert_eq!(
        told,
        [
            (
                ["PATCH", "/Orders/7", route, "order:7", "write-in-flight"],
                [Some(409), Some(2), refused_octets]
            ),
            (
                ["PUT", "/orders/7/items", route, "order:7", "guarded"],
                [Some(200), Some(2), Some(4)]
            ),
            (
                ["POST", "/else", "[guard]", "/else", "observed"],
                [Some(200), Some(2), Some(1)]
            ),
            (
                ["GET", "/orders/7", "[guard]", "", "forwarded"],
                [Some(200), Some(0), Some(4)]
            ),
        ]
    );
    for line in &lines {
        assert_eq!(line["client"], "127.0.0.1");
        assert!(line["timestamp"].is_string(), "{line}");
        let lasted = line["duration_ms"].as_f64().expect("a time");
        assert!((0.0..10_000.0).contains(&lasted), "{line}");
        assert_eq!(line["request_id"].as_str().map(str::len), Some(32));
        assert!(line.get("cut").is_none(), "{line}");
    }
}

#[tokio::test]
async fn the_documentation_has_every_field_of_a_line() {
    let origin = Origin::start().await;
    let waiting = "[[route]]\npath = \"/w\"\non_conflict = { wait = \"50ms\" }\n";
    let gateway = Gateway::start(origin.addr, waiting);
    let mut writers = Vec::new();
    let client = client_sends(gateway.addr, write("PATCH", "/w")).await;
    writers.push((client, origin.request().await.0));
    let mut waits = client_sends(gateway.addr, write("PATCH", "/w")).await;
    assert_eq!(reply(&mut waits).await.status, 409);
    for method in ["PUT", "POST"] {
        let client = client_sends(gateway.addr, write(method, "/a")).await;
        writers.push((client, origin.request().await.0));
    }
    for (mut client, mut upstream) in writers {
        answer(&mut upstream, "done").await;
        assert_eq!(reply(&mut client).await.status, 200);
    }
    exchange(gateway.addr, "PUT /a\r\n\r\n").await;
    let log = gateway.ends_well();
    let page = std::fs::read_to_string(repository("docs/logs.md")).expect("the page");
    let mut seen = std::collections::BTreeSet::new();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).expect("an object");
        let fields = line.as_object().expect("an object");
        if ["access", "overlap"].contains(&values(&line, ["target"])[0]) {
            seen.extend(fields.keys().cloned());
        }
    }
    for constant in ["level", "target", "message"] {
        assert!(seen.remove(constant), "{log}");
    }
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let names = rows.filter_map(|row| row.split('|').nth(1));
    let documented: std::collections::BTreeSet<String> = names
        .flat_map(|names| names.split(','))
        .map(|name| name.trim().trim_matches('`').to_owned())
        .collect();
    seen.insert("cut".to_owned());
    assert!(log.contains("upstream_ms"), "{log}");
    assert_eq!(seen, documented);
}

#[tokio::test]
async fn what_is_refused_before_it_is_a_request_has_a_line_too() {
    let witness = Witness::start(57, 0.0);
    let gateway = Gateway::start(witness.addr, "");
    let requests = [
        ("PUT /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501),
        ("PUT /a HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    ];
    for (request, status) in requests {
        let refused = exchange(gateway.addr, request).await;
        assert_eq!(refused.status, status);
    }
    let log = gateway.ends_well();
    let lines = access_lines(&log);
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            let [client, outcome] = values(line, ["client", "outcome"]);
            (client, line["status"].as_u64(), outcome)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("127.0.0.1", Some(400), "bad-request"),
            ("127.0.0.1", Some(501), "connect-not-supported"),
            ("127.0.0.1", Some(505), "version-not-supported"),
        ]
    );
    assert!(log.contains("\"requests\":3"), "{log}");
}

#[tokio::test]
async fn a_write_whose_client_is_gone_has_a_line_too() {
    let origin = Origin::start().await;
    let gateway = Gateway::start(origin.addr, "");
    let client = client_sends(gateway.addr, write("PUT", "/a")).await;
    let (mut upstream, _) = origin.request().await;
    client.reset().expect("a reset");
    gateway.until_said("client").await;
    answer(&mut upstream, "done").await;
    let lines = access_lines(&gateway.ends_well());
    assert_eq!(lines.len(), 1);
    let told = values(&lines[0], ["method", "path", "keys", "outcome"]);
    assert_eq!(told, ["PUT", "/a", "/a", "guarded"]);
    assert_eq!(lines[0]["cut"], true);
    assert!(lines[0].get("status").is_none(), "{}", lines[0]);
}

#[tokio::test]
async fn a_write_whose_outcome_is_unknown_has_a_line_with_how_long_its_keys_are_held() {
    let origin = Origin::start().await;
    let gateway = Gateway::start(origin.addr, "");
    let mut client = client_sends(gateway.addr, write("PUT", "/a")).await;
    drop(origin.request().await);
    assert_eq!(reply(&mut client).await.status, 502);
    gateway.until_said("held_for_ms").await;
    let log = gateway.said();
    let line = log.lines().find(|line| line.contains("held_for_ms"));
    let line: Value = serde_json::from_str(line.expect("the line")).expect("an object");
    assert_eq!(
        values(&line, ["level", "keys", "method"]),
        ["WARN", "/a", "PUT"]
    );
    let held = line["held_for_ms"].as_u64().expect("a number");
    assert!((1..=60_000).contains(&held), "{line}");
}

#[tokio::test]
async fn what_came_of_a_body_is_logged_whatever_was_declared() {
    let witness = Witness::start(58, 0.0);
    let gateway = Gateway::start(witness.addr, "");
    let chunked = "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n3\r\n...\r\n0\r\n\r\n";
    assert_eq!(exchange(gateway.addr, chunked).await.status, 200);
    let broken = "PUT /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\nZ";
    assert_eq!(exchange(gateway.addr, broken).await.status, 400);
    let lines = access_lines(&gateway.ends_well());
    let received = lines.iter().map(|line| line["received"].as_u64());
    assert_eq!(received.collect::<Vec<_>>(), [Some(7), Some(4)]);
}

#[tokio::test]
async fn the_text_log_has_one_line_a_request_too() {
    let witness = Witness::start(51, 0.0);
    let gateway = Gateway::with_flags(witness.addr, &["--log-format", "text"]);
    for target in ["/a", "/b?c"] {
        let served = exchange(gateway.addr, write("PUT", target)).await;
        assert_eq!(served.status, 200);
    }
    let log = gateway.ends_well();
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("outcome"))
        .collect();
    assert_eq!(lines.len(), 2, "{log}");
    for (line, path) in lines.iter().zip(["/a", "/b"]) {
        assert!(!line.contains('\u{1b}'), "no colours in a file: {line}");
        for told in [
            &format!("path=\"{path}\""),
            "method=PUT",
            "status=200",
            "route=\"[guard]\"",
            "outcome=\"guarded\"",
            "duration_ms=",
            "received=2",
            "sent=7",
        ] {
            assert!(line.contains(told), "{told} is not in {line}");
        }
    }
}

/// Requests that would have a second line, or a field of their own, if they were written as they come.
fn forgeries() -> Vec<Vec<u8>> {
    let with = |path: &[u8], fields: &[u8]| {
        let (before, after) = (
            b"PUT ",
            b" HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n",
        );
        [before, path, after, fields, b"\r\nhi"].concat()
    };
    let plain = b"/forged";
    vec![
        with(b"/forged\",\"outcome\":\"made-up", b""),
        with(b"/forged\"%20outcome=\"made-up\"", b""),
        with(
            b"/forged%0a%0d{\"target\":\"access\",\"outcome\":\"made-up\"}",
            b"",
        ),
        with(b"/forged%0Aoutcome=made-up", b""),
        with("/forged\u{9b}31m\u{85}outcome=made-up".as_bytes(), b""),
        with(b"/forged%1b[31m%c2%9b31m\\noutcome=made-up\\", b""),
        with(b"/forged/\x9b\xff", b""),
        with(plain, "X-Tenant: \",\"outcome\":\"made-up\r\n".as_bytes()),
        with(
            plain,
            "X-Tenant: a\u{9b}31m\u{85}outcome=made-up\r\n".as_bytes(),
        ),
        with(plain, "X-Tenant: %0aoutcome=made-up\tb c\r\n".as_bytes()),
        with(plain, b"X-Request-Id: \",\"outcome\":\"made-up\r\n"),
        with(plain, "X-Request-Id: \u{9b}\u{85}made-up\r\n".as_bytes()),
        with(plain, b"X-HTTP-Method-Override: MADE-UP\r\n"),
    ]
}

const TENANTS: &str = "[[route]]\npath = \"/forged/{*rest}\"\nkeys = [\"tenant:{header:X-Tenant}\", \"path:{path}\"]\n";

/// Sends them all, and gives how many were forwarded. The others are no requests at all, and are told so.
async fn send_forgeries(gateway: &Gateway) -> usize {
    let mut forwarded = 0;
    for request in forgeries() {
        let told = exchange(gateway.addr, &request).await;
        match told.status {
            200 => forwarded += 1,
            400 => {}
            other => panic!("{other} for {}", String::from_utf8_lossy(&request)),
        }
    }
    assert!(forwarded >= 6, "{forwarded} requests show nothing");
    forwarded
}

#[tokio::test]
async fn nothing_that_a_client_sends_forges_a_line_or_a_field_in_json() {
    let witness = Witness::start(52, 0.0);
    let gateway = Gateway::start(witness.addr, TENANTS);
    let forwarded = send_forgeries(&gateway).await;
    let log = gateway.ends_well();
    let lines = access_lines(&log);
    let served: Vec<&Value> = lines.iter().filter(|line| line["status"] == 200).collect();
    assert_eq!(served.len(), forwarded, "{log}");
    for line in &lines {
        assert_ne!(line["outcome"], "made-up", "{line}");
    }
    for line in log.lines().filter(|line| line.contains("\"access\"")) {
        assert_eq!(line.matches("\"outcome\":").count(), 1, "{line}");
    }
}

#[tokio::test]
async fn nothing_that_a_client_sends_forges_a_line_or_a_field_in_text() {
    let witness = Witness::start(53, 0.0);
    let gateway = Gateway::run(|scratch, addr| {
        let mut command = binary();
        let upstream = format!("[upstream]\nurl = \"http://{}\"\n{TENANTS}", witness.addr);
        command
            .args(["run", "--log-format", "text", "--listen"])
            .arg(addr.to_string())
            .arg("--config")
            .arg(scratch.file("writegate.toml", &upstream));
        command
    });
    let forwarded = send_forgeries(&gateway).await;
    let log = gateway.ends_well();
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("made-up") || line.contains(" outcome="))
        .collect();
    let served = lines.iter().filter(|line| line.contains(" status=200 "));
    assert_eq!(served.count(), forwarded, "{log}");
    for line in lines {
        assert_eq!(line.matches(" outcome=").count(), 1, "{line:?}");
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(!line.contains(" outcome=\"made-up"), "{line:?}");
    }
}

/// JSON lets them stand as they are, and a terminal takes U+009B for the start of a sequence, some readers U+0085 for the end
/// of a line.
#[tokio::test]
async fn no_control_character_that_a_client_sends_stands_in_the_log_as_it_came() {
    let witness = Witness::start(56, 0.0);
    let gateway = Gateway::start(witness.addr, TENANTS);
    send_forgeries(&gateway).await;
    let log = gateway.ends_well();
    for line in log.lines() {
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}

#[tokio::test]
async fn no_query_credential_or_concealed_key_is_logged() {
    let witness = Witness::start(54, 0.0);
    let keys = "keys = [\"session:{cookie:sid}\", \"token:{header:Authorization}\", \"by:{header:X-Tenant}\"]";
    let route = format!("[[route]]\npath = \"/account\"\n{keys}\n");
    let gateway = Gateway::start(witness.addr, &route);
    let secrets = "Cookie: sid=hidden-cookie; other=hidden-other\r\nAuthorization: Bearer hidden-bearer\r\nX-Tenant: acme\r\n";
    for target in [
        "/account;jsessionid=hidden?token=hidden-query",
        "/else/;hidden?hidden-query",
    ] {
        for method in ["PUT", "POST", "GET"] {
            let request = write(method, target).replace("\r\n\r\n", &format!("\r\n{secrets}\r\n"));
            assert_eq!(exchange(gateway.addr, request).await.status, 200);
        }
    }
    let log = gateway.ends_well();
    assert!(!log.contains("hidden"), "{log}");
    let lines = access_lines(&log);
    assert_eq!(lines.len(), 6, "{log}");
    let keys = lines[0]["keys"].as_str().expect("keys");
    assert!(keys.contains("by:acme"), "{keys}");
    assert_eq!(
        keys.split(' ').count(),
        3,
        "digests stand for the others: {keys}"
    );
    assert_eq!(lines[1]["keys"], keys, "the same digests");
}

#[tokio::test]
async fn the_access_log_is_off_by_a_flag_and_by_a_setting() {
    let witness = Witness::start(55, 0.0);
    for gateway in [
        Gateway::with_flags(witness.addr, &["--no-access-log"]),
        Gateway::with_server(witness.addr, "access_log = false", ""),
    ] {
        let served = exchange(gateway.addr, write("PUT", "/not-logged")).await;
        assert_eq!(served.status, 200);
        let log = gateway.ends_well();
        assert!(
            log.contains("listening"),
            "the rest of the log stays: {log}"
        );
        assert!(!log.contains("not-logged"), "{log}");
        assert!(!log.contains("\"access\""), "{log}");
    }
}
