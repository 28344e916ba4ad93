//! Logs that real servers write under writes that overlap, as a test plays them, are audited to those overlaps; and the
//! command says what is wrong with what it is given.

use crate::support::gateway::{Gateway, binary};
use crate::support::loopback::{Origin, answer, client_sends, exchange, in_time, reply, write};
use crate::support::nginx;
use crate::support::program::{Program, Scratch};
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;
use tokio::time::sleep;

/// Two writes to one order that overlap for longer than any of these servers cuts a time off by, when it writes whole
/// milliseconds; one to another order beside them; and one to the first when they are over.
async fn writes_overlap(origin: &Origin, server: SocketAddr) {
    let mut clients = Vec::new();
    let mut asked = Vec::new();
    for (method, path) in [
        ("PUT", "/orders/7"),
        ("PATCH", "/Orders//7/"),
        ("PUT", "/orders/8"),
    ] {
        clients.push(client_sends(server, write(method, path)).await);
        asked.push(origin.request().await.0);
    }
    // The servers' clocks are the system's: they have to go on.
    sleep(Duration::from_millis(50)).await;
    for connection in &mut asked {
        answer(connection, "done").await;
    }
    for client in &mut clients {
        assert_eq!(reply(client).await.body, b"done");
    }
    drop((clients, asked));
    sleep(Duration::from_millis(50)).await;
    let last = write("DELETE", "/orders/7");
    let (reply, ()) = tokio::join!(exchange(server, last), async {
        answer(&mut origin.request().await.0, "gone").await;
    });
    assert_eq!(reply.body, b"gone");
}

