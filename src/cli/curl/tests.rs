//! Lines as browsers copy them, and what is wrong with others.

use super::*;
use proptest::prelude::*;

fn asked(line: &str) -> Asked {
    let pasted = parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    pasted.asked
}

fn field<'a>(asked: &'a Asked, name: &str) -> Vec<&'a str> {
    let fields = asked.headers.iter().filter(|(given, _)| given == name);
    fields.map(|(_, value)| value.to_str().unwrap()).collect()
}

#[test]
fn a_line_of_chrome_is_the_request_that_it_copied() {
    let asked = asked(
        "curl 'https://shop.example/api/orders/7?notify=1' \\\n  -X 'PUT' \\\n  -H 'accept: application/json' \\\n  \
         -H 'content-type: application/json' \\\n  -b 'sid=s3cr3t; theme=dark' \\\n  -H 'x-tenant: acme' \\\n  \
         --data-raw $'{\"note\":\"it\\'s \\u0021 caf\\xc3\\xa9\\\\n\"}' \\\n  --insecure ;",
    );
    assert_eq!(asked.method, Method::PUT);
    assert_eq!(asked.target, "/api/orders/7?notify=1");
    assert_eq!(field(&asked, "host"), ["shop.example"]);
    assert_eq!(field(&asked, "cookie"), ["sid=s3cr3t; theme=dark"]);
    assert_eq!(field(&asked, "x-tenant"), ["acme"]);
    assert_eq!(asked.body.as_deref(), Some("{\"note\":\"it's ! café\\n\"}"));
}

#[test]
fn a_line_of_firefox_is_the_request_that_it_copied() {
    let asked = asked(
        "curl 'http://localhost:3000/orders' --compressed -X POST -H 'User-Agent: Mozilla/5.0 (X11; Linux x86_64)' \
         -H 'Accept-Encoding: gzip, deflate' -H 'Referer: http://localhost:3000/' -H 'Content-Type: application/x-www-form-urlencoded' \
         -H 'Cookie: a=b' --data-raw '_method=patch&note=%27'",
    );
    assert_eq!(
        (asked.method.as_str(), asked.target.as_str()),
        ("POST", "/orders")
    );
    assert_eq!(field(&asked, "host"), ["localhost:3000"]);
    assert_eq!(asked.body.as_deref(), Some("_method=patch&note=%27"));
}

#[test]
fn the_method_follows_from_the_options_as_it_does_to_curl() {
    for (line, method) in [
        ("curl http://a", "GET"),
        ("curl -I http://a", "HEAD"),
        ("curl -d x http://a", "POST"),
        ("curl --json '{}' http://a", "POST"),
        ("curl -F a=@b http://a", "POST"),
        ("curl -G -d x=1 http://a", "GET"),
        ("curl -sSXDELETE -ofile http://a", "DELETE"),
        ("curl -d x -X PATCH http://a", "PATCH"),
    ] {
        assert_eq!(asked(line).method, method, "{line}");
    }
    assert_eq!(asked("curl -G -d x=1 -d y 'a/?b#c'").target, "/?b&x=1&y");
    assert_eq!(
        asked("curl --data-urlencode 'a=b c' a").body.as_deref(),
        Some("a=b+c")
    );
    assert_eq!(
        field(&asked("curl --json 1 a"), "content-type"),
        ["application/json"]
    );
    assert_eq!(
        field(&asked("curl https://u:p@a.example:8443/x"), "host"),
        ["a.example:8443"]
    );
    assert_eq!(
        field(&asked("curl a -H 'Host: b' -H 'Accept:' -H 'X-E;'"), "host"),
        ["b"]
    );
}

#[test]
fn what_changes_nothing_is_skipped_with_its_argument() {
    let line = "curl -o PUT --max-time 3 -w '%{http_code}' --resolve a:1:b -x proxy http://a/b";
    assert_eq!(asked(line).target, "/b");
}

#[test]
fn what_a_shell_does_with_the_answer_is_no_part_of_the_request() {
    for rest in [
        "| jq .",
        "> /tmp/answer",
        "&& echo done",
        "2>&1 | less",
        "; curl http://b",
    ] {
        let asked = asked(&format!("curl http://a/b -X PUT {rest}"));
        assert_eq!(
            (asked.method.as_str(), &*asked.target),
            ("PUT", "/b"),
            "{rest}"
        );
    }
}

#[test]
fn of_several_lines_the_first_is_taken_and_the_others_are_counted() {
    let pasted =
        parse("curl 'http://a/1' -X PUT ;\ncurl 'http://a/2' ;\ncurl 'http://a/3'").unwrap();
    assert_eq!((&*pasted.asked.target, pasted.others), ("/1", 2));
    assert_eq!(parse("curl http://a ;").unwrap().others, 0);
}

#[test]
fn what_cannot_be_understood_is_told() {
    for (line, told) in [
        ("wget http://a", "must begin with `curl`"),
        ("curl", "no URL"),
        ("curl http://a http://b", "`http://a` and `http://b`"),
        ("curl http://a --next", "`--next` is not understood"),
        ("curl http://a -sW", "`-W` is not understood"),
        ("curl http://a -H", "`--header` needs an argument"),
        ("curl http://a -H 'a b: c'", "no field"),
        ("curl http://a -X 'A B'", "no method"),
        ("curl http://a -d @file", "write the body"),
        ("curl http://a -b jar", "write the cookies"),
        ("curl ftp://a", "no URL of a web server"),
        ("curl ftp://a\x1b[2J", "`ftp://a\\u{1b}[2J` is no URL"),
        ("curl http://a \x1b[2J", "and `\\u{1b}[2J`"),
        ("curl http://a --\x1b", "`--\\u{1b}` is not understood"),
        ("curl http://a -X '\x1b'", "`\\u{1b}` is nothing for"),
        ("curl 'http://a", "quote is not closed"),
        ("curl $'http://a", "quote is not closed"),
        ("curl $'\\xff' a", "no UTF-8"),
        ("curl ^\"http://a^\"", "as cURL (bash)"),
    ] {
        let error = parse(line).unwrap_err().to_string();
        assert!(error.contains(told), "{line}: {error}");
    }
}

proptest! {
    #[test]
    fn no_line_makes_a_panic(line in prop_oneof!["curl [-a-zXHd$'\"\\\\ :/u0-9]{0,24}", any::<String>()]) {
        let _ = parse(&line);
    }
}
