//! Load: requests over connections that are kept, so many at work at a time, each connection in its turn. One thread.
//!
//! load SETTING=VALUE...
//!
//! - `to`: the addresses to connect to, separated by commas; each connection takes the next.
//! - `connections`: how many of them.
//! - `at_work`: the most requests at work at a time.
//! - `method`; `path`, in which `{n}` is the number of the request, of seven digits, and `{r}` that number modulo `routes`, of four digits.
//! - `body`: how long that of a request is; without it, requests have none.
//! - `status`: what every response must have.
//!
//! Each connection asks once, then it says `ready`. Each line that it reads, `seconds N` or `requests N`, has it load for so long, or so
//! often; it answers by a line of JSON, and keeps the connections until its input ends. A response with another status, a connection
//! that ends, or ten seconds without a byte end it with an error.

use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use writegate_compare::response::Response;

/// What bodies are made of.
static FILLING: [u8; 64 * 1024] = [b'.'; 64 * 1024];
const SILENCE: Duration = Duration::from_secs(10);

/// What is asked, and over what.
struct Plan {
    to: Vec<SocketAddr>,
    connections: usize,
    at_work: usize,
    method: String,
    path: String,
    routes: u64,
    body: Option<u64>,
    status: u16,
}

impl Plan {
    fn read(arguments: impl Iterator<Item = String>) -> Option<Self> {
        let settings: HashMap<String, String> = arguments
            .map(|text| {
                let (name, value) = text.split_once('=')?;
                Some((name.to_owned(), value.to_owned()))
            })
            .collect::<Option<_>>()?;
        let number = |name: &str| settings.get(name)?.parse::<u64>().ok();
        let to = settings.get("to")?.split(',').map(|text| text.parse().ok());
        Some(Self {
            to: to.collect::<Option<_>>()?,
            connections: number("connections")? as usize,
            at_work: number("at_work")? as usize,
            method: settings.get("method")?.clone(),
            path: settings.get("path")?.clone(),
            routes: number("routes").unwrap_or(1),
            body: number("body"),
            status: number("status")?.try_into().ok()?,
        })
    }

    /// The head of the request with this number, and as much of its body as goes with it; how much of that is left.
    fn request(&self, number: u64, into: &mut Vec<u8>) -> u64 {
        let path = self.path.replace("{n}", &format!("{number:07}"));
        let path = path.replace("{r}", &format!("{:04}", number % self.routes));
        into.extend_from_slice(
            format!("{} {path} HTTP/1.1\r\nHost: localhost\r\n", self.method).as_bytes(),
        );
        let Some(length) = self.body else {
            into.extend_from_slice(b"\r\n");
            return 0;
        };
        into.extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
        let first = length.min(FILLING.len() as u64);
        into.extend_from_slice(&FILLING[..first as usize]);
        length - first
    }
}

struct Connection {
    stream: TcpStream,
    unwritten: Vec<u8>,
    /// Where in that the next byte is.
    written: usize,
    /// Bytes of a body that follow what is unwritten.
    filling: u64,
    response: Response,
}

