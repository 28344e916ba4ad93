//! The gateway as users run it: the binary, a configuration file, a port.

use crate::support::program::{Program, Scratch};
use std::net::SocketAddr;
use std::process::Command;

/// A running gateway; dropped, it ends.
pub(crate) struct Gateway {
    pub(crate) addr: SocketAddr,
    program: Program,
    _scratch: Scratch,
}

impl Gateway {
    /// Starts it from a file: its listener and the upstream, and `tables` below.
    pub(crate) fn start(upstream: SocketAddr, tables: &str) -> Self {
        let scratch = Scratch::new("gateway");
        let (program, addr) = Program::listen(&scratch.path().join("log"), |addr| {
            let text = format!(
                "[server]\nlisten = \"{addr}\"\n\n[upstream]\nurl = \"http://{upstream}\"\n\n{tables}"
            );
            let mut command = Command::new(env!("CARGO_BIN_EXE_writegate"));
            command
                .arg("run")
                .arg("--config")
                .arg(scratch.file("writegate.toml", &text));
            command
        });
        Self {
            addr,
            program,
            _scratch: scratch,
        }
    }

    /// Starts it without a file, all defaults.
    pub(crate) fn with_defaults(upstream: SocketAddr) -> Self {
        let scratch = Scratch::new("gateway");
        let (program, addr) = Program::listen(&scratch.path().join("log"), |addr| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_writegate"));
            command
                .arg("run")
                .args(["--upstream", &format!("http://{upstream}")])
                .args(["--listen", &addr.to_string()]);
            command
        });
        Self {
            addr,
            program,
            _scratch: scratch,
        }
    }

    /// What it has logged.
    pub(crate) fn said(&self) -> String {
        self.program.said()
    }

    /// The most memory that it ever had resident, in bytes.
    pub(crate) fn most_memory(&self) -> u64 {
        self.program.most_memory()
    }

    /// Asks it to end; it must, with exit code 0.
    pub(crate) fn ends_well(self) {
        let log = self.program.said();
        let status = self.program.terminate();
        let tail: Vec<&str> = log.lines().rev().take(20).collect();
        assert_eq!(
            status.code(),
            Some(0),
            "the gateway ended with {status}; its last lines, latest first: {tail:#?}"
        );
    }
}
