//! A connection within TLS.
//!
//! Invariants:
//! - How far the peer has left, and that bytes are there, is asked of the connection below; but what was decrypted already
//!   counts as there.
//! - A connection that ends without a `close_notify` is a fault for who reads it, never an end (RFC 8446 §6.1): nothing
//!   that ends with its connection may seem whole that was cut off.
//! - What the kernel has taken is counted below TLS: encrypted bytes may be kept back here.
//!
//! A connection that is parked keeps, beside its socket, the state of its session and a buffer for a record in part: some
//! 7.5 KiB.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::rustls::CommonState;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::calls;
use crate::tls::{ClientConfig, H2, ServerConfig, ServerName, subject};

/// What has been agreed on, and who the peer is.
#[derive(Clone, Debug)]
pub struct Security {
    alpn: Option<Box<[u8]>>,
    /// The subject of a client's certificate as RFC 4514 writes it, where it has shown one, and it was verified.
    pub subject: Option<Rc<str>>,
}

impl Security {
    fn new(session: &CommonState, subject: Option<String>) -> Self {
        Self {
            alpn: session.alpn_protocol().map(Box::from),
            subject: subject.map(Rc::from),
        }
    }

    /// The protocol that was agreed on, as ALPN names it.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.alpn.as_deref()
    }

    /// Whether that is HTTP/2.
    pub fn is_http2(&self) -> bool {
        self.alpn() == Some(H2)
    }
}

/// A TCP connection with TLS over it.
#[derive(Debug)]
pub struct Secure {
    stream: TlsStream<Metered>,
    security: Security,
}

impl Secure {
    /// Shakes hands with a client. Where that fails, the connection is given back to be closed.
    pub async fn accept(
        stream: TcpStream,
        config: Arc<ServerConfig>,
    ) -> Result<Self, (io::Error, TcpStream)> {
        let accepting = TlsAcceptor::from(config).accept(Metered::new(stream));
        let accepted = accepting.into_fallible().await;
        let stream = accepted.map_err(|(error, metered)| (error, metered.tcp))?;
        let (_, session) = stream.get_ref();
        let shown = session.peer_certificates().and_then(<[_]>::first);
        match shown.map(subject).transpose() {
            Ok(subject) => Ok(Self {
                security: Security::new(session, subject.flatten()),
                stream: stream.into(),
            }),
            Err(error) => Err((io::Error::other(error), stream.into_inner().0.tcp)),
        }
    }

    /// Shakes hands with the upstream, which must be called `name`.
    pub async fn connect(
        stream: TcpStream,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Self> {
        let connector = TlsConnector::from(config);
        let stream = connector.connect(name, Metered::new(stream)).await?;
        Ok(Self {
            security: Security::new(stream.get_ref().1, None),
            stream: stream.into(),
        })
    }

    /// What has been agreed on.
    pub(super) const fn security(&self) -> &Security {
        &self.security
    }

    /// The connection below.
    pub(super) fn tcp(&self) -> &TcpStream {
        &self.stream.get_ref().0.tcp
    }

    /// How many bytes the kernel has taken of what was encrypted.
    pub(super) fn written(&self) -> u64 {
        self.stream.get_ref().0.written
    }

    /// Whether there is something to read that the kernel does not know of: decrypted bytes, or the end.
    pub(super) fn has_decrypted(&self) -> bool {
        !self.stream.get_ref().1.wants_read()
    }
}

impl AsyncRead for Secure {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Secure {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Says that no more comes, by a `close_notify` and by a FIN.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Counts what the kernel takes.
#[derive(Debug)]
struct Metered {
    tcp: TcpStream,
    written: u64,
}

impl Metered {
    const fn new(tcp: TcpStream) -> Self {
        Self { tcp, written: 0 }
    }

    fn count(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = &written {
            self.written += *count as u64;
        }
        written
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        calls::poll_read(&mut self.tcp, cx, buf)
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = calls::poll_write(&self.tcp, cx, buf);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = calls::poll_write_vectored(&self.tcp, cx, bufs);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