/// What `audit` finds in a log of those writes. The log may take its time to be written.
async fn found(log: &Path) -> Value {
    let audited = async {
        loop {
            let text = fs::read_to_string(log).unwrap_or_default();
            if text.matches("/7").count() >= 3 && text.ends_with('\n') {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    in_time("the log", audited).await;
    let output = audit(&["--json", &log.display().to_string()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn audit(arguments: &[&str]) -> Output {
    let mut command = binary();
    command.arg("audit").args(arguments);
    command.output().expect("the binary is there")
}

/// One overlap, of a `PUT` and a `PATCH` to the first order, and nothing else.
fn is_exactly_that(found: &Value, server: &str) {
    assert_eq!(found["logs"][0]["format"], server, "{found:#}");
    assert_eq!(found["writes"], 4, "{found:#}");
    assert_eq!(found["unreadable"], 0, "{found:#}");
    let pairs = &found["overlaps"]["pairs"];
    assert_eq!(
        (&pairs["certain"], &pairs["possible"]),
        (&1.into(), &1.into()),
        "{found:#}"
    );
    assert_eq!(found["resources"][0]["key"], "/orders/7");
    assert_eq!(
        found["resources"][0]["methods"],
        serde_json::json!(["PATCH", "PUT"])
    );
    assert_eq!(found["routes"][0]["path"], "/orders/{id}");
    assert_eq!(found["gateway"]["refused"]["certain"], 1);
}

/// As [`is_exactly_that`], as far as whole seconds tell it.
fn may_be_that(found: &Value, server: &str) {
    assert_eq!(found["logs"][0]["format"], server, "{found:#}");
    assert_eq!(
        (&found["writes"], &found["unreadable"]),
        (&4.into(), &0.into())
    );
    let pairs = &found["overlaps"]["pairs"];
    assert_eq!(pairs["certain"], 0, "{found:#}");
    assert!(pairs["possible"].as_u64() >= Some(1), "{found:#}");
}

#[tokio::test]
async fn what_nginx_logs_is_audited() {
    let origin = Origin::start().await;
    let scratch = Scratch::new("audit-nginx");
    let root = scratch.path().to_owned();
    let (_nginx, addr) = Program::listen(&root.join("log"), |addr| {
        let text = format!(
            r#"    log_format combined_time '$remote_addr - $remote_user [$time_local] "$request" '
                '$status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time';
    log_format audit '$remote_addr - $remote_user [$time_local] "$request" '
                '$status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time $msec $host';
    server {{
        listen {addr};
        access_log {root}/seconds.log combined_time;
        access_log {root}/millis.log audit;
        location / {{ proxy_pass http://{origin}; }}
    }}"#,
            root = root.display(),
            origin = origin.addr,
        );
        nginx::command(&scratch, &text)
    });
    writes_overlap(&origin, addr).await;
    is_exactly_that(&found(&root.join("millis.log")).await, "NGINX");
    may_be_that(&found(&root.join("seconds.log")).await, "NGINX");
}

#[tokio::test]
async fn what_apache_logs_is_audited() {
    let origin = Origin::start().await;
    let scratch = Scratch::new("audit-apache");
    let root = scratch.path().to_owned();
    let (_apache, addr) = Program::listen(&root.join("log"), |addr| {
        let text = httpd(&root, addr, origin.addr);
        let mut command = Command::new("apache2");
        // It ends by signalling its whole process group, which must not be the test's.
        command
            .process_group(0)
            .arg("-DFOREGROUND")
            .arg("-f")
            .arg(scratch.file("httpd.conf", &text));
        command
    });
    writes_overlap(&origin, addr).await;
    is_exactly_that(&found(&root.join("micros.log")).await, "Apache");
    may_be_that(&found(&root.join("seconds.log")).await, "Apache");
}

fn httpd(root: &Path, addr: SocketAddr, origin: SocketAddr) -> String {
    let root = root.display();
    let modules = "/usr/lib/apache2/modules";
    format!(
        r#"ServerRoot {root}
ServerName localhost
PidFile {root}/httpd.pid
Mutex file:{root} default
DefaultRuntimeDir {root}
ErrorLog {root}/httpd-error.log
Listen {addr}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
LogFormat "%h %l %u %t \"%r\" %>s %O \"%{{Referer}}i\" \"%{{User-Agent}}i\" %D" combined_time
LogFormat "%h %l %u [%{{%d/%b/%Y:%T}}t.%{{usec_frac}}t %{{%z}}t] \"%r\" %>s %B \"%{{Referer}}i\" \"%{{User-Agent}}i\" %D" audit
CustomLog {root}/seconds.log combined_time
CustomLog {root}/micros.log audit
ProxyPass / http://{origin}/
"#
    )
}

#[tokio::test]
async fn what_haproxy_logs_is_audited() {
    let origin = Origin::start().await;
    let scratch = Scratch::new("audit-haproxy");
    let log = scratch.path().join("log");
    let (_haproxy, addr) = Program::listen(&log, |addr| {
        let text = format!(
            "global
    log stdout format raw local0
defaults
    mode http
    log global
    option httplog
    option dontlognull
    timeout connect 2s
    timeout client 60s
    timeout server 60s
frontend in
    bind {addr}
    default_backend out
backend out
    server origin {}
",
            origin.addr
        );
        let mut command = Command::new("haproxy");
        command
            .arg("-db")
            .arg("-f")
            .arg(scratch.file("haproxy.cfg", &text));
        command
    });
    writes_overlap(&origin, addr).await;
    let lines = fs::read_to_string(&log).unwrap_or_default();
    let mut found = found(&log).await;
    // What it says at its start stands in the same file.
    let other = lines
        .lines()
        .filter(|line| !line.contains("HTTP/1.1\""))
        .count();
    assert_eq!(found["unreadable"], other);
    found["unreadable"] = 0.into();
    is_exactly_that(&found, "HAProxy");
}

const LINE: &str = r#"::1 - - [24/Nov/2026:00:00:02 +0000] "PUT /a HTTP/1.1" 200 5 "-" "-" 1.500"#;

#[test]
fn what_is_asked_wrongly_ends_with_64_and_says_why() {
    let scratch = Scratch::new("audit-usage");
    let without = LINE.strip_suffix(" 1.500").expect("it ends so");
    let without = scratch.file("without.log", &format!("{without}\n"));
    let garbage = scratch.file("garbage.log", "what is this?\n");
    let broken = scratch.file("broken.toml", "[guard]\nkeys = 1\n");
    let [without, garbage, broken] =
        [without, garbage, broken].map(|path| path.display().to_string());
    for (arguments, said) in [
        (&[][..], "LOG"),
        (
            &["/no/such.log"],
            "/no/such.log cannot be opened: No such file",
        ),
        (&[&without], "NGINX has to be told to log $request_time"),
        (&[&garbage], "no access log that is known here"),
        (&["--format", "iis", &garbage], "iis"),
        (&["--config", &broken, &garbage], "broken.toml"),
        (&["--config", "/no/such.toml", &garbage], "/no/such.toml"),
        (&["--svg", "/tmp/a.svg", "-"], "- can be read only once"),
    ] {
        let output = audit(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
    let directory = audit(&[&scratch.path().display().to_string()]);
    assert!(matches!(directory.status.code(), Some(1 | 64)));
}

#[test]
fn rotated_logs_are_read_in_the_order_of_their_times_and_empty_ones_are_no_error() {
    let scratch = Scratch::new("audit-rotated");
    // Both are at work from 0.5 to 2: in one file or in two, from the newest or not.
    let newer = scratch.file("access.log", &format!("{LINE}\n"));
    let older = scratch.file("access.log.1", &format!("{LINE}\r\ngarbage \u{1b}[1m\n"));
    let empty = scratch.file("access.log.2", "");
    let [newer, older, empty] = [newer, older, empty].map(|path| path.display().to_string());
    let output = audit(&[&newer, &older, &empty]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    assert!(text.contains("3 lines, 2 requests, 2 writes"), "{text}");
    assert!(text.contains("resource that overlapped: 1\n"), "{text}");
    assert!(
        text.contains("access.log.1:2: it has no [time]: garbage \\u{1b}[1m"),
        "{text}"
    );
    assert!(text.contains("access.log.2  empty"), "{text}");
}

#[test]
fn where_no_line_can_be_read_nothing_is_said_of_overlaps() {
    let scratch = Scratch::new("audit-nothing");
    let empty = scratch.file("empty.log", "").display().to_string();
    let log = scratch.file("nginx.log", LINE).display().to_string();
    for (arguments, told) in [
        (&[&*empty][..], "empty.log is empty"),
        (
            &["--format", "apache", &log],
            "nginx.log:1, as one of Apache: ",
        ),
    ] {
        let output = audit(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(said.contains(told), "{said}");
    }
}

#[test]
fn a_configuration_says_what_a_resource_is() {
    let scratch = Scratch::new("audit-config");
    let config = scratch.file(
        "w.toml",
        "[[route]]\npath = \"/orders/{id}/{*rest}\"\nkey = \"order:{id}\"\n[[route]]\npath = \"/a\"\nguard = false\n\
         [[route]]\npath = \"/b\"\nkey = \"{header:X-Tenant}\"\n",
    );
    let line = |target: &str| LINE.replace("/a", target);
    let text = [
        line("/orders/7"),
        line("/orders/7/lines/1"),
        line("/a"),
        line("/a"),
    ]
    .join("\n");
    let log = scratch.file("access.log", &text);
    let [config, log] = [config, log].map(|path| path.display().to_string());
    let output = audit(&["--json", "--config", &config, &log]);
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["resources"][0]["key"], "order:7", "{found:#}");
    assert_eq!(found["routes"][0]["path"], "/orders/{id}/{*rest}");
    assert_eq!(
        (&found["writes"], &found["unguarded"]),
        (&4.into(), &2.into())
    );
}

#[test]
fn the_worst_resource_is_drawn() {
    let scratch = Scratch::new("audit-svg");
    let text = [
        LINE,
        LINE,
        &LINE.replace("/a", "/b"),
        &LINE.replace(":02 ", ":01 "),
    ]
    .join("\n");
    let log = scratch.file("access.log", &text).display().to_string();
    let svg = scratch.path().join("worst.svg");
    let output = audit(&["--svg", &svg.display().to_string(), "--top", "0", &log]);
    assert!(output.status.success(), "{output:?}");
    let drawn = fs::read_to_string(&svg).expect("a picture");
    assert!(drawn.starts_with("<svg "), "{drawn}");
    assert!(drawn.contains("Writes to /a around 2026-11-2"), "{drawn}");
    assert_eq!(drawn.matches("\nPUT\n").count(), 3, "{drawn}");
    // Each of the three has met the others: for certain, or perhaps.
    for colour in ["#CC2936", "#F0A830"] {
        assert!(drawn.contains(colour), "{colour}: {drawn}");
    }
    let nowhere = audit(&["--svg", "/no/such/directory/a.svg", &log]);
    assert_eq!(nowhere.status.code(), Some(1));
}

#[tokio::test]
async fn what_the_gateway_logs_is_reported_with_what_would_refuse_it() {
    reported("", "[[route]]\npath = \"/orders/{id}\"\n").await;
}

#[tokio::test]
async fn what_a_gateway_that_only_observes_logs_is_reported_with_what_would_refuse_it() {
    reported(
        "[guard]\non_conflict = \"observe\"\n",
        "[[route]]\npath = \"/orders/{id}\"\non_conflict = \"reject\"\n",
    )
    .await;
}

/// Two pairs of writes overlap; the report has this proposal, and beside `tables` it refuses the next.
async fn reported(tables: &str, proposal: &str) {
    let origin = Origin::start().await;
    let mut gateway = Gateway::start(origin.addr, tables);
    for order in [7, 8] {
        let path = format!("/orders/{order}");
        let mut first = client_sends(gateway.addr, write("PUT", &path)).await;
        let (mut for_first, _) = origin.request().await;
        let mut second = client_sends(gateway.addr, write("POST", &path)).await;
        let (mut for_second, _) = origin.request().await;
        for (connection, client) in [(&mut for_first, &mut first), (&mut for_second, &mut second)] {
            answer(connection, "done").await;
            assert_eq!(reply(client).await.body, b"done");
        }
    }
    gateway.signal_term();
    gateway.ended(Duration::from_secs(10)).expect("it ends");
    let scratch = Scratch::new("report");
    let log = scratch
        .file("writegate.log", &gateway.said())
        .display()
        .to_string();
    let report = |arguments: &[&str]| {
        let mut command = binary();
        command.arg("report").args(arguments);
        command.output().expect("the binary is there")
    };
    let output = report(&[&log]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("2 writes were let through beside another"),
        "{text}"
    );
    assert!(
        text.contains("\n# 2 overlaps") && text.contains(&format!("\n{proposal}")),
        "{text}"
    );
    let found: Value = serde_json::from_slice(&report(&["--json", &log]).stdout).expect("JSON");
    assert_eq!(found["routes"][0]["writes"], 4, "{found:#}");
    assert!(found["routes"][0]["longest_ms"].as_f64() > Some(0.0));
    assert_eq!(
        found["pairs"][0]["came"],
        serde_json::json!(["POST", "/orders/{id}"])
    );
    // What is proposed refuses it.
    let (_, toml) = text.split_once("you agree with:\n").expect("a proposal");
    let upstream = format!("[upstream]\nurl = \"http://a\"\n{tables}{toml}");
    let config = scratch.file("w.toml", &upstream).display().to_string();
    let mut explain = binary();
    explain.args(["explain", "--config", &config, "POST", "/orders/9"]);
    let said = explain.output().expect("the binary is there").stdout;
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("is refused with 409"), "{said}");
    for text in [LINE, ""] {
        let other = scratch.file("other.log", text).display().to_string();
        let output = report(&[&other]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains("--log-format json"), "{said}");
        assert!(!said.contains("--format "), "it has no such flag: {said}");
    }
}
