//! Connections to the upstream over the sockets of the operating system.

use std::io;

use tokio::net::{TcpStream, UnixStream};

use super::Connect;
use crate::config::Address;
use crate::wire::Stream;

/// Connects over TCP, or a Unix socket.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dialer;

impl Connect for Dialer {
    type Socket = Stream;

    async fn connect(&self, address: &Address) -> io::Result<Stream> {
        match address {
            Address::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Address::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
        }
    }
}
