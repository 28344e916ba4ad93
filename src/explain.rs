//! What would happen to one request, as text for a person.
//!
//! Its head is written as a client would send it, checked as the gateway checks it, and judged by the same
//! [`Policy`](crate::policy::Policy). Keys are shown as a log would show them.

use std::fmt::Write;

use http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use http::{HeaderMap, Method, Uri};

use crate::cli::Explain;
use crate::config::Config;
use crate::policy::head::{self, Framing, HEAD_LIMIT, Malformed};
use crate::policy::method::is_safe;
use crate::policy::path::canonical;
use crate::policy::rejection::{Audience, Form, Rejection, Telling};
use crate::policy::{Because, Head, Key, Plan, RouteId};

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const LOCALHOST: HeaderValue = HeaderValue::from_static("localhost");

/// Why a request would be refused, and the route that spoke, as far as it came to that.
struct Refused {
    route: Option<RouteId>,
    rejection: Rejection,
}

/// What would happen to the request that `asked` describes. It ends with a line break.
pub fn explain(config: &Config, asked: &Explain) -> String {
    let fields = fields(asked);
    let (target, framing) = match checked(asked, &fields) {
        Ok(checked) => checked,
        Err(why) => {
            let mut text = Lines::default();
            text.line("method", asked.method.as_str());
            text.refusal(config, &asked.method, &Rejection::Malformed(why));
            return text.0;
        }
    };
    let headers: HeaderMap = fields
        .into_iter()
        .fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        });
    let host = host(&target, &headers);
    let head = Head {
        method: &asked.method,
        path: target.path(),
        query: target.query(),
        host: &host,
        headers: &headers,
        form: None,
    };
    match judge(config, &head, framing, asked.body.as_deref()) {
        Ok(plan) => verdict_text(config, &head, &plan),
        Err(refused) => refusal_text(config, &head, &refused),
    }
}

/// What the gateway does before it claims, in its order.
fn judge(
    config: &Config,
    head: &Head<'_>,
    framing: Framing,
    body: Option<&str>,
) -> Result<Plan, Refused> {
    let plan = plan(config, head)?;
    let body = body.unwrap_or_default().as_bytes();
    let octets = match framing {
        Framing::Length(octets) => octets,
        Framing::Chunked => body.len() as u64,
    };
    if config.server.max_body.is_some_and(|max| octets > max) {
        return Err(Refused {
            route: Some(plan.route),
            rejection: Rejection::BodyTooLarge,
        });
    }
    let is_read = octets <= config.server.request_buffer as u64;
    if body.is_empty() || !is_read || !config.policy.wants_form_method(head, &plan) {
        return Ok(plan);
    }
    let form = Some(body);
    self::plan(config, &Head { form, ..*head })
}

fn plan(config: &Config, head: &Head<'_>) -> Result<Plan, Refused> {
    config.policy.plan(head).map_err(|error| Refused {
        route: config.policy.refusing_route(head),
        rejection: Rejection::NoKey(error),
    })
}

fn verdict_text(config: &Config, head: &Head<'_>, plan: &Plan) -> String {
    let mut text = Lines::default();
    text.route(config, plan.route);
    text.line("method", &method_text(head.method, plan));
    let route = config.policy.route(plan.route);
    text.line("path", &canonical(head.path, route.distinguish));
    if let Some(guard) = &plan.guard {
        let keys: Vec<String> = guard.keys.iter().map(key_text).collect();
        text.lines("key", keys.iter().map(String::as_str));
    }
    text.line("policy", policy_text(plan.because));
    if plan.guard.is_some() {
        let max_work = humantime::format_duration(route.max_work);
        text.line(
            "max work",
            &format!("{max_work} after the upstream was last heard of"),
        );
    }
    text.0
}

fn refusal_text(config: &Config, head: &Head<'_>, refused: &Refused) -> String {
    let mut text = Lines::default();
    if let Some(route) = refused.route {
        text.route(config, route);
    }
    text.line("method", head.method.as_str());
    let distinguish = refused.route.map(|id| config.policy.route(id).distinguish);
    text.line(
        "path",
        &canonical(head.path, distinguish.unwrap_or_default()),
    );
    text.refusal(config, head.method, &refused.rejection);
    text.0
}

