//! What is said about a faulty configuration, and where it is said to be.

use super::*;

#[test]
fn an_error_says_file_line_and_column_and_shows_the_line() {
    let text = "[server]\n  lisen = \"0.0.0.0:80\"\n";
    let error = Config::parse("w.toml", text, &Overrides::default())
        .unwrap_err()
        .to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert!(
        lines[0].starts_with("w.toml:2:3: unknown field `lisen`"),
        "{error}"
    );
    assert!(lines[0].ends_with("; did you mean `listen`?"), "{error}");
    assert_eq!(
        lines[1..],
        ["  |", "2 |   lisen = \"0.0.0.0:80\"", "  |   ^^^^^"]
    );
}

#[test]
fn what_is_nothing_like_a_known_name_is_not_guessed_at() {
    assert!(!error("[server]\nzzzzzz = 1").contains("did you mean"));
    assert!(error("[answers]\ndisclose = \"holdr\"").ends_with("did you mean `holder`?"));
}

/// A faulty text, and the place and a part of what is said about it.
type Faulty = (&'static str, (&'static str, &'static str));

const FAULTY_ROUTES: [Faulty; 18] = [
    (
        "[[route]]\npath = \"/a/:id\"",
        ("2:8: ", "write `{id}`; a literal colon is `%3A`"),
    ),
    ("[[route]]\npath = \"/a/*\"", ("2:8: ", "write `{*rest}`")),
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
    ("[[route]]\npath = \"/v{x}\"", ("2:8: ", "whole segment")),
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
        ("3:11: ", "matches no method"),
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

const FAULTY_SETTINGS: [Faulty; 25] = [
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
        ("2:11: ", "`0`, expected a number, at least 1"),
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
        "[guard]\non_conflict = { wait = \"2s\", waiters = 16 }",
        ("2:15: ", "not wait"),
    ),
    (
        "[guard]\non_conflict = \"wait\"",
        ("2:15: ", "\"reject\" or \"observe\""),
    ),
    (
        "[guard]\nkey = \"{json:/a}\"",
        ("2:7: ", "not in this version"),
    ),
    (
        "[guard]\ndistinguish = [\"Case\"]",
        ("2:16: ", "cannot be told apart"),
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
        error.contains("expected \"append\", \"replace\" or \"off\""),
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
