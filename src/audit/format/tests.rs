//! Lines as the servers' documentation has them, and lines that break the rules.

use super::*;
use proptest::prelude::*;

const SECOND: i64 = 1_000_000;

fn read(format: ServerLog, line: &str) -> Read<'_> {
    Reader::new(format).read(line.as_bytes())
}

fn request(format: ServerLog, line: &str) -> (i64, i64, u32, u32, String, String) {
    let request = read(format, line)
        .unwrap_or_else(|why| panic!("{line}: {why}"))
        .unwrap_or_else(|| panic!("{line}: no request"));
    let span = request.span;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        span.start,
        span.end,
        span.start_slack,
        span.end_slack,
        format!("{} {}", text(request.method), text(&request.target)),
        text(&request.host),
    )
}

fn expected(
    (start, end): (i64, i64),
    (start_slack, end_slack): (u32, u32),
    request: &str,
    host: &str,
) -> (i64, i64, u32, u32, String, String) {
    (
        start,
        end,
        start_slack,
        end_slack,
        request.to_owned(),
        host.to_owned(),
    )
}

const NGINX: &str = r#"127.0.0.1 - ada [24/Nov/2026:01:00:00 +0100] "PUT /a%20b?x=1 HTTP/1.1" 204 0 "-" "curl/7.88.1" 0.250"#;
const APACHE: &str =
    r#"127.0.0.1 - - [24/Nov/2026:00:00:00 +0000] "PUT /a HTTP/1.1" 204 - "-" "a \"b\"" 250123"#;
const HAPROXY: &str = r#"Nov 24 00:00:00 box haproxy[14389]: 10.0.1.2:33317 [24/Nov/2026:00:00:00.655] http-in~ static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {a "b} {} "PATCH /orders/7 HTTP/1.1""#;
const ENVOY: &str = r#"[2026-11-24T00:00:00.310Z] "POST /api/v1/locations HTTP/2" 204 - 154 0 226 100 "10.0.35.28" "nsq2http" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations" "tcp://10.0.2.1:80""#;
const ISTIO: &str = r#"[2026-11-24T00:00:00.310Z] "POST /status/418 HTTP/1.1" 418 - via_upstream - "-" 0 135 226 4 "-" "curl/7.60.0" "84961386-6d84-929d-98bd-c5aee93b5c88" "httpbin:8000" "127.0.0.1:80" inbound|8000|| 127.0.0.1:41854 10.44.1.27:80 10.44.1.23:37652 - default"#;
const CADDY: &str = r#"{"level":"info","ts":1795478400.5241024,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"127.0.0.1","remote_port":"41342","client_ip":"127.0.0.1","proto":"HTTP/2.0","method":"PUT","host":"localhost","uri":"/a?x=1","headers":{"User-Agent":["curl/7.82.0"],"Accept":["*/*"]},"tls":{"resumed":false,"version":772,"cipher_suite":4865,"proto":"h2","server_name":"example.com"}},"bytes_read":0,"user_id":"","duration":0.000929675,"size":10900,"status":200,"resp_headers":{"Server":["Caddy"]}}"#;
const MIDNIGHT: i64 = 1_795_478_400 * SECOND;

#[test]
fn gunicorn_logs_the_end_as_nginx_does_and_its_duration_is_told_from_apaches() {
    // Its default format, with %(L)s behind it.
    let line = r#"127.0.0.1 - - [24/Nov/2026:00:00:00 +0000] "PUT /a HTTP/1.1" 200 5 "-" "curl/7.88.1" 0.250123"#;
    assert_eq!(
        detect([line.as_bytes()].into_iter()),
        Some(ServerLog::Nginx)
    );
    let (start, end, ..) = request(ServerLog::Nginx, line);
    assert_eq!((start, end), (MIDNIGHT - 250_123, MIDNIGHT));
}

#[test]
fn gunicorns_microseconds_look_like_apaches_and_are_read_from_the_end_where_it_is_named() {
    // Its default format, with %(D)s behind it.
    let line = r#"127.0.0.1 - - [24/Nov/2026:00:00:00 +0000] "PUT /a HTTP/1.1" 200 5 "-" "curl/7.88.1" 250123"#;
    assert_eq!(
        detect([line.as_bytes()].into_iter()),
        Some(ServerLog::Apache)
    );
    assert_eq!(
        request(ServerLog::Gunicorn, line),
        expected(
            (MIDNIGHT - 250_123, MIDNIGHT),
            (1_000_000, 1_000_000),
            "PUT /a",
            ""
        )
    );
}

#[test]
fn nginx_logs_the_end_in_whole_seconds_or_in_milliseconds() {
    let end = MIDNIGHT;
    assert_eq!(
        request(ServerLog::Nginx, NGINX),
        expected(
            (end - 250_000, end),
            (1_000_000, 1_000_000),
            "PUT /a%20b?x=1",
            ""
        )
    );
    let with_msec = format!("{NGINX} 1795478400.125 shop.example");
    let end = end + 125_000;
    assert_eq!(
        request(ServerLog::Nginx, &with_msec),
        expected(
            (end - 250_000, end),
            (1_000, 1_000),
            "PUT /a%20b?x=1",
            "shop.example"
        )
    );
}

