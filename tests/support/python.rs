//! Python programs: the environment that `tests/run` makes, and applications served by gunicorn.

use crate::support::program::{Program, Scratch, repository};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program of the tests' own Python environment, which finds the modules under `tests/real`.
pub(crate) fn python(program: &str) -> Command {
    program_of("venv", program)
}

/// The Python that has the linters.
pub(crate) fn python_with_linters() -> Command {
    program_of("linters", "python")
}

fn program_of(environment: &str, program: &str) -> Command {
    let path = prepared(environment).join("bin").join(program);
    assert!(
        path.exists(),
        "{} is missing: tests/run installs it",
        path.display()
    );
    let mut command = Command::new(path);
    command
        .env("PYTHONPATH", repository("tests/real"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Something that `tests/run` has put beside the build.
pub(crate) fn prepared(name: &str) -> PathBuf {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    temporary
        .parent()
        .expect("cargo puts it into the target directory")
        .join(name)
}

/// An application under gunicorn, one process of many threads.
pub(crate) struct Application {
    pub(crate) addr: SocketAddr,
    _program: Program,
    scratch: Scratch,
}

impl Application {
    /// Starts `module:name`.
    pub(crate) fn start(what: &str) -> Self {
        let scratch = Scratch::new("application");
        let answers = scratch.file("answers", "");
        let (program, addr) = Program::listen(&scratch.path().join("log"), |addr| {
            let mut command = python("gunicorn");
            command.args([
                "--worker-class",
                "gthread",
                "--threads",
                "32",
                "--log-level",
                "warning",
            ]);
            command
                .args(["--bind", &addr.to_string(), what])
                .env("ANSWERS", &answers);
            command
        });
        Self {
            addr,
            _program: program,
            scratch,
        }
    }

    /// Where the application keeps its answers, if it does.
    pub(crate) fn answers(&self) -> PathBuf {
        self.scratch.path().join("answers")
    }
}
