//! Who a client is, and how the upstream is told of it.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;

use http::{HeaderMap, HeaderValue, Version};

use crate::config::Upstream;
use crate::policy::forward::{self, Hop, Introduction};
use crate::upstream::Introduced;

/// The longest host for which what is said of the client is kept.
const HOST_LIMIT: usize = 256;

/// Who a client is, as far as its connection tells.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Where it connects from; none over a Unix socket.
    pub address: Option<IpAddr>,
    /// Whether it speaks TLS.
    pub is_secure: bool,
    /// The subject of the certificate that it has shown, where that was verified.
    pub subject: Option<Rc<str>>,
    said: Rc<Said>,
}

/// What was said of it.
#[derive(Debug)]
struct Said {
    introduction: Introduction,
    /// For the last host that it asked for: hardly any client asks for another over the same connection.
    last: RefCell<Option<Last>>,
}

#[derive(Debug)]
struct Last {
    host: Box<[u8]>,
    version: Version,
    introduced: Rc<Introduced>,
}

impl Caller {
    /// A client that connects from `address`, speaks TLS or not, and has perhaps shown a certificate.
    pub fn new(address: Option<IpAddr>, is_secure: bool, subject: Option<Rc<str>>) -> Self {
        let said = Rc::new(Said {
            introduction: Introduction::new(address, is_secure),
            last: RefCell::new(None),
        });
        Self {
            address,
            is_secure,
            subject,
            said,
        }
    }

    /// What there is to say about a request of it to this host, which it has sent in this version.
    pub(super) fn hop<'a>(
        &'a self,
        host: Option<&'a HeaderValue>,
        version: Version,
        upstream: &Upstream,
    ) -> Hop<'a> {
        Hop {
            client: &self.said.introduction,
            host,
            version,
            forwarding: upstream.forwarded,
            via: upstream.via,
        }
    }

    /// What is said of a request of it to this host, where the client has said nothing of this kind itself. All that is asked of
    /// it is of one gateway.
    pub(super) fn introduced(
        &self,
        host: Option<&[u8]>,
        version: Version,
        upstream: &Upstream,
    ) -> Rc<Introduced> {
        let mut last = self.said.last.borrow_mut();
        let is_same = |last: &&Last| Some(&*last.host) == host && last.version == version;
        if let Some(last) = last.as_ref().filter(is_same) {
            return Rc::clone(&last.introduced);
        }
        let named = host.and_then(|host| HeaderValue::from_bytes(host).ok());
        let mut fields = HeaderMap::new();
        forward::introduce(&mut fields, &self.hop(named.as_ref(), version, upstream));
        let introduced = Rc::new(Introduced::new(&fields));
        if let Some(host) = host.filter(|host| host.len() <= HOST_LIMIT) {
            *last = Some(Last {
                host: host.into(),
                version,
                introduced: Rc::clone(&introduced),
            });
        }
        introduced
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Override, Overrides};

    #[test]
    fn each_request_is_told_with_its_own_host_and_version() {
        let caller = Caller::new(Some([192, 0, 2, 1].into()), false, None);
        let long = "a".repeat(HOST_LIMIT + 1);
        let overrides = Overrides {
            upstream: Some(Override::flag("--upstream", "http://192.0.2.2")),
            ..Overrides::default()
        };
        let config = Config::parse("a.toml", "", &overrides).expect("a good one");
        let told = |host: Option<&str>, version| {
            let host = host.map(str::as_bytes);
            let introduced = caller.introduced(host, version, &config.upstream);
            let fields = HeaderMap::from_iter(introduced.fields());
            let text = |name: &str| fields[name].to_str().expect("visible ASCII").to_owned();
            [text("via"), text("forwarded")]
        };
        for host in ["a.example", "a.example", "b.example", &long, "a.example"] {
            for (version, via) in [
                (Version::HTTP_11, "1.1 writegate"),
                (Version::HTTP_10, "1.0 writegate"),
            ] {
                let forwarded = format!("for=192.0.2.1;host=\"{host}\";proto=http");
                assert_eq!(told(Some(host), version), [via.to_owned(), forwarded]);
            }
        }
        let [_, forwarded] = told(None, Version::HTTP_11);
        assert_eq!(forwarded, "for=192.0.2.1;proto=http");
    }
}