#[test]
fn apache_logs_the_begin_in_whole_seconds_or_less() {
    assert_eq!(
        request(ServerLog::Apache, APACHE),
        expected(
            (MIDNIGHT, MIDNIGHT + 250_123),
            (1_000_000, 1_000_000),
            "PUT /a",
            ""
        )
    );
    let exact = APACHE.replace("00:00:00 +", "00:00:00.500000 +");
    let start = MIDNIGHT + 500_000;
    assert_eq!(
        request(ServerLog::Apache, &exact),
        expected((start, start + 250_123), (1, 1), "PUT /a", "")
    );
}

#[test]
fn haproxy_and_envoy_log_the_begin_in_milliseconds() {
    let start = MIDNIGHT + 655_000;
    assert_eq!(
        request(ServerLog::Haproxy, HAPROXY),
        expected(
            (start, start + 109_000),
            (1_000, 2_000),
            "PATCH /orders/7",
            ""
        )
    );
    let http2 = HAPROXY.replace(
        "PATCH /orders/7 HTTP/1.1",
        "PUT https://a.example/q#22 HTTP/2.0",
    );
    assert_eq!(request(ServerLog::Haproxy, &http2).4, "PUT /q\"");
    assert_eq!(request(ServerLog::Haproxy, &http2).5, "a.example");
    let start = MIDNIGHT + 310_000;
    assert_eq!(
        request(ServerLog::Envoy, ENVOY),
        expected(
            (start, start + 226_000),
            (1_000, 2_000),
            "POST /api/v1/locations",
            "locations"
        )
    );
    assert_eq!(
        request(ServerLog::Envoy, ISTIO),
        expected(
            (start, start + 226_000),
            (1_000, 2_000),
            "POST /status/418",
            "httpbin:8000"
        )
    );
}

#[test]
fn caddy_logs_the_end_as_a_float() {
    let end = MIDNIGHT + 524_102;
    assert_eq!(
        request(ServerLog::Caddy, CADDY),
        expected((end - 930, end), (1, 1), "PUT /a?x=1", "localhost")
    );
    let iso = CADDY.replace("1795478400.5241024", r#""2026-11-24T00:00:00.524Z""#);
    assert_eq!(request(ServerLog::Caddy, &iso).1, MIDNIGHT + 524_000);
}

#[test]
fn every_format_is_told_from_the_others() {
    for (format, line) in [
        (ServerLog::Nginx, NGINX),
        (ServerLog::Apache, APACHE),
        (ServerLog::Haproxy, HAPROXY),
        (ServerLog::Envoy, ENVOY),
        (ServerLog::Envoy, ISTIO),
        (ServerLog::Caddy, CADDY),
    ] {
        let lines = ["garbage", line, ""];
        assert_eq!(
            detect(lines.iter().map(|line| line.as_bytes())),
            Some(format)
        );
    }
    assert_eq!(detect(["garbage"].iter().map(|line| line.as_bytes())), None);
    assert!(lacks_duration(
        NGINX.strip_suffix(" 0.250").unwrap().as_bytes()
    ));
    assert!(!lacks_duration(NGINX.as_bytes()));
}

#[test]
fn what_cannot_be_read_says_why() {
    for (format, line, why) in [
        (ServerLog::Nginx, "", "no [time]"),
        (
            ServerLog::Nginx,
            NGINX.strip_suffix(" 0.250").unwrap(),
            "how long",
        ),
        (ServerLog::Nginx, &NGINX.replace("0.250", "-"), "how long"),
        (
            ServerLog::Apache,
            APACHE.split(" HTTP").next().unwrap(),
            "\"request\"",
        ),
        (
            ServerLog::Haproxy,
            &HAPROXY.replace("/109", "/+109"),
            "logasap",
        ),
        (ServerLog::Haproxy, HAPROXY.trim_end_matches('"'), "no end"),
        (
            ServerLog::Haproxy,
            &HAPROXY.replace("10/0/30/69/109", "0/1/5"),
            "timers",
        ),
        (ServerLog::Envoy, &ENVOY.replace(" 226 ", " - "), "duration"),
        (ServerLog::Caddy, "{", "no whole"),
        (ServerLog::Caddy, "{}", "`ts`"),
        (ServerLog::Caddy, NGINX, "no JSON"),
    ] {
        let error = read(format, line).unwrap_err();
        assert!(error.contains(why), "{line}: {error}");
    }
}

#[test]
fn connections_without_a_request_are_none() {
    for (format, line) in [
        (
            ServerLog::Nginx,
            NGINX.replace("PUT /a%20b?x=1 HTTP/1.1", ""),
        ),
        (
            ServerLog::Nginx,
            NGINX.replace("PUT /a%20b?x=1 HTTP/1.1", r"\x16\x03\x01"),
        ),
        (
            ServerLog::Nginx,
            NGINX.replace("PUT /a%20b?x=1", "CONNECT a:443"),
        ),
        (ServerLog::Apache, APACHE.replace("PUT /a HTTP/1.1", "-")),
        (
            ServerLog::Haproxy,
            HAPROXY.replace("PATCH /orders/7 HTTP/1.1", "<BADREQ>"),
        ),
    ] {
        assert_eq!(read(format, &line), Ok(None), "{line}");
    }
}

proptest! {
    #[test]
    fn no_line_is_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..200) {
        for (format, line) in ServerLog::ALL.into_iter().zip([NGINX, APACHE, HAPROXY, ENVOY, CADDY]) {
            let mut reader = Reader::new(format);
            let _read = reader.read(&bytes);
            // A line of the format, damaged.
            let mut damaged = line.as_bytes().to_vec();
            let at = at.min(damaged.len());
            damaged.splice(at.., bytes.iter().copied());
            let _read = reader.read(&damaged);
        }
    }
}
