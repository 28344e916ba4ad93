//! What the binary prints about configurations: those of `tests/wrong` make none, those of `tests/doubtful` give pause.
//!
//! Beside each `name.toml` stands `name.txt`, what has to come out on stderr, byte by byte. Plain files are compared rather
//! than by a library for snapshots: a difference is read with `diff`, and `WRITE_EXPECTED=1` writes them all anew.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::gateway::binary;
use crate::support::program::repository;

/// How each command is asked, after `--config FILE`.
const COMMANDS: [(&str, &[&str]); 3] = [
    ("check", &[]),
    ("run", &[]),
    ("explain", &["PUT", "/orders/7"]),
];

#[test]
fn every_wrong_configuration_is_told_alike_by_every_command() {
    let files = files("wrong");
    assert!(files.len() >= 40, "only {} files", files.len());
    for file in &files {
        for (command, arguments) in COMMANDS {
            if command == "explain" && file.ends_with("no-upstream.toml") {
                // Nothing is sent, so none is needed.
                assert!(told(file, command, arguments).status.success());
                continue;
            }
            let output = told(file, command, arguments);
            assert_eq!(output.status.code(), Some(64), "{}", file.display());
            assert!(output.stdout.is_empty(), "{}", file.display());
            compare(file, &output.stderr);
        }
    }
}

#[test]
fn what_gives_pause_is_warned_of_by_check_and_is_no_error() {
    for file in &files("doubtful") {
        let output = told(file, "check", &[]);
        assert_eq!(output.status.code(), Some(0), "{}", file.display());
        assert!(output.stdout.starts_with(b"listen "), "{}", file.display());
        compare(file, &output.stderr);
        let explained = told(file, "explain", &["PUT", "/orders/7"]);
        assert!(explained.stderr.is_empty(), "{}", file.display());
    }
}

#[test]
fn of_what_is_no_configuration_at_all_the_first_dozen_faults_are_told() {
    let output = told(Path::new("README.md"), "check", &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64));
    let drawn = said.lines().filter(|line| line.starts_with("error: "));
    assert_eq!(drawn.count(), 12, "{said}");
    assert!(said.contains(" more; is this a TOML file?\n"), "{said}");
}

#[test]
fn what_is_expected_belongs_to_a_configuration() {
    for directory in ["wrong", "doubtful"] {
        for text in with_extension(directory, "txt") {
            assert!(text.with_extension("toml").exists(), "{}", text.display());
        }
    }
}

/// What the command does, in the directory of the file, so that it is called by its name alone.
fn told(file: &Path, command: &str, arguments: &[&str]) -> Output {
    let mut process = binary();
    process
        .current_dir(repository("").join(file.parent().expect("it stands in a directory")))
        .args([OsStr::new(command), OsStr::new("--config")])
        .arg(file.file_name().expect("it is a file"))
        .args(arguments);
    process.output().expect("the binary is there")
}

fn compare(file: &Path, told: &[u8]) {
    let told = std::str::from_utf8(told).expect("it is text");
    let expected = file.with_extension("txt");
    if std::env::var_os("WRITE_EXPECTED").is_some() {
        std::fs::write(&expected, told).expect("it can be written");
    }
    let text = std::fs::read_to_string(&expected)
        .unwrap_or_else(|error| panic!("{}: {error}\n{told}", expected.display()));
    assert_eq!(told, text, "{}", expected.display());
}

fn files(directory: &str) -> Vec<PathBuf> {
    with_extension(directory, "toml")
}

fn with_extension(directory: &str, extension: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(directory);
    let entries = std::fs::read_dir(directory).expect("the directory is there");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|of| of == extension))
        .collect();
    paths.sort();
    paths
}
