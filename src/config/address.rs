//! Where the gateway listens, and where it connects to.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use http::Uri;

use crate::tls::ServerName;

/// Where the gateway listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// `0.0.0.0:8080`, `[::]:8080`
    Tcp(SocketAddr),
    /// `tls:0.0.0.0:8443`
    Tls(SocketAddr),
    /// `unix:/run/writegate.sock`
    Unix(PathBuf),
}

/// Where the gateway connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `http://127.0.0.1:3000`
    Tcp {
        /// A name or an IP address, an IPv6 one without its brackets.
        host: String,
        /// The port, not zero.
        port: u16,
    },
    /// `https://app.internal:8443`
    Tls {
        /// As that of a TCP address.
        host: String,
        /// The port, not zero.
        port: u16,
        /// What the certificate has to be for.
        name: ServerName<'static>,
    },
    /// `unix:/run/app.sock`
    Unix(PathBuf),
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not an IP address with a port.
    #[error("`{0}` is no address to listen on: write {meant}, or `unix:/path`", meant = meant(.0))]
    NotListenable(String),
    /// A Unix socket without an absolute path.
    #[error("`{0}` is no path of a socket: write `unix:/path`")]
    RelativeSocket(String),
    /// A host that no certificate can be for.
    #[error("`{0}`: no certificate can be for this host")]
    NoServerName(String),
    /// Not an `http` or `https` URL.
    #[error(
        "`{0}` is no address of an upstream: write `http://host:port`, `https://host:port` or `unix:/path`"
    )]
    NotHttp(String),
    /// A port of more than 16 bits.
    #[error("`{0}`: the port is above 65535")]
    HighPort(String),
    /// More than scheme, host and port.
    #[error(
        "`{0}`: only scheme, host and port belong here, since requests are forwarded with their own path"
    )]
    MoreThanOrigin(String),
}

impl Listen {
    pub(super) fn parse(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return socket(path).map(Self::Unix);
        }
        let (plain, kind): (_, fn(SocketAddr) -> Self) = match text.strip_prefix("tls:") {
            Some(rest) => (rest, Self::Tls),
            None => (text, Self::Tcp),
        };
        if let Ok(address) = plain.parse() {
            return Ok(kind(address));
        }
        Err(match plain.rsplit_once(':') {
            Some((ip, port)) if is_high(port) && is_ip(ip) => {
                AddressError::HighPort(text.to_owned())
            }
            Some(_) | None => AddressError::NotListenable(text.to_owned()),
        })
    }

    /// Whether the system chooses a port that is free, so that two of these are two addresses.
    pub(super) fn is_any_free_port(&self) -> bool {
        self.ip().is_some_and(|address| address.port() == 0)
    }

    /// Whether only one of the two can be listened on.
    pub(super) fn is_at(&self, other: &Self) -> bool {
        match (self.ip(), other.ip()) {
            (Some(address), Some(other)) => address == other,
            _ => self == other,
        }
    }

    fn ip(&self) -> Option<&SocketAddr> {
        match self {
            Self::Tcp(address) | Self::Tls(address) => Some(address),
            Self::Unix(_) => None,
        }
    }
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return socket(path).map(Self::Unix);
        }
        let not_http = || AddressError::NotHttp(text.to_owned());
        let uri: Uri = text.parse().ok().ok_or_else(not_http)?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) | None => return Err(not_http()),
        };
        let authority = uri.authority().ok_or_else(not_http)?;
        if authority.as_str().contains('@')
            || uri.path() != "/"
            || uri.query().is_some()
            || text.contains('#')
        {
            return Err(AddressError::MoreThanOrigin(text.to_owned()));
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let port = match authority.as_str().rsplit_once(':') {
            Some((_, port)) if is_high(port) => {
                return Err(AddressError::HighPort(text.to_owned()));
            }
            Some((_, port)) if !port.ends_with(']') => port
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(not_http)?,
            Some(_) | None if is_tls => 443,
            Some(_) | None => 80,
        };
        if host.is_empty() {
            return Err(not_http());
        }
        let host = host.to_owned();
        if !is_tls {
            return Ok(Self::Tcp { host, port });
        }
        let name = ServerName::try_from(host.clone());
        let name = name.map_err(|_not_one| AddressError::NoServerName(text.to_owned()))?;
        Ok(Self::Tls { host, port, name })
    }

    /// Whether TLS is spoken there.
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tls { .. })
    }
}

