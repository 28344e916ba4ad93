//! What is said about a faulty configuration, and where it is said to be.

use super::*;

fn drawn(text: &str) -> String {
    match Config::parse("w.toml", text, &Overrides::default()) {
        Err(ConfigError::Wrong(report)) => report.drawn(false),
        Ok(_) | Err(ConfigError::Unreadable { .. }) => panic!("nothing is wrong with {text}"),
    }
}

#[test]
fn an_error_says_file_line_and_column_and_shows_the_line() {
    let text = "[upstream]\nurl = \"http://a\"\n[server]\n  lisen = \"0.0.0.0:80\"\n";
    assert_eq!(
        drawn(text),
        "error: `[server]` has no setting `lisen`\n --> w.toml:4:3\n  |\n4 |   lisen = \"0.0.0.0:80\"\n  |   ^^^^^\n  |\n  \
         = help: did you mean `listen`?\n\nwritegate: 1 error in w.toml\n"
    );
}

#[test]
fn colours_are_for_a_terminal() {
    let Err(ConfigError::Wrong(report)) = Config::parse("w.toml", "a = 1", &Overrides::default())
    else {
        panic!("nothing is wrong with it");
    };
    assert!(report.drawn(true).contains("\x1b["));
    assert!(!report.drawn(false).contains('\x1b'));
}

#[test]
fn a_warning_is_one_line_of_a_log() {
    let config = parse("[[route]]\npath = \"/a\"\nkey = \"{header:etag}\"").unwrap();
    let lines: Vec<String> = config.warnings.lines().collect();
    assert_eq!(
        lines,
        [
            "w.toml:5:7: `{header:etag}` has no value in any request: it is a field of responses; take a field that the client \
          sends"
        ]
    );
    assert!(parse("").unwrap().warnings.is_empty());
}

#[test]
fn more_fields_than_there_can_be_are_told_and_not_allowed() {
    let config = parse("[server]\nmax_fields = 6001").unwrap();
    assert_eq!(config.server.limits.head.fields, 6_000);
    let lines: Vec<String> = config.warnings.lines().collect();
    assert_eq!(
        lines,
        ["w.toml:4:14: `max_fields` is above 6000: no more are ever taken"]
    );
    let config = parse("[server]\nmax_fields = 6000").unwrap();
    assert!(config.warnings.is_empty());
}

#[test]
fn every_fault_is_told_in_the_order_of_the_file() {
    let text = "[[route]]\npath = \"a\"\nkey = [1, \"{\", 2]\n[[route]]\npath = 1\n[server]\nlisten = \"x\"\ndrain = 1\nworkers = 0\n";
    let error = Config::parse("w.toml", text, &Overrides::default()).unwrap_err();
    let places: Vec<String> = error
        .to_string()
        .lines()
        .map(|line| line.split(": ").next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        places,
        [
            "w.toml:2:8",
            "w.toml:3:8",
            "w.toml:3:16",
            "w.toml:5:8",
            "w.toml:7:10",
            "w.toml:8:9",
            "w.toml:9:11",
            "no upstream; give `--upstream URL`, or `url` in `[upstream]` of a configuration file"
        ]
    );
}

#[test]
fn what_only_comes_of_a_fault_is_not_told() {
    for (text, count) in [
        // No route without a path, no clash with a route whose methods cannot be read, no upstream that is missing.
        ("[[route]]\npath = 7", 1),
        (
            "[[route]]\npath = \"/a\"\n[[route]]\npath = \"/a\"\nmethods = 7",
            1,
        ),
        ("[guard]\nkey = \"{x}\"\n[[route]]\npath = \"/{y}\"", 1),
        ("[server]\nworkers = 0\nrequest_buffer = \"60MiB\"", 1),
        ("[server]\nlisten = \"x\"\n[guard]\nx", 1),
    ] {
        let all = parse(text).unwrap_err().to_string();
        assert_eq!(all.lines().count(), count, "{all}");
    }
    for text in ["[upstream]\nurl = 7", "[upsteam]\nurl = \"http://a\""] {
        let all = Config::parse("w.toml", text, &Overrides::default());
        assert_eq!(all.unwrap_err().to_string().lines().count(), 1, "{text}");
    }
}

