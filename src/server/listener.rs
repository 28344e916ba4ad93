//! Where connections come from: listens, accepts, and tidies up after itself.
//!
//! Invariants:
//! - Of the file system it removes only sockets: at its start one on which nobody listens any more, at its end the very
//!   one that it made.
//! - A connection that fails while it is set up is dropped, and holds up no other.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener};
use tracing::debug;

use super::worker::Accepted;
use crate::config::Listen;

/// Connections that the kernel may have waiting.
const BACKLOG: u32 = 4096;

/// What the kernel takes beyond what it can send: so that a client that reads slowly is seen to read.
const NOT_SENT: u32 = 128 * 1024;

/// How long a client may be unreachable before its connection is given up.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// What is listened on.
pub(super) enum Listener {
    Tcp(TcpListener),
    Tls(TcpListener),
    Unix(
        UnixListener,
        #[expect(dead_code, reason = "its drop is its use")] SocketFile,
    ),
}

impl Listener {
    pub(super) fn bind(address: &Listen) -> io::Result<Self> {
        match address {
            Listen::Tcp(address) => bind_tcp(*address).map(Self::Tcp),
            Listen::Tls(address) => bind_tcp(*address).map(Self::Tls),
            Listen::Unix(path) => {
                remove_stale(path)?;
                let listener = UnixListener::bind(path)?;
                Ok(Self::Unix(listener, SocketFile::new(path)?))
            }
        }
    }

    /// Where it listens: as it was told, but for the port where the system chose one.
    pub(super) fn address(&self, told: &Listen) -> io::Result<Listen> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Listen::Tcp),
            Self::Tls(listener) => listener.local_addr().map(Listen::Tls),
            Self::Unix(..) => Ok(told.clone()),
        }
    }

    /// The next connection. An error is the listener's, as when file descriptors have run out.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        loop {
            let set_up = match self {
                Self::Tcp(listener) => {
                    let (stream, address) = listener.accept().await?;
                    let client = address.ip();
                    set_up(stream).map(|stream| Accepted::Tcp(stream, client))
                }
                Self::Tls(listener) => {
                    let (stream, address) = listener.accept().await?;
                    let client = address.ip();
                    set_up(stream).map(|stream| Accepted::Tls(stream, client))
                }
                Self::Unix(listener, _) => {
                    let (stream, _) = listener.accept().await?;
                    stream.into_std().map(Accepted::Unix)
                }
            };
            match set_up {
                Ok(accepted) => return Ok(accepted),
                Err(error) => debug!(%error, "dropped a connection that could not be set up"),
            }
        }
    }
}

fn set_up(stream: TcpStream) -> io::Result<std::net::TcpStream> {
    let socket = SockRef::from(&stream);
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE_INTERVAL);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_notsent_lowat(NOT_SENT)?;
    stream.into_std()
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The socket that was made at a path, which another process may have put its own in place of since.
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        let made = path.symlink_metadata()?;
        Ok(Self {
            path: path.to_owned(),
            device: made.dev(),
            inode: made.ino(),
        })
    }

    fn is_there(&self) -> bool {
        self.path
            .symlink_metadata()
            .is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_there() {
            // Left behind it would only be taken for stale the next time.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Removes a socket that an earlier process has left behind. Whatever else is there stays, so that to bind fails.
fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = |found: std::fs::Metadata| found.file_type().is_socket();
    if path.symlink_metadata().is_ok_and(is_socket)
        && UnixStream::connect(path)
            .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener as Other;

    use tokio::time::timeout;

    /// A path for a socket in a directory of its own, which goes with it.
    struct Place(PathBuf);

    impl Place {
        fn new() -> Self {
            let name = format!("writegate-{}-{:x}", std::process::id(), fastrand::u64(..));
            let directory = std::env::temp_dir().join(name);
            std::fs::create_dir(&directory).unwrap();
            Self(directory)
        }

        fn path(&self) -> PathBuf {
            self.0.join("s")
        }

        fn bind(&self) -> io::Result<Listener> {
            Listener::bind(&Listen::Unix(self.path()))
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[tokio::test]
    async fn an_accepted_connection_finds_out_who_is_gone_or_reads_slowly_and_delays_nothing() {
        let address = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(&Listen::Tcp(address)).unwrap();
        let Listener::Tcp(bound) = &listener else {
            panic!("it was to listen on TCP");
        };
        let _client = TcpStream::connect(bound.local_addr().unwrap())
            .await
            .unwrap();
        let accepted = timeout(Duration::from_secs(10), listener.accept()).await;
        let Accepted::Tcp(stream, client) = accepted.unwrap().unwrap() else {
            panic!("it was accepted over TCP");
        };
        assert!(client.is_loopback());
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), KEEPALIVE_INTERVAL);
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), NOT_SENT);
        assert!(socket.tcp_nodelay().unwrap());
    }

    #[tokio::test]
    async fn a_socket_that_nobody_listens_on_is_replaced_and_removed_at_the_end() {
        let place = Place::new();
        drop(Other::bind(place.path()).unwrap());
        assert!(place.path().exists(), "a listener leaves its socket behind");
        let listener = place.bind().unwrap();
        assert!(UnixStream::connect(place.path()).is_ok());
        drop(listener);
        assert!(!place.path().exists());
    }

    #[tokio::test]
    async fn what_is_no_socket_or_is_listened_on_stays() {
        let place = Place::new();
        std::fs::write(place.path(), "precious").unwrap();
        assert!(place.bind().is_err());
        assert_eq!(std::fs::read(place.path()).unwrap(), b"precious");
        std::fs::remove_file(place.path()).unwrap();
        std::os::unix::fs::symlink("elsewhere", place.path()).unwrap();
        assert!(place.bind().is_err());
        assert!(place.path().symlink_metadata().is_ok());
        std::fs::remove_file(place.path()).unwrap();
        let _other = Other::bind(place.path()).unwrap();
        assert!(place.bind().is_err());
        assert!(UnixStream::connect(place.path()).is_ok());
    }

    #[tokio::test]
    async fn the_socket_of_a_successor_is_not_removed() {
        let place = Place::new();
        let listener = place.bind().unwrap();
        std::fs::rename(place.path(), place.0.join("t")).unwrap();
        let _successor = Other::bind(place.path()).unwrap();
        drop(listener);
        assert!(UnixStream::connect(place.path()).is_ok());
    }
}
