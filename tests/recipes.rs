//! The example configurations: each is accepted by `check`, and what it says of requests in its comments is what `explain` says. In `page`, the
//! recipes of `docs/recipes.md`.

mod desk;
mod page;
mod trial;

use crate::support::gateway::binary;
use crate::support::program::repository;
use std::path::{Path, PathBuf};

fn recipes() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository("config")).expect("the directory");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files
}

/// What is claimed of requests: the line of a command, and what comes of it.
fn claims(text: &str) -> Vec<(String, String)> {
    let comments = text.lines().filter_map(|line| line.strip_prefix("#   "));
    let claims = comments.filter_map(|line| line.split_once(" -> "));
    claims
        .map(|(request, verdict)| (request.trim().to_owned(), verdict.trim().to_owned()))
        .collect()
}

/// What `explain` says of a request: how it is treated, and its keys.
fn explained(file: &Path, request: &str) -> String {
    let words = shell(request);
    let output = binary()
        .arg("explain")
        .arg("--config")
        .arg(file)
        .args(words)
        .output();
    let output = output.expect("the binary is there");
    let said = String::from_utf8(output.stdout).expect("text");
    let values = |name: &str| -> Vec<String> {
        let at = said.lines().skip_while(|line| !line.starts_with(name));
        let (first, more) = (at.clone().take(1), at.skip(1));
        // What has several values has a line for each, set in under the first.
        let more = more.take_while(|line| line.starts_with(' '));
        first
            .map(|line| line[name.len()..].trim().to_owned())
            .chain(more.map(|line| line.trim().to_owned()))
            .collect()
    };
    let policy = values("policy");
    let policy = policy
        .first()
        .unwrap_or_else(|| panic!("{request}: {said}"));
    let keys = values("key").join(", ");
    match policy.split([':', ' ', ',']).next() {
        Some("guarded") => keys,
        Some(other) => format!("{other} {keys}").trim().to_owned(),
        None => panic!("{request}: {said}"),
    }
}

/// The words of a line, of which some are in single quotes.
fn shell(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    parts
        .flat_map(|(number, part)| match number % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

#[test]
fn every_example_does_with_requests_what_it_says() {
    let mut count = 0;
    for file in recipes() {
        let text = std::fs::read_to_string(&file).expect("text");
        for (request, verdict) in claims(&text) {
            assert_eq!(
                explained(&file, &request),
                verdict,
                "{request} in {}",
                file.display()
            );
            count += 1;
        }
    }
    assert!(count > 60, "only {count} requests");
}

#[test]
fn every_example_is_accepted_by_check() {
    let files = recipes();
    assert!(files.len() >= 16, "{files:?}");
    for file in files {
        let output = binary().arg("check").arg("--config").arg(&file).output();
        let output = output.expect("the binary is there");
        assert!(output.status.success(), "{}: {output:?}", file.display());
        assert!(output.stderr.is_empty(), "{}: {output:?}", file.display());
    }
}