#[test]
fn what_stands_beside_a_line_that_is_no_toml_is_told_too() {
    let told = |text: &str| parse(text).unwrap_err().to_string();
    let text = "[server]\ndrain = \nworkers = 0\n[guard]\nmax_work = 60s\nkye = \"a\"";
    let places = [
        "w.toml:4:9: ",
        "w.toml:5:11: ",
        "w.toml:7:12: ",
        "w.toml:8:1: ",
    ];
    let all = told(text);
    assert_eq!(all.lines().count(), places.len(), "{all}");
    for (line, place) in all.lines().zip(places) {
        assert!(line.starts_with(place), "{line}");
    }
    let all = told("[server]\nworkers = 0\nlisten = [\"a\"\n[guard]\nkye = 1\n");
    assert_eq!(all.lines().count(), 2, "{all}");
    assert!(all.contains("this list is not closed"), "{all}");
}

#[test]
fn what_is_nothing_like_a_known_name_is_not_guessed_at() {
    assert!(!error("[server]\nzzzzzz = 1").contains("did you mean"));
    assert!(error("[answers]\ndisclose = \"holdr\"").ends_with("did you mean \"holder\"?"));
    assert!(
        error("[server]\nmax_wrk = 1")
            .ends_with("did you mean `max_work`, which belongs in `[guard]`?")
    );
    assert!(error("[servr]\na = 1").ends_with("did you mean `[server]`?"));
}