impl Connection {
    fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = std::net::TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            unwritten: Vec::new(),
            written: 0,
            filling: 0,
            response: Response::default(),
        })
    }

    /// Writes what can be written without waiting.
    fn write(&mut self) -> io::Result<()> {
        loop {
            let here = &self.unwritten[self.written..];
            let from_body = here.is_empty();
            let next = if from_body {
                &FILLING[..self.filling.min(FILLING.len() as u64) as usize]
            } else {
                here
            };
            if next.is_empty() {
                self.unwritten.clear();
                self.written = 0;
                return Ok(());
            }
            match self.stream.write(next) {
                Ok(count) if from_body => self.filling -= count as u64,
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads what has come; the status of a response that is here whole.
    fn read(&mut self, chunk: &mut [u8]) -> io::Result<Option<u16>> {
        loop {
            let count = match self.stream.read(chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            };
            let status = self.response.take(&chunk[..count])?;
            if status.is_some() && self.unwritten.len() as u64 + self.filling > 0 {
                return Err(io::Error::other("a response before all of its request"));
            }
            if status.is_some() || count < chunk.len() {
                return Ok(status);
            }
        }
    }
}

/// When to stop.
enum Until {
    Time(Instant),
    Number(u64),
}

impl Until {
    fn read(line: &str, asked: u64) -> Option<Self> {
        let (unit, number) = line.split_once(' ')?;
        match unit {
            "seconds" => Some(Self::Time(
                Instant::now() + Duration::try_from_secs_f64(number.parse().ok()?).ok()?,
            )),
            "requests" => Some(Self::Number(asked + number.parse::<u64>().ok()?)),
            _ => None,
        }
    }

    fn is_over(&self, asked: u64) -> bool {
        match self {
            Self::Time(end) => Instant::now() >= *end,
            Self::Number(last) => asked >= *last,
        }
    }
}

struct Load {
    plan: Plan,
    poll: Poll,
    connections: Vec<Connection>,
    /// Those that no request is on, the one first that has been idle longest.
    idle: VecDeque<usize>,
    asked: u64,
    chunk: Vec<u8>,
}

impl Load {
    fn new(plan: Plan) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(plan.connections);
        for (token, to) in (0..plan.connections).zip(plan.to.iter().cycle()) {
            let mut connection = Connection::open(*to)?;
            let both = Interest::READABLE | Interest::WRITABLE;
            poll.registry()
                .register(&mut connection.stream, Token(token), both)?;
            connections.push(connection);
        }
        Ok(Self {
            poll,
            idle: (0..connections.len()).collect(),
            connections,
            plan,
            asked: 0,
            chunk: vec![0; 256 * 1024],
        })
    }

    /// Loads, and waits for the last response.
    fn run(&mut self, until: &Until) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            while self.at_work() < self.plan.at_work && !until.is_over(self.asked) {
                let Some(next) = self.idle.pop_front() else {
                    break;
                };
                self.ask(next)?;
            }
            if self.at_work() == 0 {
                return Ok(());
            }
            self.poll.poll(&mut events, Some(SILENCE))?;
            if events.is_empty() {
                return Err(ErrorKind::TimedOut.into());
            }
            for event in &events {
                self.turn(event.token().0)?;
            }
        }
    }

    fn at_work(&self) -> usize {
        self.connections.len() - self.idle.len()
    }

    fn ask(&mut self, nth: usize) -> io::Result<()> {
        let connection = &mut self.connections[nth];
        connection.filling = self.plan.request(self.asked, &mut connection.unwritten);
        self.asked += 1;
        connection.write()
    }

    fn turn(&mut self, nth: usize) -> io::Result<()> {
        let connection = &mut self.connections[nth];
        connection.write()?;
        match connection.read(&mut self.chunk)? {
            None => Ok(()),
            Some(status) if status == self.plan.status => {
                self.idle.push_back(nth);
                Ok(())
            }
            Some(status) => Err(io::Error::other(format!("a response with status {status}"))),
        }
    }
}

fn main() -> io::Result<()> {
    let Some(plan) = Plan::read(std::env::args().skip(1)) else {
        eprintln!("usage: load SETTING=VALUE...");
        std::process::exit(64);
    };
    let mut load = Load::new(plan)?;
    load.run(&Until::Number(load.connections.len() as u64))?;
    println!("ready");
    for line in io::stdin().lock().lines() {
        let before = load.asked;
        let until = Until::read(&line?, before).ok_or(ErrorKind::InvalidInput)?;
        let begun = Instant::now();
        load.run(&until)?;
        let (requests, seconds) = (load.asked - before, begun.elapsed().as_secs_f64());
        println!("{{\"requests\":{requests},\"seconds\":{seconds:.6}}}");
    }
    Ok(())
}
