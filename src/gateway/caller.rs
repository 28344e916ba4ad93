//! Who a client is, and how the upstream is told of it.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;

use http::HeaderValue;

use crate::policy::forward::Introduction;

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
    forwarded: HeaderValue,
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

    pub(super) fn introduction(&self) -> &Introduction {
        &self.said.introduction
    }

    /// What `Forwarded` says of a request of it to this host.
    pub(super) fn forwarded(&self, host: Option<&HeaderValue>) -> HeaderValue {
        let introduction = self.introduction();
        let Some(host) = host.filter(|host| host.len() <= HOST_LIMIT) else {
            return introduction.forwarded(host);
        };
        let mut last = self.said.last.borrow_mut();
        if last
            .as_ref()
            .is_some_and(|last| *last.host != *host.as_bytes())
        {
            *last = None;
        }
        let last = last.get_or_insert_with(|| Last {
            // Copied: it would keep what it was read with.
            host: host.as_bytes().into(),
            forwarded: introduction.forwarded(Some(host)),
        });
        last.forwarded.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_told_with_its_own_host() {
        let caller = Caller::new(Some([192, 0, 2, 1].into()), false, None);
        let long = "a".repeat(HOST_LIMIT + 1);
        for host in ["a.example", "a.example", "b.example", &long, "a.example"] {
            let value = HeaderValue::from_str(host).expect("visible ASCII");
            assert_eq!(
                caller.forwarded(Some(&value)),
                format!("for=192.0.2.1;host=\"{host}\";proto=http")
            );
        }
        assert_eq!(caller.forwarded(None), "for=192.0.2.1;proto=http");
    }
}