fn key_text(key: &Key) -> String {
    let shown = key.shown();
    if key.is_concealed() {
        format!("{shown} (differs in each process)")
    } else {
        shown.to_owned()
    }
}

fn method_text(sent: &Method, plan: &Plan) -> String {
    let kind = match (plan.is_write, is_safe(&plan.method)) {
        (true, true) => "a write, because a route guards it",
        (true, false) => "a write",
        (false, _) => "safe",
    };
    if plan.method == *sent {
        format!("{sent} ({kind})")
    } else {
        format!("{} ({kind}; sent as {sent})", plan.method)
    }
}

fn policy_text(because: Because) -> &'static str {
    match because {
        Because::RouteGuards => {
            "guarded: a write that meets another on one of its keys is refused with 409"
        }
        Because::RouteObserves => {
            "observed: forwarded, an overlap is counted (on_conflict = \"observe\")"
        }
        Because::PostIsObserved => {
            "observed: forwarded, an overlap is counted (a POST without a route, post = \"observe\"); a route, or --guard, \
             would guard it"
        }
        Because::PostIsForwarded => "forwarded: a POST without a route (post = \"forward\")",
        Because::MethodIsSafe => "forwarded: the method is safe, so it changes nothing",
        Because::MethodIsNotListed => {
            "forwarded: the method is not among `methods` of [guard], and no route speaks for it"
        }
        Because::RouteForwards => "forwarded: the route says guard = false",
        Because::Grpc => "forwarded: a gRPC call is guarded only by a route with a key of its own",
        Because::Upgrade => {
            "forwarded: an upgrade is guarded only by a route with a key of its own"
        }
        Because::NoKey => {
            "forwarded: the request has no value for the key (on_missing_key = \"forward\")"
        }
    }
}

/// The fields that were asked for, and what a client adds to them. As curl does, it sends a body without a media type as a
/// form.
fn fields(asked: &Explain) -> Vec<(HeaderName, HeaderValue)> {
    let mut fields = asked.headers.clone();
    let has = |name: &HeaderName| asked.headers.iter().any(|(given, _)| given == name);
    if !has(&HOST) {
        fields.push((HOST, host_of_target(&asked.target).unwrap_or(LOCALHOST)));
    }
    let Some(body) = &asked.body else {
        return fields;
    };
    if !has(&CONTENT_TYPE) {
        fields.push((CONTENT_TYPE, FORM));
    }
    if !has(&CONTENT_LENGTH) && !has(&TRANSFER_ENCODING) {
        fields.push((CONTENT_LENGTH, HeaderValue::from(body.len())));
    }
    fields
}

fn host_of_target(target: &str) -> Option<HeaderValue> {
    let url: Uri = target.contains("://").then(|| target.parse().ok())??;
    HeaderValue::from_str(url.authority()?.as_str()).ok()
}

