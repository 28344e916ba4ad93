//! What the first bytes of a connection say of the protocol that is spoken on it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::ReadBuf;
use tokio::time::{Instant, timeout_at};

use super::Socket;

/// What a client begins with that speaks HTTP/2 (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What is read at first: usually all of a small request.
const FIRST_READ: usize = 4 * 1024;

/// The version of HTTP that a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 or 1.0; or something that is to be refused as such.
    Http1,
    /// HTTP/2, as a client that knows beforehand speaks it.
    Http2,
}

/// The beginning of a connection.
#[derive(Debug)]
pub struct Opening {
    /// What the client speaks.
    pub protocol: Protocol,
    /// What was read to know it.
    pub early: BytesMut,
    /// When the first of it came.
    pub since: Instant,
}

/// Reads until it is clear what the client speaks, or `patience` has passed since it began: then it is taken for
/// HTTP/1.1, and its head for late. Nothing is kept for a client that has sent nothing.
pub async fn open<S: Socket>(socket: &mut S, patience: Duration) -> io::Result<Opening> {
    poll_fn(|cx| socket.poll_stirred(cx)).await;
    let since = Instant::now();
    let mut early = BytesMut::new();
    let telling = tell(socket, &mut early);
    let protocol = match timeout_at(since + patience, telling).await {
        Ok(told) => told?,
        Err(_) => Protocol::Http1,
    };
    Ok(Opening {
        protocol,
        early,
        since,
    })
}

async fn tell<S: Socket>(socket: &mut S, early: &mut BytesMut) -> io::Result<Protocol> {
    loop {
        let count = read_some(socket, early).await?;
        let compared = early.len().min(PREFACE.len());
        if early[..compared] != PREFACE[..compared] || count == 0 {
            return Ok(Protocol::Http1);
        }
        if compared == PREFACE.len() {
            return Ok(Protocol::Http2);
        }
        poll_fn(|cx| socket.poll_stirred(cx)).await;
    }
}

async fn read_some<S: Socket>(socket: &mut S, early: &mut BytesMut) -> io::Result<usize> {
    let before = early.len();
    poll_fn(|cx| {
        early.resize(before + FIRST_READ, 0);
        let mut buf = ReadBuf::new(&mut early[before..]);
        let read = Pin::new(&mut *socket).poll_read(cx, &mut buf);
        let count = buf.filled().len();
        // At each turn: nobody may ever come back to this.
        early.truncate(before + count);
        read.map_ok(|()| count)
    })
    .await
}
