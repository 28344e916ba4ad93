//! Real programs as children: a free port, a directory of their own, a start that is waited for, an end by process id.
//!
//! A program that is dropped is asked to end and, where it does not, killed; no process outlives its test.

use std::fs::{self, File};
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::Instant;

const START: Duration = Duration::from_secs(20);
/// Below the gateway's default drain: whoever needs that has something left that does not end.
const END: Duration = Duration::from_secs(20);

/// A directory that goes with its owner. It stands under the system's temporary directory, since a server that drops its privileges
/// must be able to reach it.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!(
            "writegate-test-{name}-{}-{number}",
            std::process::id()
        ));
        fs::create_dir_all(&path).expect("a directory for the test");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, and gives its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a file in the test's own directory");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning.
        let _left = fs::remove_dir_all(&self.0);
    }
}

/// A running program.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts the command; what it says goes to `log`.
    pub(crate) fn spawn(command: &mut Command, log: PathBuf) -> Self {
        let out = File::create(&log).expect("a log file");
        let err = out.try_clone().expect("the log file twice");
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        let child = child.unwrap_or_else(|fault| panic!("{command:?} cannot start: {fault}"));
        Self { child, log }
    }

    /// Starts what `command` makes for a free port, once more where the port was taken in between; waits until it accepts connections.
    pub(crate) fn listen(
        log: &Path,
        mut command: impl FnMut(SocketAddr) -> Command,
    ) -> (Self, SocketAddr) {
        for _ in 0..5 {
            let addr = free_port();
            let mut program = Self::spawn(&mut command(addr), log.to_owned());
            if program.accepts(addr) {
                return (program, addr);
            }
        }
        panic!(
            "the program did not start:\n{}",
            fs::read_to_string(log).unwrap_or_default()
        );
    }

    fn accepts(&mut self, addr: SocketAddr) -> bool {
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            if self.child.try_wait().expect("a child of ours").is_some() {
                return false;
            }
            if TcpStream::connect_timeout(&addr, Duration::from_secs(1)).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// What the program has said.
    pub(crate) fn said(&self) -> String {
        let mut text = Vec::new();
        let read = File::open(&self.log).and_then(|mut log| log.read_to_end(&mut text));
        read.expect("the log of a program");
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The most memory that it ever had resident, in bytes.
    pub(crate) fn most_memory(&self) -> u64 {
        self.octets("VmHWM:")
    }

    /// The memory that it has resident, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.octets("VmRSS:")
    }

    /// Whether the kernel may put huge pages in the place of what it has.
    pub(crate) fn may_have_huge_pages(&self) -> bool {
        self.status("THP_enabled:") != "0"
    }

    /// What the kernel says of its memory, in bytes.
    fn octets(&self, name: &str) -> u64 {
        let told = self.status(name);
        let kibibytes = told.strip_suffix(" kB");
        kibibytes
            .and_then(|count| count.parse::<u64>().ok())
            .expect("a number of KiB")
            << 10
    }

    /// What the kernel says of it by this name.
    fn status(&self, name: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("a running child");
        let told = status.lines().find_map(|line| line.strip_prefix(name));
        told.expect("the kernel says it").trim().to_owned()
    }

    /// Asks the program to end, and gives how it did.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal_term();
        self.wait(END)
            .unwrap_or_else(|| panic!("the program does not end:\n{}", self.said()))
    }

    /// The files that it has open, by what they are.
    pub(crate) fn open_files(&self) -> Vec<PathBuf> {
        let listed = fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        listed
            .expect("a running child")
            // One may be closed while it is looked at.
            .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
            .collect()
    }

    /// Asks the program to end.
    pub(crate) fn signal_term(&self) {
        self.signal("-TERM");
    }

    /// Does what Ctrl-C does in its terminal.
    pub(crate) fn signal_interrupt(&self) {
        self.signal("-INT");
    }

    fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .arg(name)
            .arg(self.child.id().to_string())
            .stderr(Stdio::null())
            .status();
        kill.expect("kill is there");
    }

    /// Waits for the program to end by itself.
    pub(crate) fn wait(&mut self, at_most: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + at_most;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal_term();
            if self.wait(Duration::from_secs(3)).is_none() {
                let _gone_already = self.child.kill();
                let _reaped = self.child.wait();
            }
        }
    }
}

/// A port of the loopback that nobody listens on at this moment.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener
        .local_addr()
        .expect("a bound listener has an address")
}

/// The repository's file with this name.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