/// The target, and how the body is framed, if the request can be understood in one way only.
fn checked(
    asked: &Explain,
    fields: &[(HeaderName, HeaderValue)],
) -> Result<(Uri, Framing), Malformed> {
    let mut raw = format!("{} {} HTTP/1.1\r\n", asked.method, asked.target).into_bytes();
    for (name, value) in fields {
        raw.extend_from_slice(
            &[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat(),
        );
    }
    raw.extend_from_slice(b"\r\n");
    let framing = head::check(&raw)?;
    if raw.len() > HEAD_LIMIT {
        return Err(Malformed::TooLarge);
    }
    let target = asked.target.parse().ok().ok_or(Malformed::Target)?;
    Ok((target, framing))
}

/// RFC 9112 §3.2.2: the host of an absolute target goes before the field.
fn host(target: &Uri, headers: &HeaderMap) -> String {
    let of_field = || headers.get(HOST).and_then(|host| host.to_str().ok());
    let of_target = target.authority().map(|authority| authority.as_str());
    of_target.or_else(of_field).unwrap_or("").to_owned()
}

/// Text in two columns.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn route(&mut self, config: &Config, id: RouteId) {
        let route = config.policy.route(id);
        let on = |host| format!(", on {host}");
        let host = route.host.as_deref().map(on).unwrap_or_default();
        let told = format!("{} (methods: {}{host})", route.label, route.methods);
        self.line("route", &told);
    }

    /// What the client would be told.
    fn refusal(&mut self, config: &Config, method: &Method, rejection: &Rejection) {
        let answer = rejection.answer(&Telling {
            answers: &config.answers,
            audience: &Audience::wanting(Form::Text),
            method,
            is_last: false,
        });
        let (status, name) = (answer.status().as_u16(), rejection.name());
        self.line("policy", &format!("refused with {status} ({name})"));
        let text = String::from_utf8_lossy(answer.body());
        self.line("why", text.lines().last().unwrap_or_default());
    }

    fn line(&mut self, name: &str, value: &str) {
        // Writing to a String cannot fail.
        let _infallible = writeln!(self.0, "{name:<10}{value}");
    }

    fn lines<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a str>) {
        for (nth, value) in values.enumerate() {
            self.line(if nth == 0 { name } else { "" }, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use crate::config::Overrides;
    use clap::Parser;

    fn explained_by(text: &str, arguments: &[&str]) -> String {
        let line = ["writegate", "explain"].iter().chain(arguments);
        let Command::Explain(asked) = Cli::try_parse_from(line).unwrap().command else {
            panic!("another command");
        };
        let config = Config::parse("w.toml", text, &Overrides::default()).unwrap();
        explain(&config, &asked)
    }

    fn explained(arguments: &[&str]) -> String {
        explained_by(include_str!("../config/orders.toml"), arguments)
    }

    #[test]
    fn a_guarded_write_is_told_with_its_key() {
        assert_eq!(
            explained(&["PATCH", "/Orders/7/lines;v=1/3/?x"]),
            "route     /orders/{id}/{*rest} (methods: unsafe)\n\
             method    PATCH (a write)\n\
             path      /orders/7/lines/3\n\
             key       order:7\n\
             policy    guarded: a write that meets another on one of its keys is refused with 409\n\
             max work  1m after the upstream was last heard of\n"
        );
    }

    #[test]
    fn a_post_is_told_with_what_would_guard_it() {
        let text = explained(&["POST", "http://h/login"]);
        assert!(
            text.contains("[guard]") && text.contains("observed") && text.contains("--guard"),
            "{text}"
        );
        assert!(explained(&["POST", "/orders"]).contains("guard = false"));
        assert!(explained(&["GET", "/orders/7"]).contains("GET (safe)"));
    }

    #[test]
    fn an_override_in_the_body_counts() {
        let text = explained(&["POST", "/a", "-d", "x=1&_method=patch"]);
        assert!(
            text.contains("PATCH (a write; sent as POST)") && text.contains("guarded"),
            "{text}"
        );
        let text = explained(&[
            "POST",
            "/a",
            "-d",
            "_method=patch",
            "-H",
            "Content-Type: text/plain",
        ]);
        assert!(text.contains("observed"), "{text}");
    }

    #[test]
    fn a_request_that_can_be_read_in_two_ways_is_refused_as_the_gateway_refuses_it() {
        for (arguments, name) in [
            (
                &["CONNECT", "a.example:80"][..],
                "501 (connect-not-supported)",
            ),
            (&["PUT", "http://u:p@h/x"], "400 (bad-request)"),
            (&["PUT", "/a#b"], "400 (bad-request)"),
            (&["PUT", "/a b"], "400 (bad-request)"),
            (&["PUT", "orders"], "400 (bad-request)"),
            (&["GET", "*"], "400 (bad-request)"),
            (&["PUT", "http://b/", "-H", "Host: c"], "400 (bad-request)"),
            (&["PUT", "/x", "-H", "Host: a b"], "400 (bad-request)"),
            (
                &[
                    "PUT",
                    "/x",
                    "-H",
                    "Content-Length: 1",
                    "-H",
                    "Content-Length: 2",
                ],
                "400 (bad-request)",
            ),
            (
                &[
                    "PUT",
                    "/x",
                    "-H",
                    "Content-Length: 1",
                    "-H",
                    "Transfer-Encoding: chunked",
                ],
                "400 (bad-request)",
            ),
            (&["PUT", "/x\r\nA: b"], "400 (bad-request)"),
        ] {
            let text = explained(arguments);
            let told = format!(
                "\npolicy    refused with {name}\nwhy       The request was not forwarded: "
            );
            assert!(text.contains(&told), "{arguments:?}: {text}");
        }
        let long = format!("/{}", "a".repeat(40_000));
        assert!(explained(&["GET", &long]).contains("414 (target-too-long)"));
        let field = format!("A: {}", "a".repeat(66_000));
        assert!(explained(&["GET", "/", "-H", &field]).contains("431 (head-too-large)"));
    }

    #[test]
    fn a_request_that_can_be_read_in_one_way_is_not() {
        for arguments in [
            &["PUT", "http://B.example/orders/7"][..],
            &["PUT", "http://b/orders/7", "-H", "Host: B"],
            &["PUT", "/orders/7", "-d", "x"],
            &[
                "PUT",
                "/orders/7",
                "-d",
                "x",
                "-H",
                "Transfer-Encoding: chunked",
            ],
            &["PUT", "/orders/7", "-d", "x", "-H", "Content-Length: 1"],
        ] {
            let text = explained(arguments);
            assert!(
                text.contains("key       order:7\n"),
                "{arguments:?}: {text}"
            );
        }
        assert!(explained(&["OPTIONS", "*"]).contains("(safe)"));
    }

    #[test]
    fn a_body_that_is_too_large_is_told_with_its_route() {
        let text =
            "[server]\nmax_body = 4\n[upstream]\nurl = \"http://a\"\n[[route]]\npath = \"/a\"\n";
        let told = "route     /a (methods: unsafe)\nmethod    PUT\npath      /a\n\
                    policy    refused with 413 (body-too-large)\n\
                    why       The body of this PUT is larger than this gateway lets through.\n";
        assert_eq!(explained_by(text, &["PUT", "/a", "-d", "12345"]), told);
        let declared = ["PUT", "/a", "-H", "Content-Length: 5"];
        assert_eq!(explained_by(text, &declared), told);
        assert!(explained_by(text, &["PUT", "/a", "-d", "1234"]).contains("guarded"));
    }

    #[test]
    fn a_form_past_the_buffer_has_no_override() {
        let text = "[server]\nrequest_buffer = 12\n[upstream]\nurl = \"http://a\"\n";
        let told = |body| explained_by(text, &["POST", "/a", "-d", body]);
        assert!(told("_method=PUT").contains("PUT (a write; sent as POST)"));
        assert!(told("_method=PUT&x").contains("observed"));
    }

    #[test]
    fn a_missing_key_is_told_with_its_route() {
        let text = "[upstream]\nurl = \"http://a\"\n[[route]]\npath = \"/{x}\"\nkey = \"{header:T}\"\non_missing_key = \"reject\"";
        assert_eq!(
            explained_by(text, &["PUT", "/A"]),
            "route     /{x} (methods: unsafe)\nmethod    PUT\npath      /a\npolicy    refused with 400 (missing-key)\n\
             why       This PUT was not forwarded: the request has no value for {header:t}, which its resource key is made of.\n"
        );
    }

    #[test]
    fn a_digest_is_said_to_differ() {
        let text = "[upstream]\nurl = \"http://a\"\n[guard]\nkey = \"s:{cookie:sid}\"";
        let told = explained_by(text, &["PUT", "/a", "-H", "Cookie: sid=secret"]);
        assert!(told.contains("> (differs in each process)\n"), "{told}");
        assert!(!told.contains("secret"), "{told}");
        assert!(!explained_by(text, &["PUT", "/a"]).contains("differs"));
    }

    #[test]
    fn what_would_be_refused_is_told_with_its_reason() {
        let target: String = (0..9).map(|nth| format!("_method=M{nth}&")).collect();
        let text = explained(&["POST", &format!("/a?{target}")]);
        assert!(text.contains("refused with 400"), "{text}");
    }
}
