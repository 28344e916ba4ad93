//! The gateway as users run it: the binary, a configuration file, a port.

use crate::support::program::{Program, Scratch};
use crate::support::tested::tested;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The longest that a line of the log is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest that memory is waited for: it goes back a second after it was freed at the soonest.
const RETURN: Duration = Duration::from_secs(10);

/// A running gateway; dropped, it ends.
pub(crate) struct Gateway {
    pub(crate) addr: SocketAddr,
    program: Program,
    /// The sockets that it had open when it had started.
    own_sockets: BTreeSet<PathBuf>,
    _scratch: Scratch,
}

/// The program that is tested, without what the environment of the tests would tell it.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(tested());
    for name in [
        "WRITEGATE_CONFIG",
        "WRITEGATE_UPSTREAM",
        "WRITEGATE_LISTEN",
        "RUST_LOG",
    ] {
        command.env_remove(name);
    }
    command
}

/// The access lines of a log in JSON, of which every line must be a document.
pub(crate) fn access_lines(log: &str) -> Vec<Value> {
    let parsed = log.lines().map(|line| {
        serde_json::from_str(line).unwrap_or_else(|fault| panic!("{fault} in the line {line}"))
    });
    parsed
        .filter(|line: &Value| line["target"] == "access")
        .collect()
}

fn sockets(program: &Program) -> BTreeSet<PathBuf> {
    let is_socket = |file: &PathBuf| file.to_string_lossy().starts_with("socket:");
    program.open_files().into_iter().filter(is_socket).collect()
}

impl Gateway {
    /// Starts it from a file: its listener and the upstream, and `tables` below.
    pub(crate) fn start(upstream: SocketAddr, tables: &str) -> Self {
        Self::with_server(upstream, "", tables)
    }

    /// Starts it from a file with these `settings` of the server, too.
    pub(crate) fn with_server(upstream: SocketAddr, settings: &str, tables: &str) -> Self {
        Self::run(|scratch, addr| {
            let text = format!(
                "[server]\nlisten = \"{addr}\"\n{settings}\n\n[upstream]\nurl = \"http://{upstream}\"\n\n{tables}"
            );
            let mut command = binary();
            command
                .arg("run")
                .arg("--config")
                .arg(scratch.file("writegate.toml", &text));
            command
        })
    }

    /// Starts it from a file with a TLS listener, `server` among the settings of `[server]`, and `settings` among those of
    /// `[server.tls]`.
    pub(crate) fn with_tls(
        upstream: &str,
        server: &str,
        (certificates, settings): (&str, &str),
        tables: &str,
    ) -> Self {
        Self::run(|scratch, addr| {
            let text = format!(
                "[server]\nlisten = \"tls:{addr}\"\n{server}\n\n[server.tls]\ncertificates = [{certificates}]\n{settings}\n\n\
                 [upstream]\nurl = \"{upstream}\"\n\n{tables}"
            );
            let mut command = binary();
            command
                .arg("run")
                .arg("--config")
                .arg(scratch.file("writegate.toml", &text));
            command
        })
    }

    /// Starts it without a file, all defaults.
    pub(crate) fn with_defaults(upstream: SocketAddr) -> Self {
        Self::with_flags(upstream, &[])
    }

    /// Starts it without a file.
    pub(crate) fn with_flags(upstream: SocketAddr, flags: &[&str]) -> Self {
        Self::run(|_, addr| {
            let mut command = binary();
            command
                .arg("run")
                .args(["--upstream", &format!("http://{upstream}")])
                .args(["--listen", &addr.to_string()])
                .args(flags);
            command
        })
    }

    /// Starts what `command` makes, given a directory of its own and the address on which it is to listen.
    pub(crate) fn run(mut command: impl FnMut(&Scratch, SocketAddr) -> Command) -> Self {
        let scratch = Scratch::new("gateway");
        let (program, addr) =
            Program::listen(&scratch.path().join("log"), |addr| command(&scratch, addr));
        Self {
            addr,
            own_sockets: sockets(&program),
            program,
            _scratch: scratch,
        }
    }

    /// What it has logged.
    pub(crate) fn said(&self) -> String {
        self.program.said()
    }

    /// Waits until it has logged this.
    pub(crate) async fn until_said(&self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.said().contains(words) {
            let log = self.said();
            assert!(
                Instant::now() < deadline,
                "waited in vain for {words:?}:\n{log}"
            );
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// The most memory that it ever had resident, in bytes.
    pub(crate) fn most_memory(&self) -> u64 {
        self.program.most_memory()
    }

    /// The memory that it has resident, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.program.memory()
    }

    /// Whether the kernel may put huge pages in the place of what it has.
    pub(crate) fn may_have_huge_pages(&self) -> bool {
        self.program.may_have_huge_pages()
    }

    /// Waits until it has no more than `most` bytes resident, and says how many. What was freed is given back in time, though nobody asks
    /// for anything.
    pub(crate) async fn until_memory_returns(&self, most: u64) -> u64 {
        let deadline = Instant::now() + RETURN;
        loop {
            let memory = self.memory();
            if memory <= most {
                return memory;
            }
            assert!(
                Instant::now() < deadline,
                "{memory} bytes are resident, more than {most}"
            );
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// The files that it has open, by what they are.
    pub(crate) fn open_files(&self) -> Vec<PathBuf> {
        self.program.open_files()
    }

    /// The sockets that it has open, by their names in the kernel.
    pub(crate) fn sockets(&self) -> BTreeSet<PathBuf> {
        sockets(&self.program)
    }

    /// Waits until it has no connection any more: no client's, none at work, and none that is idle.
    pub(crate) async fn until_at_rest(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = self.sockets().difference(&self.own_sockets).count();
            if left == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "{left} connections are left");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends well, and empty: with no connection left before it is asked to, no task by then, and no hold at its end. No outcome
    /// may be unknown by then, and no client connected.
    pub(crate) async fn ends_empty(self) {
        self.until_at_rest().await;
        let log = self.ends_well();
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let stopped = lines
            .into_iter()
            .find(|line: &Value| line["message"] == "stopped");
        let stopped = stopped.unwrap_or_else(|| panic!("it does not say what it has done:\n{log}"));
        for left in ["holds", "drained"] {
            assert!(stopped.get(left).is_some_and(|left| left == 0), "{stopped}");
        }
    }

    /// Asks it to end.
    pub(crate) fn signal_term(&self) {
        self.program.signal_term();
    }

    /// Does what Ctrl-C does in its terminal.
    pub(crate) fn signal_interrupt(&self) {
        self.program.signal_interrupt();
    }

    /// How it has ended, if it does in this time.
    pub(crate) fn ended(&mut self, at_most: Duration) -> Option<ExitStatus> {
        self.program.wait(at_most)
    }

    /// Asks it to end; it must, with exit code 0, and with everything settled well within its drain. Gives its whole log.
    pub(crate) fn ends_well(mut self) -> String {
        let status = self.program.terminate();
        let log = self.program.said();
        let tail: Vec<&str> = log.lines().rev().take(20).collect();
        assert_eq!(
            status.code(),
            Some(0),
            "the gateway ended with {status}; its last lines, latest first: {tail:#?}"
        );
        assert!(
            !log.contains("not everything had settled"),
            "something was left; its last lines, latest first: {tail:#?}"
        );
        log
    }
}
