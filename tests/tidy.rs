//! The layout as a test: which part may name which, what the pure part may not touch, and what every file looks like.
//!
//! What is checked is the code of `src`, without its comments and its own tests. Each rule is shown to find what it is for.

use std::path::{Path, PathBuf};

/// What each part may name: `main -> server -> gateway -> upstream -> table -> policy`, and never back. `wire` and `body` stand
/// below those that use them; `config` gives types to all, and takes its own from `policy`. Beside the chain stand the
/// commands: of them only `demo` runs the gateway.
const ARROWS: [(&str, &[&str]); 17] = [
    (
        "main",
        &[
            "audit", "check", "cli", "config", "demo", "explain", "report", "server",
        ],
    ),
    // It runs the gateway, and is to it as any other backend and client.
    ("demo", &["config", "server"]),
    (
        "server",
        &[
            "body", "config", "gateway", "policy", "table", "tls", "upstream", "wire",
        ],
    ),
    (
        // Of `wire` only the client's end of a connection, which a request tells of its answer.
        "gateway",
        &[
            "body",
            "config",
            "content",
            "policy",
            "table",
            "upstream",
            "wire::Client",
        ],
    ),
    (
        "upstream",
        &["body", "config", "policy", "table", "tls", "wire"],
    ),
    ("table", &["policy"]),
    // Bodies in memory, for what keys are made of.
    ("content", &["policy"]),
    ("body", &[]),
    // What a head may look like is a decision; where one begins and ends is seen here.
    (
        "wire",
        &["policy::eights", "policy::frames", "policy::head", "tls"],
    ),
    // What is made of PEM files, for both sides.
    ("tls", &[]),
    ("config", &["policy", "tls"]),
    ("cli", &["config"]),
    ("check", &["config", "policy"]),
    ("explain", &["cli", "config", "content", "policy"]),
    // Of other servers' logs, by our own policy.
    ("audit", &["cli", "config", "policy"]),
    ("report", &["audit", "cli", "policy"]),
    ("policy", &[]),
];

/// What would make a decision depend on more than what it is given. `std::hash::RandomState` may be named: it is made once,
/// so that digests of credentials cannot be foreseen. So may `std::net::IpAddr`, which is a value.
const IMPURE: [&str; 27] = [
    "tokio",
    "tracing",
    "hyper",
    "hyper_util",
    "dashmap",
    "hashbrown",
    "socket2",
    "fastrand",
    "async",
    "await",
    "Instant",
    "SystemTime",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "ToSocketAddrs",
    "Mutex",
    "RwLock",
    "OnceLock",
    "LazyLock",
    "Cell",
    "RefCell",
    "thread_local",
    "println",
    "eprintln",
];
const IMPURE_PATHS: [&str; 6] = [
    "std::fs",
    "std::io",
    "std::env",
    "std::thread",
    "std::process",
    "std::sync::atomic",
];

/// Where statuses stand: those of the kinds of answers, and those that may be chosen for a conflict.
const STATUSES: [&str; 3] = [
    "policy/rejection/kind.rs",
    "policy/rejection/kind/met.rs",
    "policy/rejection/status.rs",
];

/// The statuses that are compared with an upstream's, or ask for a body; they are no answers.
const COMPARED_STATUSES: [&str; 2] = ["CONTINUE", "SWITCHING_PROTOCOLS"];

/// What asks for a body by one of those.
const ASKS: [&str; 2] = ["server/http1/feeding.rs", "server/http2/stream.rs"];

/// Lines of code, comments and tests apart.
const FILE_LIMIT: usize = 300;

/// Lines from the head of `handle` to the end of `admit`.
const SPINE_LIMIT: usize = 50;

type Rule = fn(&Source) -> Vec<String>;

const RULES: [Rule; 9] = [
    names_only_what_is_below,
    decides_without_side_effects,
    leaves_the_map_to_the_table,
    leaves_statuses_to_the_rejection,
    leaves_codes_to_the_kinds,
    opens_with_what_it_is,
    is_no_mod_rs,
    leaves_nothing_undone,
    is_not_too_long,
];

/// One file of `src`.
struct Source {
    /// Below `src`, as `gateway/read.rs`.
    path: String,
    text: String,
    /// Without comments, and without the tests at its end.
    code: String,
}

