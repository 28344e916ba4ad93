//! An origin that records every byte, takes requests apart by the letter, and answers as it is told.
//!
//! It shares no code with the gateway, and panics where what it gets is not the plainest HTTP/1.1: what the gateway forwards
//! is written anew.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// The longest that anything is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A request that came whole. Bytes beyond ASCII are as in ISO 8859-1.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// On which connection.
    pub(super) connection: usize,
    pub(super) line: String,
    pub(super) fields: Vec<String>,
    pub(super) body: Vec<u8>,
    pub(super) trailers: Vec<String>,
}

/// What one request is answered with.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) send: Vec<u8>,
    /// What follows once the client has the head.
    pub(super) later: Option<Vec<u8>>,
    /// Whether the connection ends then.
    pub(super) closes: bool,
}

#[derive(Default)]
struct State {
    octets: usize,
    connections: usize,
    seen: Vec<Seen>,
    /// Connections on which a request has begun, and not come whole.
    unfinished: usize,
    scripts: HashMap<String, Script>,
    has_client_the_head: bool,
}

/// The origin, and what it has recorded.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) addr: SocketAddr,
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl Origin {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let origin = Self {
            addr: listener.local_addr().expect("it is bound"),
            shared: Arc::default(),
        };
        let accepting = origin.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let serving = accepting.clone();
                let number = {
                    let mut state = serving.state();
                    state.connections += 1;
                    state.connections
                };
                std::thread::spawn(move || serving.serve(stream.expect("accepted"), number));
            }
        });
        origin
    }

    /// How many bytes have come.
    pub(super) fn octets(&self) -> usize {
        self.state().octets
    }

    /// The requests that have come whole since this was asked before.
    pub(super) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state().seen)
    }

    /// The next request for `path` is answered so.
    pub(super) fn answer_with(&self, path: &str, script: Script) {
        let mut state = self.state();
        state.has_client_the_head = false;
        state.scripts.insert(path.to_owned(), script);
    }

    pub(super) fn client_has_the_head(&self) {
        self.state().has_client_the_head = true;
        self.shared.1.notify_all();
    }

    /// Waits until no request is half here.
    pub(super) fn until_nothing_is_unfinished(&self) {
        self.wait(|state| state.unfinished == 0);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().expect("no thread has panicked")
    }

    fn wait(&self, mut is_so: impl FnMut(&State) -> bool) {
        let waited = self
            .shared
            .1
            .wait_timeout_while(self.state(), PATIENCE, |state| !is_so(state));
        let (_state, timeout) = waited.expect("no thread has panicked");
        assert!(!timeout.timed_out(), "waited in vain");
    }

    fn serve(&self, mut stream: TcpStream, connection: usize) {
        let (mut bytes, mut part) = (Vec::new(), vec![0; 64 * 1024]);
        loop {
            // A connection that is reset has ended as well.
            let count = stream.read(&mut part).unwrap_or(0);
            let had_some = !bytes.is_empty();
            bytes.extend_from_slice(&part[..count]);
            let request = whole(&bytes).map(|(seen, length)| {
                bytes.drain(..length);
                Seen { connection, ..seen }
            });
            let path = request.as_ref().map(|seen| {
                let path = seen.line.split(' ').nth(1);
                (path.unwrap_or_default().to_owned(), seen.line.clone())
            });
            let script = {
                let mut state = self.state();
                state.octets += count;
                state.unfinished -= usize::from(had_some);
                state.unfinished += usize::from(!bytes.is_empty() && count > 0);
                state.seen.extend(request);
                path.map(|(path, line)| state.scripts.remove(&path).unwrap_or_else(|| own(&line)))
            };
            self.shared.1.notify_all();
            if count == 0 {
                return;
            }
            if let Some(script) = script
                && !self.play(&mut stream, script)
            {
                return;
            }
        }
    }

    /// Answers. False if the connection ends with that.
    fn play(&self, stream: &mut TcpStream, script: Script) -> bool {
        // A gateway that has had enough may be gone.
        let _ = stream.write_all(&script.send);
        if let Some(later) = script.later {
            self.wait(|state| state.has_client_the_head);
            let _ = stream.write_all(&later);
        }
        !script.closes
    }
}

fn own(line: &str) -> Script {
    let body = if line.starts_with("HEAD ") { "" } else { "own" };
    Script {
        send: format!("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{body}").into_bytes(),
        later: None,
        closes: false,
    }
}

/// The request at the beginning of `bytes`, if it is whole, and its length.
fn whole(bytes: &[u8]) -> Option<(Seen, usize)> {
    let head_end = find(bytes, b"\r\n\r\n")?;
    let mut lines = lines(&bytes[..head_end]);
    let line = lines.remove(0);
    let value = |name: &str| {
        let of = |field: &String| field.strip_prefix(name).map(ToOwned::to_owned);
        lines.iter().find_map(of)
    };
    let (length, coding) = (value("content-length: "), value("transfer-encoding: "));
    let rest = &bytes[head_end + 4..];
    let (body, trailers, taken) = match (length, coding.as_deref()) {
        (None, None) => (Vec::new(), Vec::new(), 0),
        (Some(length), None) => {
            let length: usize = length.parse().expect("a number");
            (rest.get(..length)?.to_vec(), Vec::new(), length)
        }
        (None, Some("chunked")) => chunks(rest)?,
        (_, Some(_)) => panic!("the origin got {line} with {lines:?}"),
    };
    let seen = Seen {
        connection: 0,
        line,
        fields: lines,
        body,
        trailers,
    };
    Some((seen, head_end + 4 + taken))
}

/// The data, the trailers and the length of a chunked body, if it is whole.
fn chunks(bytes: &[u8]) -> Option<(Vec<u8>, Vec<String>, usize)> {
    let (mut data, mut at) = (Vec::new(), 0);
    loop {
        let line_end = at + find(&bytes[at..], b"\r\n")?;
        let digits = std::str::from_utf8(&bytes[at..line_end]).expect("ASCII");
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_plain, "the origin got the chunk size {digits:?}");
        let size = usize::from_str_radix(digits, 16).expect("a size");
        at = line_end + 2;
        if size == 0 {
            break;
        }
        data.extend_from_slice(bytes.get(at..at + size)?);
        let end = bytes.get(at + size..at + size + 2)?;
        assert_eq!(end, b"\r\n", "the origin got a chunk without end");
        at += size + 2;
    }
    if bytes.get(at..at + 2)? == b"\r\n" {
        return Some((data, Vec::new(), at + 2));
    }
    let section = find(&bytes[at..], b"\r\n\r\n")?;
    Some((data, lines(&bytes[at..at + section]), at + section + 4))
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let text = latin1(bytes);
    let lines: Vec<String> = text.split("\r\n").map(ToOwned::to_owned).collect();
    let is_plain = |line: &String| !line.contains(['\r', '\n', '\0']);
    assert!(lines.iter().all(is_plain), "the origin got {text:?}");
    lines
}

/// Each byte as a character.
pub(super) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

pub(super) fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark)
}
