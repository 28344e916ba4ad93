//! What a configuration may say, and what it is told when it says something else.

use http::Method;
use proptest::prelude::*;

use super::raw::RawServer;
use super::raw::{RawAnswers, RawGuard, RawRoute};
use super::table::settings;
use super::*;
use crate::policy::route::Post;
use crate::policy::{Head, Key};

mod answers;
mod faults;

const UPSTREAM: &str = "[upstream]\nurl = \"http://app:3000\"\n";

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(
        "w.toml",
        &format!("{UPSTREAM}{text}"),
        &Overrides::default(),
    )
}

fn listening(texts: &[&str]) -> Override {
    Override {
        origin: Origin::Flag("--listen"),
        texts: texts.iter().map(ToString::to_string).collect(),
    }
}

/// The first fault with its place, counted without the upstream that every text needs.
fn error(text: &str) -> String {
    let all = parse(text).unwrap_err().to_string();
    let first = all.lines().next().unwrap_or_default();
    let Some((line, rest)) = first
        .strip_prefix("w.toml:")
        .and_then(|rest| rest.split_once(':'))
    else {
        return first.to_owned();
    };
    let line: usize = line.parse().unwrap();
    format!("{}:{rest}", line - 2)
}

fn plan(config: &Config, method: &Method, path: &str) -> String {
    let headers = crate::policy::head::Fields::default();
    let query = None;
    let (host, content) = ("", None);
    let plan = config
        .policy
        .plan(&Head {
            method,
            path,
            query,
            host,
            headers: &headers,
            client_subject: None,
            content,
        })
        .unwrap();
    let label = &config.policy.route(plan.route).label;
    match plan.guard {
        None => format!("{label} forward"),
        Some(guard) => {
            let keys: Vec<&str> = guard.keys().map(Key::shown).collect();
            format!("{label} {:?} {}", guard.purpose, keys.join(" "))
        }
    }
}

#[test]
fn the_reference_says_the_defaults() {
    let text = include_str!("../../config/writegate.toml");
    let said = Config::parse("writegate.toml", text, &Overrides::default()).unwrap();
    let upstream = Some(Override::flag("--upstream", "http://127.0.0.1:3000"));
    let meant = Config::load(
        None,
        &Overrides {
            upstream,
            ..Overrides::default()
        },
    )
    .unwrap();
    let shown = |config: &Config| {
        let Config {
            server,
            upstream,
            answers,
            policy,
            warnings: _,
        } = config;
        format!(
            "{server:?} {upstream:?} {answers:?} {:?} {:?}",
            policy.routes(),
            policy.post()
        )
    };
    assert_eq!(shown(&said), shown(&meant));
}

#[test]
fn the_reference_leaves_no_setting_out() {
    let text = include_str!("../../config/writegate.toml");
    let known = [
        settings::<RawServer>(),
        settings::<RawUpstream>(),
        settings::<RawAnswers>(),
        settings::<RawGuard>(),
        settings::<RawRoute>(),
    ];
    assert!(known.iter().all(|known| !known.is_empty()));
    for name in known.concat() {
        let is_there = text.contains(&format!("{name} = "));
        assert!(is_there, "{name} is not in the reference");
    }
}

#[test]
fn the_example_does_what_the_design_says() {
    let text = include_str!("../../config/orders.toml");
    let config = Config::parse("orders.toml", text, &Overrides::default()).unwrap();
    assert_eq!(
        plan(&config, &Method::PATCH, "/orders/7"),
        "/orders/{id}/{*rest} Write order:7"
    );
    assert_eq!(plan(&config, &Method::POST, "/orders"), "/orders forward");
    assert_eq!(
        plan(&config, &Method::PUT, "/orders"),
        "[guard] Write /orders"
    );
    assert_eq!(
        plan(&config, &Method::POST, "/update-resource"),
        "/update-resource Write /update-resource"
    );
    assert_eq!(
        plan(&config, &Method::POST, "/login"),
        "[guard] Observe /login"
    );
}

#[test]
fn an_upstream_is_given_once() {
    let with = |text: &str| Config::parse("w.toml", text, &Overrides::default());
    assert!(
        with("")
            .unwrap_err()
            .to_string()
            .contains("give `--upstream URL`")
    );
    let both = "[upstream]\nurl = \"http://a\"\nservers = [\"http://b\"]";
    assert!(
        with(both)
            .unwrap_err()
            .to_string()
            .starts_with("w.toml:3:11: give `url` or `servers`, not both")
    );
    assert_eq!(
        with("[upstream]\nservers = [\"http://a\", \"unix:/b\"]")
            .unwrap()
            .upstream
            .servers
            .len(),
        2
    );
}

