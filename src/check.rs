//! What a configuration would do, as text for a person.

use std::fmt::{Display, Write};

use http::Method;

use crate::config::Config;
use crate::policy::method::Methods;
use crate::policy::route::{Claim, Post, Treatment};
use crate::policy::template::Template;
use crate::policy::{Mode, OnConflict, OnDuplicate, OnMissingKey, Route, Scope};

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
    let others = if rows.is_empty() {
        "all paths"
    } else {
        "all other paths"
    };
    rows.extend(guard_rows(others, &policy.routes()[0], policy.post()));
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

/// Where every `POST` is only observed, how to guard one; none where some is guarded.
pub fn of_post(config: &Config) -> Option<&'static str> {
    let policy = &config.policy;
    let guards_post = |route: &Route| {
        let claims = matches!(route.treatment, Treatment::Guard(_));
        claims && route.methods.contains(&Method::POST)
    };
    let is_guarded = policy.routes().iter().skip(1).any(guards_post);
    (is_post_observed(&policy.routes()[0], policy.post()) && !is_guarded).then_some(
        "POST is only observed unless a path is named: if the application saves by POST, as forms and most views do, guard \
         it with --guard '/path/{id}'",
    )
}

fn is_post_observed(guard: &Route, post: Post) -> bool {
    let refuses = match &guard.treatment {
        Treatment::Forward => false,
        Treatment::Guard(claim) => claim.on_conflict != OnConflict::Observe,
    };
    post == Post::Observe && refuses && guard.methods.contains(&Method::POST)
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
        Treatment::Guard(claim) => (keys(claim), outcome(route, claim)),
    };
    let methods = match &route.methods {
        Methods::Unsafe => "all writes".to_owned(),
        Methods::UnsafeAndReads => "all writes, reads".to_owned(),
        listed @ Methods::Listed(_) => listed.to_string(),
    };
    [path, methods, keys, outcome]
}

/// `[guard]` has a row of its own for `POST` where that is treated otherwise.
fn guard_rows(paths: &str, guard: &Route, post: Post) -> Vec<[String; 4]> {
    let [_, methods, keys, outcome] = row(guard);
    let paths = || paths.to_owned();
    let of_post = match post {
        _ if !guard.methods.contains(&Method::POST) => None,
        Post::Forward => Some("forwarded, nothing is claimed (post = \"forward\")"),
        Post::Observe => is_post_observed(guard, post)
            .then_some("only observed: forwarded, an overlap is counted (post = \"observe\")"),
        Post::Guard => None,
    };
    let is_listed = matches!(guard.methods, Methods::Listed(_));
    let mut rows = Vec::new();
    if let Some(of_post) = of_post {
        rows.push([paths(), "POST".to_owned(), keys.clone(), of_post.to_owned()]);
    }
    let others = "other writes".to_owned();
    let guarded = if is_listed || rows.is_empty() {
        methods
    } else {
        others.clone()
    };
    rows.push([paths(), guarded, keys, outcome]);
    if is_listed {
        let outcome = "forwarded, nothing is claimed (not in `methods`)".to_owned();
        rows.push([paths(), others, "-".to_owned(), outcome]);
    }
    rows
}

fn keys(claim: &Claim) -> String {
    joined(claim.templates.iter().map(Template::as_str))
}

fn outcome(route: &Route, claim: &Claim) -> String {
    let status = claim.status.code().as_u16();
    let what = match claim.on_conflict {
        OnConflict::Reject => format!("guarded: an overlap is refused with {status}"),
        OnConflict::Wait(patience) => format!(
            "guarded: an overlap waits for its turn, up to {} and behind up to {} others, then it is refused with {status}",
            humantime::format_duration(patience.wait),
            patience.waiters
        ),
        OnConflict::Observe => "observed: forwarded, an overlap is counted".to_owned(),
    };
    let shared = match (claim.mode, claim.shares_reads) {
        (Mode::Shared, false) => ", but writes of this route run side by side",
        (Mode::Shared, true) => ", but writes of this route run side by side, and beside reads",
        (_, true) => ", reads run side by side",
        (_, false) => "",
    };
    let below = match claim.scope {
        Scope::Key => "",
        Scope::Subtree => ", with all below the key",
    };
    let itself = match (claim.on_duplicate, claim.on_conflict) {
        (OnDuplicate::Conflict, _) | (_, OnConflict::Observe) => "",
        (OnDuplicate::Join, _) => {
            ", the same write of the same client gets the response of the first"
        }
    };
    let what = format!("{what}{itself}{shared}{below}");
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
            "/orders               POST          -           forwarded, nothing is claimed (guard = false)\n\
             /update-resource      all writes    {path}      guarded: an overlap is refused with 409; max work 1m\n\
             /orders/{id}/{*rest}  all writes    order:{id}  guarded: an overlap is refused with 409; max work 1m\n\
             all other paths       POST          {path}      only observed: forwarded, an overlap is counted (post = \"observe\")\n\
             all other paths       other writes  {path}      guarded: an overlap is refused with 409; max work 1m\n"
        );
    }

    #[test]
    fn writes_that_are_not_listed_are_told_to_pass() {
        assert_eq!(
            guarding(&config("[guard]\nmethods = [\"PUT\"]")),
            "all paths  PUT           {path}  guarded: an overlap is refused with 409; max work 1m\n\
             all paths  other writes  -       forwarded, nothing is claimed (not in `methods`)\n"
        );
    }

    #[test]
    fn how_to_guard_a_post_is_told_where_one_is_only_observed() {
        assert!(
            of_post(&config(""))
                .unwrap()
                .contains("--guard '/path/{id}'")
        );
        for guard in [
            "post = \"guard\"",
            "post = \"forward\"",
            "methods = [\"PUT\"]",
            "on_conflict = \"observe\"",
            "[[route]]\npath = \"/a\"",
        ] {
            assert_eq!(
                of_post(&config(&format!("[guard]\n{guard}"))),
                None,
                "{guard}"
            );
        }
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