#[test]
fn every_file_keeps_to_the_layout() {
    let sources = sources();
    assert!(
        sources.len() > 40,
        "only {} files were found",
        sources.len()
    );
    let complaints: Vec<String> = sources
        .iter()
        .flat_map(|source| RULES.iter().flat_map(|rule| rule(source)))
        .collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_part_has_its_place_in_the_layout() {
    for source in sources() {
        let part = source.part();
        let is_placed = part == "lib" || ARROWS.iter().any(|(name, _)| *name == part);
        assert!(is_placed, "{}: what may `{part}` name?", source.path);
    }
}

#[test]
fn the_spine_fits_on_a_screen() {
    let text = std::fs::read_to_string(root().join("src/gateway.rs")).expect("the spine is there");
    let spine = spine(&text);
    assert!(spine.len() > 20, "{spine:?}");
    assert!(spine.len() <= SPINE_LIMIT, "{} lines", spine.len());
}

/// From the head of `handle` to the end of `admit`, which follows it.
fn spine(text: &str) -> Vec<&str> {
    let from_handle = text
        .lines()
        .skip_while(|line| !line.contains("pub async fn handle("));
    let mut ends = 0;
    from_handle
        .take_while(|line| {
            let is_in = ends < 2;
            ends += usize::from(*line == "    }");
            is_in
        })
        .collect()
}

fn names_only_what_is_below(source: &Source) -> Vec<String> {
    let part = source.part();
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == part) else {
        return Vec::new();
    };
    let is_allowed = |named: &str| {
        let mut prefixes = allowed.iter();
        named.starts_with(&format!("{part}::"))
            || prefixes.any(|prefix| format!("{named}::").starts_with(&format!("{prefix}::")))
    };
    let named = source.names().into_iter();
    named
        .filter(|named| !is_allowed(named))
        .map(|named| format!("{}: `{part}` stands below or beside `{named}`", source.path))
        .collect()
}

fn decides_without_side_effects(source: &Source) -> Vec<String> {
    if source.part() != "policy" {
        return Vec::new();
    }
    let words = IMPURE.iter().filter(|word| has_word(&source.code, word));
    let paths = IMPURE_PATHS
        .iter()
        .filter(|path| source.code.contains(**path));
    words
        .chain(paths)
        .map(|word| format!("{}: a decision has no use for `{word}`", source.path))
        .collect()
}

fn leaves_the_map_to_the_table(source: &Source) -> Vec<String> {
    let is_named = !["table/shards.rs", "table/slots.rs"].contains(&&*source.path)
        && ["Slots", "dashmap", "hashbrown"]
            .iter()
            .any(|name| has_word(&source.code, name));
    complain_if(is_named, || {
        format!("{}: only table/shards.rs names the map", source.path)
    })
}

fn leaves_statuses_to_the_rejection(source: &Source) -> Vec<String> {
    if STATUSES.contains(&&*source.path) {
        return Vec::new();
    }
    let is_compared = |name: &str| {
        COMPARED_STATUSES.contains(&name)
            && (["gateway", "upstream"].contains(&&*source.part()) || ASKS.contains(&&*source.path))
    };
    let named = source.code.split("StatusCode::").skip(1).map(first_word);
    named
        .filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase()) && !is_compared(name))
        .map(|name| {
            format!(
                "{}: `StatusCode::{name}` stands outside {}",
                source.path,
                STATUSES.join(" and ")
            )
        })
        .collect()
}

/// A call that is refused ends with the code of its kind, which stands beside the kind's status; a field of gRPC's is
/// written by the rejection alone.
fn leaves_codes_to_the_kinds(source: &Source) -> Vec<String> {
    let named = source.code.split("GrpcCode::").skip(1).map(first_word);
    let is_outside =
        !STATUSES[..2].contains(&&*source.path) && named.into_iter().any(|name| !name.is_empty());
    let is_written =
        !source.path.starts_with("policy/rejection/") && source.code.contains("\"grpc-status\"");
    complain_if(is_outside || is_written, || {
        format!(
            "{}: a code of gRPC's stands outside {}",
            source.path, STATUSES[0]
        )
    })
}

fn opens_with_what_it_is(source: &Source) -> Vec<String> {
    complain_if(!source.text.starts_with("//! "), || {
        format!(
            "{}: does not open with what it decides or owns",
            source.path
        )
    })
}