#[test]
fn flags_go_before_the_file() {
    let overrides = Overrides {
        upstream: Some(Override::flag("--upstream", "http://flag:1")),
        listen: Some(listening(&["127.0.0.1:1", "unix:/s"])),
        guard: vec!["/update/{id}".to_owned()],
        access_log: Some(false),
        ..Overrides::default()
    };
    let text = "[server]\nlisten = \"127.0.0.1:2\"\n[guard]\nmethods = [\"PUT\"]\n";
    let config = Config::parse("w.toml", &format!("{UPSTREAM}{text}"), &overrides).unwrap();
    assert_eq!(
        config.upstream.servers,
        [Address::Tcp {
            host: "flag".to_owned(),
            port: 1
        }]
    );
    assert_eq!(config.server.listen.len(), 2);
    assert!(!config.server.access_log);
    assert_eq!(
        plan(&config, &Method::POST, "/update/7/"),
        "/update/{id} Write /update/7"
    );
    let overrides = Overrides {
        upstream: Some(Override::flag("--upstream", "a:1")),
        guard: vec!["x".to_owned()],
        ..Overrides::default()
    };
    let error = Config::load(None, &overrides).unwrap_err().to_string();
    assert!(
        error.starts_with("--upstream: `a:1` is no address"),
        "{error}"
    );
}

