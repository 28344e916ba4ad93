//! Just enough HTTP/1.1 over a socket to play a client or a backend, byte by byte, in ways that a library would not allow.
//!
//! It shares no code with the gateway: a mistake there cannot hide behind the same mistake here.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

const LONGEST_HEAD: usize = 64 * 1024;

/// A start line and the fields below it; names are in lower case.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) start: String,
    fields: Vec<(String, String)>,
}

impl Head {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// Its fields, one a line.
    pub(crate) fn lines(&self) -> String {
        let lines = self.fields.iter();
        lines
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect()
    }

    /// The status, if this is the head of a response.
    pub(crate) fn status(&self) -> Option<u16> {
        self.start.split(' ').nth(1)?.parse().ok()
    }

    fn says(&self, name: &str, word: &str) -> bool {
        self.field(name)
            .is_some_and(|value| value.to_ascii_lowercase().contains(word))
    }

    /// Whether the sender of this head means to close the connection after the message.
    pub(crate) fn closes(&self) -> bool {
        self.says("connection", "close") || self.start.starts_with("HTTP/1.0")
    }

    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let fields = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Self { start, fields }
    }
}

/// A response that has arrived whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

/// A connection, and what has been read from it but not yet understood.
#[derive(Debug)]
pub(crate) struct Connection<S = TcpStream> {
    pub(crate) stream: S,
    unread: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }

    /// Close with a reset instead of a FIN.
    pub(crate) fn reset(self) -> io::Result<()> {
        socket2::SockRef::from(&self.stream).set_linger(Some(std::time::Duration::ZERO))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) const fn over(stream: S) -> Self {
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// The next head, or `None` where the peer closed cleanly between messages.
    pub(crate) async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = self
                .unread
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                let head = Head::parse(&self.unread[..end]);
                self.unread.drain(..end + 4);
                return Ok(Some(head));
            }
            if self.unread.len() > LONGEST_HEAD {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the head has no end",
                ));
            }
            if self.more().await? == 0 {
                return if self.unread.is_empty() {
                    Ok(None)
                } else {
                    Err(cut("head"))
                };
            }
        }
    }

    /// The body of a request: RFC 9112 section 6.3, without the cases that no client here sends.
    pub(crate) async fn request_body(&mut self, head: &Head) -> io::Result<Vec<u8>> {
        if head.says("transfer-encoding", "chunked") {
            return self.chunks().await;
        }
        let length = head
            .field("content-length")
            .and_then(|value| value.parse().ok());
        self.take(length.unwrap_or(0)).await
    }

    /// The next final response, whole.
    pub(crate) async fn reply(&mut self) -> io::Result<Reply> {
        loop {
            let head = self.head().await?.ok_or_else(|| cut("connection"))?;
            let Some(status) = head.status() else {
                return Err(io::Error::new(io::ErrorKind::InvalidData, head.start));
            };
            if status >= 200 {
                let body = self.response_body(&head, status).await?;
                return Ok(Reply { status, head, body });
            }
        }
    }

    async fn response_body(&mut self, head: &Head, status: u16) -> io::Result<Vec<u8>> {
        if matches!(status, 204 | 304) {
            return Ok(Vec::new());
        }
        if head.says("transfer-encoding", "chunked") {
            return self.chunks().await;
        }
        if let Some(length) = head
            .field("content-length")
            .and_then(|value| value.parse().ok())
        {
            return self.take(length).await;
        }
        while self.more().await? > 0 {}
        Ok(std::mem::take(&mut self.unread))
    }

    async fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line().await?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(digits, 16)
                .map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))?;
            if size == 0 {
                while !self.line().await?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.take(size).await?);
            self.line().await?;
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|window| window == b"\r\n") {
                let line = String::from_utf8_lossy(&self.unread[..end]).into_owned();
                self.unread.drain(..end + 2);
                return Ok(line);
            }
            if self.more().await? == 0 {
                return Err(cut("body"));
            }
        }
    }

    async fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < length {
            if self.more().await? == 0 {
                return Err(cut("body"));
            }
        }
        Ok(self.unread.drain(..length).collect())
    }

    /// Reads once; 0 at the end of the stream.
    pub(crate) async fn more(&mut self) -> io::Result<usize> {
        self.stream.read_buf(&mut self.unread).await
    }
}

fn cut(what: &'static str) -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        format!("the peer closed within the {what}"),
    )
}