fn is_no_mod_rs(source: &Source) -> Vec<String> {
    complain_if(source.path.ends_with("mod.rs"), || {
        format!("{}: `foo.rs` stands beside `foo/`", source.path)
    })
}

fn leaves_nothing_undone(source: &Source) -> Vec<String> {
    // Written so that this file has none of them.
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
    ];
    let left = marks.iter().filter(|mark| source.text.contains(**mark));
    left.map(|mark| format!("{}: has a {mark}", source.path))
        .collect()
}

fn is_not_too_long(source: &Source) -> Vec<String> {
    let lines = source
        .code
        .lines()
        .filter(|line| !line.trim().is_empty())
        .count();
    complain_if(lines > FILE_LIMIT, || {
        format!(
            "{}: {lines} lines of code are more than {FILE_LIMIT}",
            source.path
        )
    })
}

fn complain_if(is_wrong: bool, complaint: impl FnOnce() -> String) -> Vec<String> {
    is_wrong.then(complaint).into_iter().collect()
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let is_test = path
            .split('/')
            .any(|part| part == "tests" || part == "tests.rs");
        let code = if is_test { String::new() } else { code(text) };
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
        }
    }

    /// The part of the layout that it belongs to.
    fn part(&self) -> String {
        first_word(&self.path).to_owned()
    }

    /// The parts that it names, each with what it names of it.
    fn names(&self) -> Vec<String> {
        let depth = self.path.split('/').count();
        let mut named = after(&self.code, "crate::");
        named.extend(after(&self.code, "writegate::"));
        // `super` as often as the file is deep is the crate.
        named.extend(after(&self.code, &"super::".repeat(depth)));
        named
    }
}

/// What follows `prefix` in paths, as far as two names, also where it stands in braces.
fn after(code: &str, prefix: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let is_start = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        if is_start {
            named.extend(paths(&code[at + prefix.len()..]));
        }
    }
    named
}

/// The paths that `rest` begins with: one, or those of a group.
fn paths(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else {
        let mut names = rest.splitn(3, "::");
        let first = first_word(names.next().unwrap_or_default());
        if first.len() < rest.len() && !rest[first.len()..].starts_with("::") {
            return vec![first.to_owned()];
        }
        let below = &rest[(first.len() + 2).min(rest.len())..];
        if below.starts_with('{') {
            let below = paths(below).into_iter();
            return below
                .map(|name| format!("{first}::{}", first_word(&name)))
                .collect();
        }
        return vec![format!("{first}::{}", first_word(below))];
    };
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                let one = group[start..at].trim();
                found.extend(if one.is_empty() {
                    Vec::new()
                } else {
                    paths(one)
                });
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        !code[..at].ends_with(is_name) && !code[at + word.len()..].starts_with(is_name)
    })
}

fn code(text: &str) -> String {
    let tests = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    let lines = text[..tests].lines();
    let code: Vec<&str> = lines
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| line.split(" // ").next().unwrap_or_default())
        .collect();
    code.join("\n")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let mut directories = vec![src.clone()];
    let mut sources = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory can be read") {
            let path: PathBuf = entry.expect("an entry can be read").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source is text");
                let below = path.strip_prefix(&src).expect("it was found there");
                sources.push(Source::new(&below.to_string_lossy(), &text));
            }
        }
    }
    sources
}

/// A file that breaks one rule for each text, beside one that does not.
fn is_found(rule: Rule, path: &str, good: &str, bad: &[&str]) {
    let source = |text: &str| Source::new(path, &format!("//! A file.\n\n{text}\n"));
    assert_eq!(rule(&source(good)), [""; 0], "{good}");
    for bad in bad {
        assert_ne!(rule(&source(bad)), [""; 0], "{bad}");
    }
}