#[test]
fn a_guarded_path_may_have_a_key_behind_it() {
    let config = |guard: &str| {
        let overrides = Overrides {
            guard: vec![guard.to_owned()],
            ..Overrides::default()
        };
        Config::parse("w.toml", UPSTREAM, &overrides)
    };
    let whole = config("/accounts/{id}/{*rest}=account:{id}").unwrap();
    for path in ["/accounts/7", "/accounts/7/deposit"] {
        assert_eq!(
            plan(&whole, &Method::POST, path),
            "/accounts/{id}/{*rest} Write account:7"
        );
    }
    assert!(whole.warnings.is_empty(), "{:?}", whole.warnings);
    let by_path = config("/accounts/{id}/{*rest}").unwrap();
    let told = by_path.warnings.to_string();
    assert!(
        told.ends_with("write `--guard '/accounts/{id}/{*rest}=accounts:{id}'`"),
        "{told}"
    );
    let constant = config("/accounts/{id}=id").unwrap().warnings.to_string();
    assert!(constant.contains("did you mean `{id}`?"), "{constant}");
    for (guard, told) in [
        ("/a=", "--guard /a=: there is no key behind the `=`"),
        ("/a/{id}=a:{ip}", "`{ip}` is no source of keys"),
        (
            "/a,/b",
            "one path with a comma in it; write `--guard` before each",
        ),
        ("/a/<int:id>", "write `{id}`; a literal `<` is `%3C`"),
    ] {
        let error = config(guard).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn where_nothing_is_sent_no_upstream_is_needed_but_a_wrong_one_is_told() {
    let overrides = Overrides {
        needs_no_upstream: true,
        ..Overrides::default()
    };
    assert!(Config::load(None, &overrides).is_ok());
    let wrong = "[upstream]\nurl = \"a:1\"\n";
    assert!(Config::parse("w.toml", wrong, &overrides).is_err());
    assert!(Config::load(None, &Overrides::default()).is_err());
}

#[test]
fn a_variable_of_the_environment_is_named_as_such() {
    let upstream = Some(Override {
        origin: Origin::Variable("WRITEGATE_UPSTREAM"),
        ..Override::flag("", "a:1")
    });
    let overrides = Overrides {
        upstream,
        ..Overrides::default()
    };
    let error = Config::load(None, &overrides).unwrap_err().to_string();
    assert!(
        error.starts_with("WRITEGATE_UPSTREAM: `a:1` is no address"),
        "{error}"
    );
}

#[test]
fn an_address_is_listened_on_once() {
    let error = |listen: &[&str]| {
        let overrides = Overrides {
            listen: Some(listening(listen)),
            ..Overrides::default()
        };
        let config = Config::parse("w.toml", UPSTREAM, &overrides);
        config.map_err(|error| error.to_string()).err()
    };
    let twice = ["127.0.0.1:1", "unix:/s", "127.0.0.1:1"];
    assert_eq!(
        error(&twice).unwrap(),
        "--listen 127.0.0.1:1: this address is given twice"
    );
    assert_eq!(error(&["127.0.0.1:0", "127.0.0.1:0"]), None);
}

#[test]
fn a_guarded_path_is_one_for_which_the_file_has_no_route() {
    let error = |guard: &[&str]| {
        let text = "[[route]]\npath = \"/Orders/{id}\"\nmethods = [\"POST\"]\nguard = false\n";
        let overrides = Overrides {
            guard: guard.iter().map(ToString::to_string).collect(),
            ..Overrides::default()
        };
        let config = Config::parse("w.toml", &format!("{UPSTREAM}{text}"), &overrides);
        config.map_err(|error| error.to_string()).err()
    };
    for same in ["/orders/{id}", "/orders/{number}/"] {
        let told = error(&[same]).unwrap();
        assert_eq!(
            told,
            format!(
                "--guard {same}: the configuration has this route already: change the one for `/Orders/{{id}}` there"
            )
        );
    }
    assert!(error(&["/a", "/A/"]).unwrap().contains("given twice"));
    assert_eq!(error(&["/orders", "/orders/{*rest}", "/orders/new"]), None);
}

#[test]
fn an_encoded_colon_or_star_is_a_literal_one() {
    let config = parse("[[route]]\npath = \"/%3Aid/%2A\"\nkey = \"a\"").unwrap();
    for path in ["/:id/*", "/%3aid/%2a"] {
        assert_eq!(plan(&config, &Method::POST, path), "/%3Aid/%2A Write a");
    }
}

#[test]
fn all_that_no_route_names_can_be_left_alone() {
    let text = "[[route]]\npath = \"/{*rest}\"\nguard = false\n[[route]]\npath = \"/a\"\n";
    let config = parse(text).unwrap();
    assert_eq!(plan(&config, &Method::PUT, "/b/c"), "/{*rest} forward");
    assert_eq!(plan(&config, &Method::PUT, "/a"), "/a Write /a");
}

#[test]
fn every_worker_has_room_for_one_request() {
    let text =
        |buffers| format!("[server]\nworkers = 4\nrequest_buffer = 1000\nbuffers = {buffers}");
    assert!(parse(&text(8000)).is_ok());
    let message = "4:11: half of `buffers` (7999 bytes) shared by 4 workers";
    assert!(error(&text(7999)).starts_with(message));
}

#[test]
fn a_route_is_as_guard_where_it_says_nothing() {
    let config = parse(
        "[guard]\nmethods = [\"PUT\", \"POST\"]\non_conflict = \"observe\"\nkey = \"g{path}\"\nmax_work = \"1s\"\n\
         [[route]]\npath = \"/a\"\n[[route]]\npath = \"/b\"\nmethods = \"unsafe\"\non_conflict = \"reject\"\nkey = \"b\"\n\
         max_work = \"2s\"",
    )
    .unwrap();
    assert_eq!(config.policy.post(), Post::Guard, "POST is listed by name");
    assert_eq!(plan(&config, &Method::POST, "/a"), "/a Observe g/a");
    assert_eq!(plan(&config, &Method::DELETE, "/a"), "[guard] forward");
    assert_eq!(plan(&config, &Method::DELETE, "/b"), "/b Write b");
    let max_work: Vec<u64> = config
        .policy
        .routes()
        .iter()
        .map(|route| route.max_work.as_secs())
        .collect();
    assert_eq!(max_work, [1, 1, 2]);
}

#[test]
fn sizes_and_durations_are_read_with_their_units() {
    let text = "[server]\nbuffers = \"128 MiB\"\nresponse_buffer = 5\nmin_body_rate = \"2KB\"\ndrain = \"1m 5s\"";
    let server = parse(text).unwrap().server;
    assert_eq!(
        (server.buffers, server.response_buffer, server.min_body_rate),
        (128 << 20, 5, 2000)
    );
    assert_eq!(server.drain, Duration::from_secs(65));
}

proptest! {
    #[test]
    fn no_text_makes_a_panic(
        lines in proptest::collection::vec(prop_oneof![
            Just("[[route]]".to_owned()), Just("[guard]".to_owned()), Just("path = \"/{a}\"".to_owned()),
            "(key|keys|path|host|methods|distinguish|listen|url|max_work|buffers) = \"[{}a:/é%\t -]{0,8}\"",
            "(on_conflict|methods|keys|drain|workers) = [\\[\\]{}0-9\"a]{0,6}",
            any::<String>(),
        ], 0..6),
    ) {
        for text in [lines.join("\n"), format!("{UPSTREAM}{}", lines.join("\r\n"))] {
            if let Err(ConfigError::Wrong(report)) = Config::parse("é", &text, &Overrides::default()) {
                prop_assert!(!report.lines().collect::<String>().is_empty());
                prop_assert!(report.drawn(false).contains("error"));
            }
        }
    }
}
