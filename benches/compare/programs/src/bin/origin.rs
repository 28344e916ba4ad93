//! A fast origin: answers 200 with a small body over HTTP/1.1, keeps connections, reads bodies of any framing. One thread.
//!
//! A request whose path begins with `/takes/MS/` is answered after so many milliseconds, whether or not its client stays; with
//! `/gives/BYTES/`, by a body of so many bytes; with `/cut/`, not at all: its connection ends.
//!
//! origin TCP_ADDRESS UNIX_PATH

use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Events, Interest, Poll, Registry, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};
use writegate_compare::message::{Parser, Step, Wish};

const TCP: Token = Token(usize::MAX);
const UNIX: Token = Token(usize::MAX - 1);
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n";

/// What large bodies are made of.
static FILLING: [u8; 64 * 1024] = [b'.'; 64 * 1024];

/// A connection, of either kind.
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Tcp(stream) => registry.register(stream, token, both),
            Self::Unix(stream) => registry.register(stream, token, both),
        }
    }
}

struct Connection {
    stream: Stream,
    parser: Parser,
    unwritten: Vec<u8>,
    /// Bytes of a large body that follow what is unwritten.
    filling: u64,
    /// When the request that is worked on is done.
    due: Option<Instant>,
}

impl Connection {
    /// All that can be done without waiting; an error ends the connection.
    fn turn(&mut self, chunk: &mut [u8]) -> io::Result<()> {
        loop {
            let read = match self.stream.read(chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return self.flush(),
                Err(error) => return Err(error),
            };
            self.parser.take(&chunk[..read]);
            self.answer()?;
            self.flush()?;
            if read < chunk.len() {
                return Ok(());
            }
        }
    }

    /// Answers what has come, up to a request that takes its time.
    fn answer(&mut self) -> io::Result<()> {
        while self.due.is_none() && self.filling == 0 {
            match self.parser.step() {
                Step::Done(Wish::Response) => self.unwritten.extend_from_slice(RESPONSE),
                Step::Done(Wish::Work(work)) => {
                    self.due = Some(Instant::now() + Duration::from_millis(work));
                }
                Step::Done(Wish::Body(length)) => {
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
                    self.unwritten.extend_from_slice(head.as_bytes());
                    self.filling = length;
                }
                Step::Done(Wish::Cut) => return Err(ErrorKind::ConnectionReset.into()),
                Step::More => break,
                Step::Wrong => return Err(ErrorKind::InvalidData.into()),
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.unwritten.is_empty() {
            match self.stream.write(&self.unwritten) {
                Ok(written) => drop(self.unwritten.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        self.fill()
    }

    fn fill(&mut self) -> io::Result<()> {
        while self.unwritten.is_empty() && self.filling > 0 {
            let chunk = self.filling.min(FILLING.len() as u64) as usize;
            match self.stream.write(&FILLING[..chunk]) {
                Ok(written) => self.filling -= written as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn finish(&mut self, now: Instant) -> io::Result<()> {
        if self.due.is_some_and(|due| due <= now) {
            self.due = None;
            self.unwritten.extend_from_slice(RESPONSE);
            self.answer()?;
            self.flush()?;
        }
        Ok(())
    }
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, path] = arguments.as_slice() else {
        eprintln!("usage: origin TCP_ADDRESS UNIX_PATH");
        std::process::exit(64);
    };
    let mut poll = Poll::new()?;
    let mut tcp = TcpListener::bind(address.parse().map_err(io::Error::other)?)?;
    let mut unix = UnixListener::bind(path)?;
    poll.registry()
        .register(&mut tcp, TCP, Interest::READABLE)?;
    poll.registry()
        .register(&mut unix, UNIX, Interest::READABLE)?;
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut events = Events::with_capacity(1024);
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let working = connections.iter().flatten().filter_map(|one| one.due).min();
        poll.poll(
            &mut events,
            working.map(|due| due.saturating_duration_since(Instant::now())),
        )?;
        for event in &events {
            match event.token() {
                TCP => {
                    while let Ok((stream, _)) = tcp.accept() {
                        stream.set_nodelay(true)?;
                        add(Stream::Tcp(stream), &poll, &mut connections)?;
                    }
                }
                UNIX => {
                    while let Ok((stream, _)) = unix.accept() {
                        add(Stream::Unix(stream), &poll, &mut connections)?;
                    }
                }
                Token(nth) => settle(&mut connections[nth], |one| one.turn(&mut chunk)),
            }
        }
        if working.is_some() {
            let now = Instant::now();
            for one in &mut connections {
                settle(one, |one| one.finish(now));
            }
        }
    }
}

fn add(
    mut stream: Stream,
    poll: &Poll,
    connections: &mut Vec<Option<Connection>>,
) -> io::Result<()> {
    let free = connections
        .iter()
        .position(Option::is_none)
        .unwrap_or_else(|| {
            connections.push(None);
            connections.len() - 1
        });
    stream.register(poll.registry(), Token(free))?;
    connections[free] = Some(Connection {
        stream,
        parser: Parser::default(),
        unwritten: Vec::new(),
        filling: 0,
        due: None,
    });
    Ok(())
}

fn settle(one: &mut Option<Connection>, act: impl FnOnce(&mut Connection) -> io::Result<()>) {
    if one.as_mut().is_some_and(|open| act(open).is_err()) {
        *one = None;
    }
}
