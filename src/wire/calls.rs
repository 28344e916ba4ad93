//! Reads and writes of a socket that the runtime watches, made by calls of the kernel alone.
//!
//! Those of the C library are points where its threads can be cancelled. In a program that has several, each of them begins and ends with
//! a locked operation for that, and no thread is ever cancelled here.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// The most parts of one call (Linux' `UIO_MAXIOV`).
const MOST_PARTS: usize = 1024;

/// A socket that the runtime watches.
pub(super) trait Watched: AsFd + AsyncRead + Unpin {
    /// Makes the call where it may succeed. One that would block, or says so, is not made again before the runtime has heard more.
    fn attempt(&self, interest: Interest, call: impl FnOnce() -> io::Result<()>) -> io::Result<()>;

    /// Ready where an attempt is worth it.
    fn poll_ready(&self, interest: Interest, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

macro_rules! watched {
    ($stream:ty) => {
        impl Watched for $stream {
            fn attempt(
                &self,
                interest: Interest,
                call: impl FnOnce() -> io::Result<()>,
            ) -> io::Result<()> {
                self.try_io(interest, call)
            }

            fn poll_ready(&self, interest: Interest, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                if interest.is_readable() {
                    self.poll_read_ready(cx)
                } else {
                    self.poll_write_ready(cx)
                }
            }
        }
    };
}

watched!(TcpStream);
watched!(UnixStream);

/// Reads what is there, and nothing at the end of the stream.
pub(super) fn poll_read(
    socket: &mut impl Watched,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    if buf.initialized().len() < buf.capacity() {
        // It would have to be cleared first.
        return Pin::new(socket).poll_read(cx, buf);
    }
    let room = buf.initialize_unfilled();
    let size = room.len();
    let call = || recv(&*socket, &mut *room, RecvFlags::empty()).map(|(_, count)| count);
    let count = ready!(poll_call(socket, Interest::READABLE, size, cx, call))?;
    buf.advance(count);
    Poll::Ready(Ok(()))
}

/// Writes what there is room for.
pub(super) fn poll_write(
    socket: &impl Watched,
    cx: &mut Context<'_>,
    data: &[u8],
) -> Poll<io::Result<usize>> {
    let call = || send(socket, data, SendFlags::NOSIGNAL);
    poll_call(socket, Interest::WRITABLE, data.len(), cx, call)
}

/// The same of several parts, one behind the other.
pub(super) fn poll_write_vectored(
    socket: &impl Watched,
    cx: &mut Context<'_>,
    parts: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    // More than so many the kernel refuses.
    let parts = &parts[..parts.len().min(MOST_PARTS)];
    let size = parts.iter().map(|part| part.len()).sum();
    let call = || {
        let mut nothing = SendAncillaryBuffer::default();
        sendmsg(socket, parts, &mut nothing, SendFlags::NOSIGNAL)
    };
    poll_call(socket, Interest::WRITABLE, size, cx, call)
}

/// Makes the call, which is for `size` octets, once it does not block. It comes to how many there were.
fn poll_call(
    socket: &impl Watched,
    interest: Interest,
    size: usize,
    cx: &mut Context<'_>,
    mut call: impl FnMut() -> rustix::io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        // Which takes of what the task may do in its turn.
        ready!(socket.poll_ready(interest, cx))?;
        let mut done = None;
        let attempted = socket.attempt(interest, || {
            let count = call()?;
            done = Some(count);
            // With less than was asked for, the next one would block.
            let is_spent = 0 < count && count < size;
            if is_spent {
                Err(io::ErrorKind::WouldBlock.into())
            } else {
                Ok(())
            }
        });
        if let Some(count) = done {
            return Poll::Ready(Ok(count));
        }
        if let Err(error) = attempted
            && error.kind() != io::ErrorKind::WouldBlock
        {
            return Poll::Ready(Err(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::mem::MaybeUninit;
    use std::time::Duration;

    use tokio::io::AsyncWriteExt as _;
    use tokio::time::timeout;

    use super::*;

    fn pair() -> (UnixStream, UnixStream) {
        UnixStream::pair().expect("two sockets")
    }

    /// What comes of it, which is not waited for without end.
    async fn soon<T>(poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
        let polled = timeout(Duration::from_secs(10), poll_fn(poll)).await;
        polled.expect("it is ready soon")
    }

    async fn read(socket: &mut UnixStream, buf: &mut ReadBuf<'_>) -> Vec<u8> {
        buf.clear();
        soon(|cx| poll_read(socket, cx, buf)).await.expect("read");
        buf.filled().to_vec()
    }

    fn is_ready(socket: &UnixStream, interest: Interest) -> bool {
        socket.try_io(interest, || Ok(())).is_ok()
    }

    #[tokio::test]
    async fn what_came_is_read_piece_by_piece_and_no_call_is_made_in_vain() {
        let (mut cleared, mut uncleared) = ([0; 3], [MaybeUninit::uninit(); 3]);
        for mut buf in [ReadBuf::new(&mut cleared), ReadBuf::uninit(&mut uncleared)] {
            let (mut ours, mut theirs) = pair();
            theirs.write_all(b"abcde").await.expect("written");
            assert_eq!(read(&mut ours, &mut buf).await, b"abc");
            assert!(is_ready(&ours, Interest::READABLE), "more may be there");
            assert_eq!(read(&mut ours, &mut buf).await, b"de");
            assert!(!is_ready(&ours, Interest::READABLE), "nothing is there");
            drop(theirs);
            for _ in 0..2 {
                assert_eq!(read(&mut ours, &mut buf).await, b"", "the end");
            }
        }
    }

    #[tokio::test]
    async fn what_there_is_no_room_for_is_written_when_there_is() {
        let data: Vec<u8> = (0..1 << 20_u32).map(|at| (at % 251) as u8).collect();
        for is_whole in [true, false] {
            let (ours, mut theirs) = pair();
            let write = async |from: usize| {
                let (first, second) = data[from..].split_at((data.len() - from) / 3);
                let parts = [first, &[], second].map(IoSlice::new);
                let written = soon(|cx| {
                    if is_whole {
                        poll_write(&ours, cx, &data[from..])
                    } else {
                        poll_write_vectored(&ours, cx, &parts)
                    }
                });
                written.await.expect("written")
            };
            let mut written = write(0).await;
            assert!(written < data.len(), "there is not so much room");
            assert!(!is_ready(&ours, Interest::WRITABLE), "there is none left");
            let (mut room, mut taken) = (vec![0; 1 << 16], Vec::new());
            let mut buf = ReadBuf::new(&mut room);
            while taken.len() < data.len() {
                taken.extend(read(&mut theirs, &mut buf).await);
                if taken.len() == written && written < data.len() {
                    written += write(written).await;
                }
            }
            assert!(taken == data, "it came as it was");
        }
    }

    #[tokio::test]
    async fn nobody_reads_on_and_on_while_others_wait() {
        let (mut ours, mut theirs) = pair();
        theirs.write_all(&[7; 1000]).await.expect("written");
        ours.readable().await.expect("something is there");
        let mut read = 0;
        soon(|cx| {
            let mut room = [0];
            while poll_read(&mut ours, cx, &mut ReadBuf::new(&mut room)).is_ready() {
                read += 1;
            }
            Poll::Ready(())
        })
        .await;
        assert!((1..1000).contains(&read), "others have their turn");
    }

    #[tokio::test]
    async fn who_has_gone_is_told_by_an_error() {
        let (ours, theirs) = pair();
        drop(theirs);
        let written = soon(|cx| poll_write(&ours, cx, b"x")).await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
