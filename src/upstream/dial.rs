//! Connections to the upstream over the sockets of the operating system.

use std::io;

use tokio::net::{TcpStream, UnixStream};

use super::Connect;
use crate::config::Address;
use crate::tls::{ClientConfig, Current, ServerName};
use crate::wire::{Secure, Stream};

/// Connects over TCP, with TLS over it or without, or a Unix socket.
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    tls: Option<Current<ClientConfig>>,
    /// Whom certificates have to be for, if not for the host of the address.
    name: Option<ServerName<'static>>,
}

impl Dialer {
    /// With what TLS takes, where an address asks for it.
    pub const fn new(
        tls: Option<Current<ClientConfig>>,
        name: Option<ServerName<'static>>,
    ) -> Self {
        Self { tls, name }
    }
}

impl Connect for Dialer {
    type Socket = Stream;

    async fn connect(&self, address: &Address) -> io::Result<Stream> {
        match address {
            Address::Tcp { host, port } => tcp(host, *port).await.map(Stream::Tcp),
            Address::Tls { host, port, name } => {
                let config = self.tls.as_ref().ok_or(io::ErrorKind::Unsupported)?.now();
                let name = self.name.as_ref().unwrap_or(name).clone();
                let stream = tcp(host, *port).await?;
                let secure = Secure::connect(stream, config, name).await?;
                Ok(Stream::Tls(Box::new(secure)))
            }
            Address::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
        }
    }

    /// Without the handshake of TLS, of which nothing would come.
    async fn reach(&self, address: &Address) -> io::Result<()> {
        match address {
            Address::Tcp { host, port } | Address::Tls { host, port, .. } => {
                tcp(host, *port).await.map(drop)
            }
            Address::Unix(path) => UnixStream::connect(path).await.map(drop),
        }
    }
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
