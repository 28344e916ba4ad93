//! What would happen to one request, as text for a person.
//!
//! It asks the same [`Policy`](crate::policy::Policy) that the gateway asks. Keys are shown as a log would show them.

use std::error::Error;
use std::fmt::Write;

use http::header::{CONTENT_TYPE, HOST, HeaderValue};
use http::{HeaderMap, Method, Uri};

use crate::cli::Explain;
use crate::config::Config;
use crate::policy::head::Malformed;
use crate::policy::method::is_safe;
use crate::policy::path::canonical;
use crate::policy::{Because, Head, Key, KeyError, Plan};

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// What would happen to the request that `asked` describes. It ends with a line break.
pub fn explain(config: &Config, asked: &Explain) -> String {
    if asked.method == Method::CONNECT {
        // It is refused from its raw head, which no policy sees.
        let mut text = Lines::default();
        text.line("method", asked.method.as_str());
        text.line("policy", &refused(501, &Malformed::Connect));
        return text.0;
    }
    let headers = headers(asked);
    let form = asked.body.as_deref().map(str::as_bytes);
    let host = host(&asked.target, &headers);
    let mut head = Head {
        method: &asked.method,
        path: asked.target.path(),
        query: asked.target.query(),
        host: &host,
        headers: &headers,
        form: None,
    };
    let verdict = config.policy.plan(&head).and_then(|plan| {
        if form.is_none() || !config.policy.wants_form_method(&head, &plan) {
            return Ok(plan);
        }
        head.form = form;
        config.policy.plan(&head)
    });
    match verdict {
        Ok(plan) => verdict_text(config, &head, &plan),
        Err(error) => refusal_text(&head, &error),
    }
}

fn verdict_text(config: &Config, head: &Head<'_>, plan: &Plan) -> String {
    let route = config.policy.route(plan.route);
    let mut text = Lines::default();
    let host = route
        .host
        .as_deref()
        .map(|host| format!(", on {host}"))
        .unwrap_or_default();
    text.line(
        "route",
        &format!("{} (methods: {}{host})", route.label, route.methods),
    );
    text.line("method", &method_text(head.method, plan));
    text.line("path", &canonical(head.path, route.distinguish));
    if let Some(guard) = &plan.guard {
        text.lines("key", guard.keys.iter().map(Key::shown));
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

fn refusal_text(head: &Head<'_>, error: &KeyError) -> String {
    let mut text = Lines::default();
    text.line("method", head.method.as_str());
    text.line("path", &canonical(head.path, Default::default()));
    text.line("policy", &refused(400, error));
    text.0
}

fn refused(status: u16, why: &dyn Error) -> String {
    format!("refused with {status}, not forwarded: {why}")
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

/// As curl does, a body without a media type is sent as a form.
fn headers(asked: &Explain) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &asked.headers {
        headers.append(name, value.clone());
    }
    if asked.body.is_some() && !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, FORM);
    }
    headers
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

    fn explained(arguments: &[&str]) -> String {
        let line = ["writegate", "explain"].iter().chain(arguments);
        let Command::Explain(asked) = Cli::try_parse_from(line).unwrap().command else {
            panic!("another command");
        };
        let text = include_str!("../config/orders.toml");
        let config = Config::parse("orders.toml", text, &Overrides::default()).unwrap();
        explain(&config, &asked)
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
    fn a_connect_is_refused_as_the_gateway_refuses_it() {
        let text = explained(&["CONNECT", "a.example:80"]);
        assert!(text.contains("refused with 501"), "{text}");
        assert!(text.contains("forward proxy"), "{text}");
    }

    #[test]
    fn what_would_be_refused_is_told_with_its_reason() {
        let target: String = (0..9).map(|nth| format!("_method=M{nth}&")).collect();
        let text = explained(&["POST", &format!("/a?{target}")]);
        assert!(text.contains("refused with 400"), "{text}");
    }
}
