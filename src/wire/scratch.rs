//! How a connection is read: into memory that all connections of a worker share, or where what is read may stay.

use std::cell::RefCell;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

/// What is read at once of what may be little. It is copied out by its length, so that a connection that is idle has no
/// buffer, and whoever keeps a little of it keeps little.
const SCRATCH: usize = 16 * 1024;

/// How much is read at once of what is sure to come: it is read where it stays, and not copied there.
const AT_ONCE: u64 = 64 * 1024;

thread_local! {
    /// A worker is a thread, and reads one connection at a time.
    static SHARED: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into());
}

/// Reads what is there, of which so many octets are `sure` to be of one piece; nothing at the end of the stream.
pub fn poll_read(
    mut socket: Pin<&mut impl AsyncRead>,
    cx: &mut Context<'_>,
    sure: u64,
) -> Poll<io::Result<Bytes>> {
    if sure < SCRATCH as u64 {
        return SHARED.with_borrow_mut(|shared| {
            let mut buf = ReadBuf::new(shared);
            ready!(socket.poll_read(cx, &mut buf))?;
            Poll::Ready(Ok(Bytes::copy_from_slice(buf.filled())))
        });
    }
    let room = usize::try_from(sure.min(AT_ONCE)).expect("some KiB");
    let mut large = BytesMut::with_capacity(room);
    ready!(pin!(socket.read_buf(&mut large)).poll(cx))?;
    if large.len() < room / 4 {
        // Whoever keeps a little is not to keep the room for much.
        return Poll::Ready(Ok(Bytes::copy_from_slice(&large)));
    }
    Poll::Ready(Ok(large.freeze()))
}
