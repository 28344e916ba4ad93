//! The byte streams of the operating system: TCP, alone or with TLS over it, or a Unix socket.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::net::{TcpStream, UnixStream};

use super::{Hangup, Secure, Security, Socket, calls, now};

/// A connection, of either kind.
#[derive(Debug)]
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over TLS over TCP. Boxed, since a session is large.
    Tls(Box<Secure>),
    /// Over a Unix socket.
    Unix(UnixStream),
}

/// Does the same with each kind.
macro_rules! each {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream {
            Stream::Tcp($inner) => $call,
            Stream::Tls($inner) => $call,
            Stream::Unix($inner) => $call,
        }
    };
}

impl Socket for Stream {
    fn hangup(&self) -> Option<Hangup> {
        // Most have not left, and to find that out costs next to nothing.
        if !self.is_ready(Interest::PRIORITY) && !self.is_ready(Interest::ERROR) {
            return None;
        }
        // Readiness for priority data also tells that the peer sends no more, and that for writing that the
        // connection is gone; ordinary bytes make neither of them ready.
        let either_end = Interest::PRIORITY | Interest::WRITABLE;
        let ready = match self {
            Self::Tcp(stream) => now(stream.ready(either_end)),
            Self::Tls(stream) => now(stream.tcp().ready(either_end)),
            Self::Unix(stream) => now(stream.ready(either_end)),
        };
        ready.and_then(told)
    }

    fn is_stirred(&self) -> bool {
        let has_decrypted = match self {
            Self::Tls(stream) => stream.has_decrypted(),
            Self::Tcp(_) | Self::Unix(_) => false,
        };
        has_decrypted || self.is_ready(Interest::READABLE)
    }

    fn poll_stirred(&self, cx: &mut Context<'_>) -> Poll<()> {
        let ready = match self {
            Self::Tcp(stream) => stream.poll_read_ready(cx),
            Self::Tls(stream) if stream.has_decrypted() => Poll::Ready(Ok(())),
            Self::Tls(stream) => stream.tcp().poll_read_ready(cx),
            Self::Unix(stream) => stream.poll_read_ready(cx),
        };
        ready.map(|_| ())
    }

    fn reset_on_drop(&self) {
        let stream = match self {
            Self::Tcp(stream) => stream,
            Self::Tls(stream) => stream.tcp(),
            Self::Unix(_) => return,
        };
        // One that cannot be told so is gone already.
        let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    }

    fn written(&self) -> u64 {
        match self {
            Self::Tls(stream) => stream.written(),
            Self::Tcp(_) | Self::Unix(_) => 0,
        }
    }

    fn security(&self) -> Option<&Security> {
        match self {
            Self::Tls(stream) => Some(stream.security()),
            Self::Tcp(_) | Self::Unix(_) => None,
        }
    }
}

impl Stream {
    /// Whether the runtime has heard of one of the things that this kind of interest stands for.
    fn is_ready(&self, interest: Interest) -> bool {
        let nothing = || Ok(());
        let tried = match self {
            Self::Tcp(stream) => stream.try_io(interest, nothing),
            Self::Tls(stream) => stream.tcp().try_io(interest, nothing),
            Self::Unix(stream) => stream.try_io(interest, nothing),
        };
        tried.is_ok()
    }
}

fn told(ready: io::Result<Ready>) -> Option<Hangup> {
    match ready {
        Ok(ready) if ready.is_write_closed() => Some(Hangup::Closed),
        Ok(ready) if ready.is_read_closed() => Some(Hangup::HalfClosed),
        Ok(_) => None,
        Err(_) => Some(Hangup::Closed),
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(stream) => calls::poll_read(stream, cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => calls::poll_read(stream, cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(stream) => calls::poll_write(stream, cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => calls::poll_write(stream, cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(stream) => calls::poll_write_vectored(stream, cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Unix(stream) => calls::poll_write_vectored(stream, cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut *self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut *self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use socket2::SockRef;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    async fn pair() -> (Stream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        (
            Stream::Tcp(accepted.expect("accepted").0),
            client.expect("connected"),
        )
    }

    /// What is told, once the runtime has heard of it.
    async fn told(stream: &Stream) -> Option<Hangup> {
        let heard = async {
            while stream.hangup().is_none() {
                tokio::task::yield_now().await;
            }
        };
        let _nothing = tokio::time::timeout(Duration::from_secs(1), heard).await;
        stream.hangup()
    }

    #[tokio::test]
    async fn a_fin_and_a_reset_are_told_apart_and_from_bytes() {
        let (stream, client) = pair().await;
        client.try_write(b"x").expect("written");
        assert_eq!(told(&stream).await, None);

        let (stream, client) = pair().await;
        SockRef::from(&client)
            .shutdown(std::net::Shutdown::Write)
            .expect("a FIN");
        assert_eq!(told(&stream).await, Some(Hangup::HalfClosed));

        let (stream, client) = pair().await;
        SockRef::from(&client)
            .set_linger(Some(Duration::ZERO))
            .expect("set");
        drop(client);
        assert_eq!(told(&stream).await, Some(Hangup::Closed));
    }

    #[tokio::test]
    async fn what_comes_stirs_it_until_it_is_read_and_an_end_does_for_good() {
        let (mut stream, client) = pair().await;
        client.try_write(b"x").expect("written");
        poll_fn(|cx| stream.poll_stirred(cx)).await;
        assert!(stream.is_stirred());
        let mut read = [0; 2];
        assert_eq!(stream.read(&mut read).await.expect("read"), 1);
        assert!(!stream.is_stirred());
        drop(client);
        poll_fn(|cx| stream.poll_stirred(cx)).await;
        assert!(stream.is_stirred());
    }
}
