//! What the first bytes of a connection say of the protocol that is spoken on it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use bytes::BytesMut;
use tokio::io::ReadBuf;

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

/// Reads until it is clear what the client speaks, and tells what was read. Nothing is kept for a client that has sent
/// nothing.
pub async fn open<S: Socket>(socket: &mut S) -> io::Result<(Protocol, BytesMut)> {
    let mut early = BytesMut::new();
    loop {
        poll_fn(|cx| socket.poll_stirred(cx)).await;
        let count = read_some(socket, &mut early).await?;
        let compared = early.len().min(PREFACE.len());
        if early[..compared] != PREFACE[..compared] || count == 0 {
            return Ok((Protocol::Http1, early));
        }
        if compared == PREFACE.len() {
            return Ok((Protocol::Http2, early));
        }
    }
}

async fn read_some<S: Socket>(socket: &mut S, early: &mut BytesMut) -> io::Result<usize> {
    let before = early.len();
    early.resize(before + FIRST_READ, 0);
    let mut buf = ReadBuf::new(&mut early[before..]);
    let read = poll_fn(|cx| Pin::new(&mut *socket).poll_read(cx, &mut buf)).await;
    let count = buf.filled().len();
    early.truncate(before + count);
    read.map(|()| count)
}