/// A faulty text, and the place and a part of what is said about it.
type Faulty = (&'static str, (&'static str, &'static str));

const FAULTY_ROUTES: [Faulty; 18] = [
    (
        "[[route]]\npath = \"/a/:id\"",
        ("2:12: ", "write `{id}`; a literal colon is `%3A`"),
    ),
    ("[[route]]\npath = \"/a/*\"", ("2:12: ", "write `{*rest}`")),
    (
        "[route]\npath = \"/a\"",
        ("1:1: ", "write `[[route]]`, with two brackets"),
    ),
    (
        "[[route]]\npath = \"/a\"\npost = \"guard\"",
        ("3:1: ", "; `post` belongs in `[guard]`"),
    ),
    (
        "[[route]]\npath = \"/a\"\nkey = \"{x}\"",
        ("3:7: ", "`{x}` is no source"),
    ),
    (
        "[[route]]\npath = \"/a\"\nkeys = [\"a\", \"{\"]",
        ("3:14: ", "no partner"),
    ),
    ("[[route]]\npath = \"/v{x}\"", ("2:10: ", "whole segment")),
    (
        "[[route]]\npath = \"/a\"\n[[route]]\npath = \"/A/\"",
        ("4:8: ", "the one for `/a` match the same"),
    ),
    (
        "[[route]]\npath = \"/a\"\nmethods = [\"PUT\", \"P T\"]",
        ("3:19: ", "`P T` is no method"),
    ),
    (
        "[[route]]\npath = \"/a\"\nmethods = \"PUT\"",
        ("3:11: ", "or a list"),
    ),
    (
        "[[route]]\npath = \"/a\"\nmethods = []",
        ("3:11: ", "matches nothing"),
    ),
    (
        "[[route]]\npath = \"/a\"\nhost = \"a/b\"",
        ("3:8: ", "is no host"),
    ),
    (
        "[[route]]\npath = \"/a\"\nkey = \"a\"\nkeys = [\"b\"]",
        ("4:8: ", "not both"),
    ),
    ("[[route]]\nkey = \"a\"", ("1:1: ", "no `path`")),
    (
        "[[route]]\npath = \"/a\"\nguard = false\nmax_work = \"1s\"",
        ("4:12: ", "`max_work` has no effect"),
    ),
    (
        "[[route]]\npath = \"/a\"\nguard = false\ndistinguish = [\"case\"]",
        ("4:15: ", "`distinguish` has no"),
    ),
    (
        "[[route]]\npath = \"/a\"\non_missing_key = \"reject\"",
        ("3:18: ", "`on_missing_key` has no"),
    ),
    (
        "[guard]\nkey = \"{header:a}\"\n[[route]]\npath = \"/{x}\"\nkey = \"{x}:{path}\"\non_missing_key = \"path\"",
        ("6:18: ", "`on_missing_key` has no"),
    ),
];

const FAULTY_SETTINGS: [Faulty; 29] = [
    (
        "[server]\nmax_work = \"1s\"",
        (
            "2:1: ",
            "; `max_work` belongs in `[guard]` or a `[[route]]`",
        ),
    ),
    (
        "listen = \"0.0.0.0:1\"",
        ("1:1: ", "; `listen` belongs in `[server]`"),
    ),
    (
        "[guard]\npost = true",
        ("2:8: ", "\"observe\", \"guard\" or \"forward\""),
    ),
    (
        "[answers]\ndisclose = false",
        ("2:12: ", "\"holder\", \"key\" or \"none\""),
    ),
    (
        "[guard]\nmethods = []",
        ("2:11: ", "`methods` cannot be empty"),
    ),
    (
        "[server]\nworkers = 0",
        ("2:11: ", "`0` does not do: write a number, at least 1"),
    ),
    (
        "[server]\nmax_holds = \"1\"",
        ("2:13: ", "a number, at least 1"),
    ),
    (
        "[server]\nlisten = [\"0.0.0.0:1\", \"0.0.0.0:1\"]",
        ("2:24: ", "given twice"),
    ),
    (
        "[server]\nlisten = \"0.0.0.0:99999\"",
        ("2:10: ", "the port is above 65535"),
    ),
    (
        "[guard]\npost = \"observe\"\non_conflict = \"observe\"",
        ("2:8: ", "`post = \"observe\"` has no effect"),
    ),
    (
        "[guard]\nmethods = [\"PUT\"]\npost = \"guard\"",
        ("3:8: ", "`post` has no effect"),
    ),
    (
        "[guard]\non_conflict = { waiters = 16 }",
        ("2:15: ", "how long does a write wait?"),
    ),
    (
        "[guard]\non_conflict = { wait = \"0s\" }",
        ("2:24: ", "cannot be zero"),
    ),
    (
        "[guard]\non_conflict = { wait = \"2s\", waiter = 16 }",
        ("2:30: ", "did you mean \"waiters\"?"),
    ),
    (
        "[guard]\non_conflict = \"wait\"",
        ("2:15: ", "write `on_conflict = { wait = \"2s\" }`"),
    ),
    (
        "[guard]\nmode = \"share\"",
        ("2:8: ", "did you mean \"shared\"?"),
    ),
    (
        "[[route]]\npath = \"/a\"\nguard = false\nscope = \"subtree\"",
        ("4:9: ", "`scope` has no effect"),
    ),
    (
        "[guard]\nkey = \"{json:a}\"",
        ("2:14: ", "did you mean `{json:/a}`?"),
    ),
    (
        "[guard]\ndistinguish = [\"Case\"]",
        ("2:16: ", "did you mean \"case\"?"),
    ),
    ("[guard]\nmax_work = 60", ("2:12: ", "a duration such as")),
    (
        "[guard]\nmax_work = \"60\"",
        ("2:12: ", "`60` is not a duration"),
    ),
    (
        "[server]\nsend_timeout = \"200years\"",
        ("2:16: ", "more than a year"),
    ),
    (
        "[guard]\non_missing_key = \"drop\"",
        ("2:18: ", "\"reject\", \"path\" or \"forward\""),
    ),
    ("[server]\nbuffers = \"x\"", ("2:11: ", "a size such as")),
    ("[server]\nbuffers = -1", ("2:11: ", "a size such as")),
    (
        "[server]\nsend_timeout = \"0s\"",
        ("2:16: ", "cannot be zero"),
    ),
    ("[server]\nlisten = []", ("2:10: ", "cannot be empty")),
    (
        "[server]\nlisten = [\"0.0.0.0:1\", \"x\"]",
        ("2:24: ", "no address to listen on"),
    ),
    (
        "[answers]\ntype_base = \"x#y\"",
        ("2:13: ", "to which a fragment"),
    ),
];

#[test]
fn a_word_of_the_upstream_is_told_with_all_that_it_can_be() {
    let text = "[upstream]\nurl = \"http://a\"\nforwarded = true";
    let error = Config::parse("w.toml", text, &Overrides::default());
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("w.toml:3:13: "), "{error}");
    assert!(
        error.contains("write \"append\", \"replace\" or \"off\""),
        "{error}"
    );
}

#[test]
fn semantic_errors_say_where() {
    for (text, (place, part)) in FAULTY_ROUTES.into_iter().chain(FAULTY_SETTINGS) {
        let error = error(text);
        assert!(
            error.starts_with(place) && error.contains(part),
            "{text}\n{error}"
        );
    }
}
