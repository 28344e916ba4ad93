//! A byte pump: copies bytes between a client's connection and one to the upstream that it opens for it, and looks at none of them.
//! One thread. It is the floor for a proxy that copies through the process: each request is two reads and two writes.
//!
//! pump LISTEN UPSTREAM

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

const LISTENER: Token = Token(usize::MAX);
const CHUNK: usize = 16 * 1024;

/// One end of a pair, and what could not be written to it yet.
struct End {
    stream: TcpStream,
    unwritten: Vec<u8>,
}

/// A client's connection, and the one to the upstream that belongs to it.
struct Pair([End; 2]);

impl Pair {
    fn open(client: TcpStream, upstream: SocketAddr) -> io::Result<Self> {
        let server = std::net::TcpStream::connect(upstream)?;
        server.set_nonblocking(true)?;
        let ends = [client, TcpStream::from_std(server)];
        for end in &ends {
            end.set_nodelay(true)?;
        }
        Ok(Self(ends.map(|stream| End {
            stream,
            unwritten: Vec::new(),
        })))
    }

    /// Both directions, as far as they go without waiting; `false` when an end has closed.
    fn turn(&mut self, side: usize, event: &Event, chunk: &mut [u8]) -> io::Result<bool> {
        let [client, server] = &mut self.0;
        let (this, other) = if side == 0 {
            (client, server)
        } else {
            (server, client)
        };
        if event.is_writable() && !this.unwritten.is_empty() {
            flush(this)?;
            // What waited for room comes on: its own readiness was told long ago.
            if this.unwritten.is_empty() && !copy(other, this, chunk)? {
                return Ok(false);
            }
        }
        if event.is_readable() {
            return copy(this, other, chunk);
        }
        Ok(true)
    }
}

fn copy(from: &mut End, to: &mut End, chunk: &mut [u8]) -> io::Result<bool> {
    while to.unwritten.is_empty() {
        let read = match from.stream.read(chunk) {
            Ok(0) => return Ok(false),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        };
        let written = match to.stream.write(&chunk[..read]) {
            Ok(written) => written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        to.unwritten.extend_from_slice(&chunk[written..read]);
        // A short read has taken all that was there: the next byte is told anew.
        if read < chunk.len() {
            return Ok(true);
        }
    }
    Ok(true)
}

fn flush(to: &mut End) -> io::Result<()> {
    while !to.unwritten.is_empty() {
        match to.stream.write(&to.unwritten) {
            Ok(written) => drop(to.unwritten.drain(..written)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let mut addresses = std::env::args().skip(1).map(|text| text.parse());
    let (Some(Ok(listen)), Some(Ok(upstream))) = (addresses.next(), addresses.next()) else {
        eprintln!("usage: pump LISTEN UPSTREAM");
        std::process::exit(64);
    };
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(listen)?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut pairs: Vec<Option<Pair>> = Vec::new();
    let mut events = Events::with_capacity(1024);
    let mut chunk = vec![0; CHUNK];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, upstream, &poll, &mut pairs)?;
                continue;
            }
            let Token(token) = event.token();
            let pair = &mut pairs[token / 2];
            let goes_on = pair
                .as_mut()
                .map(|pair| pair.turn(token % 2, event, &mut chunk));
            if !matches!(goes_on, Some(Ok(true))) {
                *pair = None;
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    upstream: SocketAddr,
    poll: &Poll,
    pairs: &mut Vec<Option<Pair>>,
) -> io::Result<()> {
    while let Ok((client, _)) = listener.accept() {
        let mut pair = Pair::open(client, upstream)?;
        let free = pairs.iter().position(Option::is_none).unwrap_or_else(|| {
            pairs.push(None);
            pairs.len() - 1
        });
        for (side, end) in pair.0.iter_mut().enumerate() {
            let token = Token(free * 2 + side);
            let both = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut end.stream, token, both)?;
        }
        pairs[free] = Some(pair);
    }
    Ok(())
}