/// What may have been meant by what is no address: `8080`, `:8080` and `localhost:8080` have a port.
fn meant(text: &str) -> String {
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    match (host, port.parse::<u16>()) {
        ("" | "*", Ok(port)) => format!(
            "`0.0.0.0:{port}` for all interfaces, `127.0.0.1:{port}` for this machine alone"
        ),
        ("localhost", Ok(port)) => format!("`127.0.0.1:{port}`"),
        _ => "an IP address and a port, as `0.0.0.0:8080`".to_owned(),
    }
}

fn is_ip(text: &str) -> bool {
    format!("{text}:0").parse::<SocketAddr>().is_ok()
}

/// Whether it is a number, but of no port.
fn is_high(port: &str) -> bool {
    !port.is_empty()
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && port.parse::<u16>().is_err()
}

fn socket(path: &str) -> Result<PathBuf, AddressError> {
    if path.starts_with('/') && !path.contains('\0') {
        Ok(PathBuf::from(path))
    } else {
        Err(AddressError::RelativeSocket(path.to_owned()))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Tls(address) => write!(f, "tls:{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "http://{}:{port}", bracketed(host)),
            Self::Tls { host, port, .. } => write!(f, "https://{}:{port}", bracketed(host)),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// An IPv6 address as it stands in a URL.
fn bracketed(host: &str) -> Cow<'_, str> {
    if host.contains(':') {
        return Cow::Owned(format!("[{host}]"));
    }
    Cow::Borrowed(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_scheme_host_and_port_or_a_socket() {
        for (text, shown) in [
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://app/", "http://app:80"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("http://[::1]", "http://[::1]:80"),
            ("https://app.example", "https://app.example:443"),
            ("https://[::1]:8443", "https://[::1]:8443"),
            ("https://my_app:8443", "https://my_app:8443"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_upstream_is_refused_with_what_to_write() {
        let error = |text| Address::parse(text).unwrap_err().to_string();
        assert!(error("https://-app").contains("no certificate can be for this host"));
        for more in [
            "http://app/api",
            "http://app?x",
            "http://user@app",
            "http://app#x",
        ] {
            assert!(error(more).contains("only scheme, host and port"), "{more}");
        }
        for not in [
            "app:3000",
            "app",
            "",
            "ftp://app",
            "http://",
            "http://app:0",
            "http://:80",
            "/app",
        ] {
            assert!(
                error(not).contains("write `http://host:port`"),
                "{not}: {}",
                error(not)
            );
        }
        assert!(error("unix:app.sock").contains("write `unix:/path`"));
        for high in ["http://app:99999", "http://[::1]:65536"] {
            assert!(error(high).contains("the port is above 65535"), "{high}");
        }
    }

    #[test]
    fn a_listener_is_an_ip_address_with_a_port_or_a_socket() {
        for text in [
            "0.0.0.0:8080",
            "[::]:0",
            "tls:0.0.0.0:8443",
            "tls:[::1]:443",
            "unix:/run/w.sock",
        ] {
            assert_eq!(Listen::parse(text).unwrap().to_string(), text);
        }
        for not in [
            "",
            "8080",
            "localhost:8080",
            "unix:w.sock",
            "http://0.0.0.0:80",
            "tls:",
            "tls:unix:/run/w.sock",
        ] {
            assert!(Listen::parse(not).is_err(), "{not}");
        }
        for (text, advice) in [
            ("8080", "write `0.0.0.0:8080` for all interfaces"),
            (":8080", "`127.0.0.1:8080` for this machine alone"),
            ("localhost:81", "write `127.0.0.1:81`, or"),
            ("app:81", "write an IP address and a port"),
        ] {
            let told = Listen::parse(text).unwrap_err().to_string();
            assert!(told.contains(advice), "{told}");
        }
        let high = Listen::parse("[::]:65536").unwrap_err().to_string();
        assert!(high.contains("the port is above 65535"), "{high}");
    }
}
