//! A client that sends bytes as they are, and reads what comes of them.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use serde_json::Value;

use super::origin::{PATIENCE, find, latin1};

/// A response, as far as it came. Bytes beyond ASCII are as in ISO 8859-1.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: Vec<String>,
    pub(super) body: Vec<u8>,
    pub(super) is_whole: bool,
}

impl Answer {
    /// The status, and what else there is to say: the name of a problem, or that it was cut.
    pub(super) fn told(&self) -> String {
        let status = self.status;
        let problem = self.problem()["type"].as_str().map(ToOwned::to_owned);
        match problem.as_deref().and_then(|uri| uri.split_once('#')) {
            Some((_, name)) => format!("{status} {name}"),
            None if self.is_whole => status.to_string(),
            None => format!("{status} cut"),
        }
    }

    /// What a problem document says of its cause.
    pub(super) fn detail(&self) -> String {
        let problem = self.problem();
        problem["detail"].as_str().unwrap_or_default().to_owned()
    }

    fn problem(&self) -> Value {
        let is_own = self
            .fields
            .iter()
            .any(|field| field.starts_with("proxy-status: writegate"));
        let document = is_own.then(|| serde_json::from_slice(&self.body).ok());
        document.flatten().unwrap_or_default()
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find_map(|field| field.strip_prefix(name))
    }
}

/// A connection, and what was read of it and not yet understood.
pub(super) struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
    is_over: bool,
}

impl Client {
    pub(super) fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).expect("the gateway listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream.set_nodelay(true).expect("no delay");
        Self {
            stream,
            unread: Vec::new(),
            is_over: false,
        }
    }

    /// Sends all of it, or as much as is taken.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Says that no more comes.
    pub(super) fn end(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("a FIN");
    }

    /// The next final response. `at_head` is called when its head is here.
    pub(super) fn answer(&mut self, is_to_head: bool, at_head: impl FnOnce()) -> Answer {
        let mut answer = loop {
            let Some(head) = self.head() else {
                return Answer::default();
            };
            if head.status >= 200 || head.status == 101 {
                break head;
            }
        };
        at_head();
        let is_chunked = answer.value("transfer-encoding: ") == Some("chunked");
        let length = answer
            .value("content-length: ")
            .map(|length| length.parse());
        if is_to_head || matches!(answer.status, 101 | 204 | 304) {
            answer.is_whole = true;
        } else if is_chunked {
            answer.is_whole = self.chunks(&mut answer.body);
        } else if let Some(length) = length {
            answer.body = self.take(length.expect("a number"));
            answer.is_whole = Some(answer.body.len())
                == answer
                    .value("content-length: ")
                    .and_then(|length| length.parse().ok());
        } else {
            while self.more() {}
            answer.body = std::mem::take(&mut self.unread);
            answer.is_whole = true;
        }
        answer
    }

    /// Fails unless nothing more comes, and the connection ends.
    pub(super) fn until_end(&mut self) -> Vec<u8> {
        while self.more() {}
        std::mem::take(&mut self.unread)
    }

    fn head(&mut self) -> Option<Answer> {
        let end = self.until(b"\r\n\r\n")?;
        let head = latin1(&self.take(end + 4));
        let mut lines = head.trim_end().split("\r\n").map(ToOwned::to_owned);
        let status_line = lines.next()?;
        Some(Answer {
            status: status_line.split(' ').nth(1)?.parse().ok()?,
            fields: lines.collect(),
            ..Answer::default()
        })
    }

    /// Whether the body came whole.
    fn chunks(&mut self, body: &mut Vec<u8>) -> bool {
        loop {
            let Some(end) = self.until(b"\r\n") else {
                return false;
            };
            let line = latin1(&self.take(end + 2));
            let size = usize::from_str_radix(line.trim_end(), 16).expect("a size");
            let data = self.take(size);
            let came = data.len();
            body.extend(data);
            if size == 0 {
                while let Some(end) = self.until(b"\r\n") {
                    if self.take(end + 2) == b"\r\n" {
                        return true;
                    }
                }
                return false;
            }
            if came < size || self.take(2) != b"\r\n" {
                return false;
            }
        }
    }

    fn until(&mut self, mark: &[u8]) -> Option<usize> {
        loop {
            if let Some(at) = find(&self.unread, mark) {
                return Some(at);
            }
            if !self.more() {
                return None;
            }
        }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count && self.more() {}
        let count = count.min(self.unread.len());
        self.unread.drain(..count).collect()
    }

    /// Whether something was read.
    fn more(&mut self) -> bool {
        let mut part = [0; 16 * 1024];
        match self.stream.read(&mut part) {
            Ok(0) => self.is_over = true,
            Ok(count) => self.unread.extend_from_slice(&part[..count]),
            Err(fault) if fault.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("nothing came in time, after {:?}", latin1(&self.unread))
            }
            Err(_) => self.is_over = true,
        }
        !self.is_over
    }
}
