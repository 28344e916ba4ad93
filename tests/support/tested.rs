//! Which program is tested: the one that `TESTED_PROGRAM` names, as `tests/run` has it with the release build, or else the one that
//! cargo has built for the tests, with the test profile.
//!
//! One that is named must be there, and no older than any source that it was made of: a stale build would pass for the code.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

const NAME: &str = "TESTED_PROGRAM";

/// The program that is tested.
pub(crate) fn tested() -> &'static Path {
    static TESTED: OnceLock<PathBuf> = OnceLock::new();
    TESTED.get_or_init(|| {
        let program = match env::var_os(NAME) {
            Some(named) => sound(PathBuf::from(named)).unwrap_or_else(|why| panic!("{why}")),
            None => PathBuf::from(env!("CARGO_BIN_EXE_writegate")),
        };
        println!("tested: {}", program.display());
        program
    })
}

/// The program, if it is there and new enough.
fn sound(program: PathBuf) -> Result<PathBuf, String> {
    let shown = program.display();
    let build =
        format!("{NAME} names it: `cargo build --release --locked` makes target/release/writegate");
    let built = modified(&program).map_err(|fault| format!("{shown}: {fault}; {build}"))?;
    // As cargo writes it beside what it builds: the program, a colon, and each source, a space in its name behind a backslash.
    let list = program.with_extension("d");
    let text = fs::read_to_string(&list);
    let text = text.map_err(|fault| format!("{}: {fault}; {build}", list.display()))?;
    for source in sources(&text) {
        // One that is gone was taken out after the build.
        if modified(&source).map_or(true, |changed| changed > built) {
            return Err(format!(
                "{shown} is older than {}; {build}",
                source.display()
            ));
        }
    }
    Ok(program)
}

fn modified(path: &Path) -> std::io::Result<SystemTime> {
    fs::metadata(path)?.modified()
}

fn sources(list: &str) -> Vec<PathBuf> {
    let (_, sources) = list.split_once(": ").unwrap_or_default();
    let marked = sources.trim().replace("\\ ", "\0");
    let names = marked.split_whitespace();
    names.map(|name| name.replace('\0', " ").into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::program::Scratch;
    use std::fs::File;
    use std::time::Duration;

    #[test]
    fn a_program_is_tested_only_if_it_is_no_older_than_its_sources() {
        let scratch = Scratch::new("tested program");
        let source = scratch.file("main.rs", "");
        let program = scratch.path().join("writegate");
        let told = |words: &str| {
            let why = sound(program.clone()).expect_err("it is not to be tested");
            assert!(
                why.contains(words) && why.contains("cargo build --release"),
                "{why}"
            );
        };
        told("No such file");
        scratch.file("writegate", "");
        told("writegate.d");
        let escaped = source.display().to_string().replace(' ', "\\ ");
        scratch.file(
            "writegate.d",
            &format!("{}: {escaped}\n", program.display()),
        );
        assert_eq!(sound(program.clone()), Ok(program.clone()));
        let later = modified(&program).expect("it is there") + Duration::from_secs(1);
        let file = File::options().write(true).open(&source).expect("a source");
        file.set_modified(later).expect("a time");
        told("is older than");
        fs::remove_file(&source).expect("a source");
        told("is older than");
    }
}
