//! What a configuration would do, as text for a person.

use std::fmt::{Display, Write};

use http::Method;

use crate::config::Config;
use crate::policy::route::{Claim, Post, Treatment};
use crate::policy::template::Template;
use crate::policy::{Mode, OnMissingKey, Route};

/// What `config` would do: where it listens and connects, and each route, the more specific first. It ends with a line
/// break.
pub fn check(config: &Config) -> String {
    let mut text = String::new();
    let listen = &config.server.listen;
    // Writing to a String cannot fail.
    let _infallible = writeln!(text, "listen    {}", joined(listen));
    let _infallible = writeln!(text, "upstream  {}", joined(&config.upstream.servers));
    let _infallible = writeln!(text, "workers   {}\n", config.server.workers);
    text.push_str(&guarding(config));
    text
}

/// What is guarded and what is only observed, a line a route, the more specific first: what `run` says at its start.
pub fn guarding(config: &Config) -> String {
    let policy = &config.policy;
    let mut rows: Vec<[String; 4]> = policy
        .routes_by_specificity()
        .into_iter()
        .map(row)
        .collect();
    rows.extend(guard_rows(&policy.routes()[0], policy.post()));
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let (first, second, third) = (width(0), width(1), width(2));
    let mut text = String::new();
    for [path, methods, keys, outcome] in &rows {
        let _infallible = writeln!(
            text,
            "{path:<first$}  {methods:<second$}  {keys:<third$}  {outcome}"
        );
    }
    text
}

fn row(route: &Route) -> [String; 4] {
    let path = match &route.host {
        Some(host) => format!("{host}{}", route.label),
        None => route.label.to_string(),
    };
    let (keys, outcome) = match &route.treatment {
        Treatment::Forward => (
            "-".to_owned(),
            "forwarded, nothing is claimed (guard = false)".to_owned(),
        ),
        Treatment::Guard(claim) => (keys(claim), outcome(route, claim, claim.mode)),
    };
    [path, route.methods.to_string(), keys, outcome]
}

/// `[guard]` has a row of its own for `POST` where that is treated otherwise.
fn guard_rows(guard: &Route, post: Post) -> Vec<[String; 4]> {
    let [_, methods, keys, outcome] = row(guard);
    let elsewhere = || "elsewhere".to_owned();
    if !guard.methods.contains(&Method::POST) {
        return vec![[elsewhere(), methods, keys, outcome]];
    }
    let post_row = |outcome: &str| {
        vec![[
            elsewhere(),
            "POST".to_owned(),
            keys.clone(),
            outcome.to_owned(),
        ]]
    };
    let mut rows = match (post, &guard.treatment) {
        (Post::Forward, _) => post_row("forwarded, nothing is claimed (post = \"forward\")"),
        (
            Post::Observe,
            Treatment::Guard(Claim {
                mode: Mode::Exclusive,
                ..
            }),
        ) => post_row("observed: forwarded, an overlap is counted (post = \"observe\")"),
        (Post::Observe | Post::Guard, _) => Vec::new(),
    };
    rows.push([elsewhere(), methods, keys, outcome]);
    rows
}

fn keys(claim: &Claim) -> String {
    joined(claim.templates.iter().map(Template::as_str))
}

fn outcome(route: &Route, claim: &Claim, mode: Mode) -> String {
    let what = match mode {
        Mode::Exclusive => {
            let status = claim.status.code();
            format!("guarded: an overlap is refused with {}", status.as_u16())
        }
        Mode::Observed => "observed: forwarded, an overlap is counted".to_owned(),
    };
    let may_be_missing = claim.templates.iter().any(Template::may_make_none);
    let missing = match claim.on_missing_key {
        OnMissingKey::Reject if may_be_missing => ", a missing key is refused with 400",
        OnMissingKey::Forward if may_be_missing => ", a missing key is done without",
        OnMissingKey::Path | OnMissingKey::Reject | OnMissingKey::Forward => "",
    };
    format!(
        "{what}{missing}; max work {}",
        humantime::format_duration(route.max_work)
    )
}

fn joined(items: impl IntoIterator<Item: Display>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;

    fn config(text: &str) -> Config {
        Config::parse(
            "w.toml",
            &format!("[upstream]\nurl = \"http://app\"\n{text}"),
            &Overrides::default(),
        )
        .unwrap()
    }

    #[test]
    fn every_route_is_listed_the_more_specific_first() {
        let text = include_str!("../config/orders.toml");
        let config = Config::parse("orders.toml", text, &Overrides::default()).unwrap();
        assert_eq!(
            guarding(&config),
            "/orders               POST    -           forwarded, nothing is claimed (guard = false)\n\
             /update-resource      unsafe  {path}      guarded: an overlap is refused with 409; max work 1m\n\
             /orders/{id}/{*rest}  unsafe  order:{id}  guarded: an overlap is refused with 409; max work 1m\n\
             elsewhere             POST    {path}      observed: forwarded, an overlap is counted (post = \"observe\")\n\
             elsewhere             unsafe  {path}      guarded: an overlap is refused with 409; max work 1m\n"
        );
    }

    #[test]
    fn a_missing_key_is_spoken_of_only_where_one_can_be_missing() {
        let config = config(
            "[guard]\non_missing_key = \"reject\"\nkey = \"{header:a}\"\n[[route]]\npath = \"/a\"\nkey = \"{path}\"\n\
             [[route]]\npath = \"/b\"\non_missing_key = \"forward\"",
        );
        let told = guarding(&config);
        let line = |start| told.lines().find(|line| line.starts_with(start)).unwrap();
        let refused = "guarded: an overlap is refused with 409";
        assert!(line("/a ").ends_with(&format!("{refused}; max work 1m")));
        assert!(line("/b ").contains(&format!("{refused}, a missing key is done without;")));
        assert!(
            told.contains(&format!("{refused}, a missing key is refused with 400;")),
            "{told}"
        );
    }
}