#[test]
fn an_arrow_that_points_back_is_found() {
    let found = |path, good, bad: &[&str]| is_found(names_only_what_is_below, path, good, bad);
    found(
        "table.rs",
        "use crate::policy::key::{Key, Keys};\n// crate::upstream\n",
        &[
            "use crate::upstream::Exchange;",
            "use crate::{policy::Key, upstream};",
            "fn f() { crate::config::Config::load() }",
            "use super::upstream::Exchange;",
        ],
    );
    found(
        "policy/route.rs",
        "use super::key::Mode;",
        &[
            "use crate::table::Table;",
            "use super::super::config::Config;",
        ],
    );
    found(
        "wire/inbound.rs",
        "use crate::policy::head::{self, Framing};\nuse super::{Hangup, Socket};\nuse crate::wire::Stream;",
        &[
            "use crate::policy::Plan;",
            "use crate::policy::{head, Plan};",
            "use crate::body::Body;",
            "use crate::policy;",
        ],
    );
    found(
        "gateway/peer.rs",
        "use crate::wire::Client;",
        &["use crate::wire::Stream;", "use crate::server::run;"],
    );
    found(
        "body/pipe.rs",
        "use super::CutShort;",
        &["use crate::upstream::Limits;", "use crate::config::Config;"],
    );
    found(
        "main.rs",
        "use writegate::{check, demo, server};",
        &[
            "use writegate::gateway::Gateway;",
            "use writegate::{check, table};",
        ],
    );
    found(
        "demo/burst.rs",
        "use super::backend::Stock;\nuse crate::server::Server;",
        &[
            "use crate::gateway::Gateway;",
            "use crate::policy::rejection;",
        ],
    );
    found(
        "server.rs",
        "use crate::gateway::Counts;",
        &["use crate::demo::Verdict;"],
    );
    found(
        "upstream.rs",
        "use crate::table::Grant;\n#[cfg(test)]\nmod tests { use crate::gateway::Gateway; }",
        &["use crate::gateway::Peer;"],
    );
}

#[test]
fn a_decision_with_side_effects_is_found() {
    is_found(
        decides_without_side_effects,
        "policy/route.rs",
        "use std::net::IpAddr;\nfn instantly() {} // Instant\n",
        &[
            "use std::time::Instant;",
            "async fn f() {}",
            "tracing::info!(1);",
            "std::fs::read(1);",
            "static A: Mutex<u8> = 1;",
        ],
    );
}

#[test]
fn a_map_outside_the_table_is_found() {
    is_found(
        leaves_the_map_to_the_table,
        "upstream.rs",
        "let dashmaps = 1;",
        &[
            "use crate::table::slots::Slots;",
            "use dashmap::DashMap;",
            "hashbrown::HashMap::new()",
        ],
    );
}

#[test]
fn a_status_outside_the_rejection_is_found() {
    is_found(
        leaves_statuses_to_the_rejection,
        "upstream/exchange.rs",
        "StatusCode::SWITCHING_PROTOCOLS; StatusCode::from_u16(1)",
        &[
            "StatusCode::BAD_GATEWAY",
            "StatusCode::CONTINUE, StatusCode::OK",
        ],
    );
    is_found(
        leaves_statuses_to_the_rejection,
        "server.rs",
        "",
        &["StatusCode::CONTINUE"],
    );
}

#[test]
fn a_code_of_grpc_outside_the_kinds_is_found() {
    is_found(
        leaves_codes_to_the_kinds,
        "policy/rejection/grpc.rs",
        "use super::kind::GrpcCode; HeaderName::from_static(\"grpc-status\")",
        &["GrpcCode::Aborted"],
    );
    is_found(
        leaves_codes_to_the_kinds,
        "gateway/claim.rs",
        "",
        &["HeaderName::from_static(\"grpc-status\")"],
    );
}

#[test]
fn a_file_out_of_shape_is_found() {
    assert!(!opens_with_what_it_is(&Source::new("a.rs", "use std::fs;\n")).is_empty());
    assert!(opens_with_what_it_is(&Source::new("a.rs", "//! What.\n")).is_empty());
    assert!(!is_no_mod_rs(&Source::new("wire/mod.rs", "//! What.\n")).is_empty());
    is_found(
        leaves_nothing_undone,
        "a.rs",
        "",
        &[concat!("// TO", "DO: more"), concat!("todo", "!()")],
    );
    let lines = |count: usize| "let a = 1;\n".repeat(count);
    is_found(
        is_not_too_long,
        "a.rs",
        &format!("// why\n\n{}", lines(FILE_LIMIT)),
        &[&lines(FILE_LIMIT + 1)],
    );
    let function =
        |name: &str, count: usize| format!("    {name}(\n{}    }}\n", "        a\n".repeat(count));
    let text = format!(
        "{}\n{}{}",
        function("pub async fn handle", 5),
        function("async fn admit", 50),
        function("fn reject", 9)
    );
    assert_eq!(spine(&text).len(), 7 + 1 + 52);
}
