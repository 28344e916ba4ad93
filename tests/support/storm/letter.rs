//! The requests of a storm, composed by chance.

use super::{Manners, RESOURCES, path_of};
use crate::support::spelling::spelled;
use fastrand::Rng;

/// A request ready to be sent.
pub(super) struct Letter {
    pub(super) id: u64,
    pub(super) resource: u64,
    pub(super) write: bool,
    pub(super) bytes: Vec<u8>,
    /// Where in `bytes` the body starts.
    pub(super) body_at: usize,
}

/// Composes requests for a client with these manners.
pub(super) struct Writer<'a> {
    pub(super) manners: Manners,
    pub(super) rng: &'a mut Rng,
}

impl Writer<'_> {
    /// The next request, to any resource; three of four write.
    pub(super) fn letter(&mut self) -> Letter {
        let resource = self.rng.u64(..RESOURCES);
        let write = self.rng.u8(..4) > 0;
        let method = if write {
            ["PUT", "POST", "PATCH", "DELETE"][self.rng.usize(..4)]
        } else {
            "GET"
        };
        self.compose(resource, method)
    }

    /// A request to this resource.
    pub(super) fn compose(&mut self, resource: u64, method: &str) -> Letter {
        let id = self.rng.u64(1..1 << 63);
        let mut target = path_of(resource);
        if self.manners.spell {
            target = spelled(&target, self.rng);
        }
        let mut extra = String::new();
        let mut method = method;
        if self.manners.override_method && method == "PUT" {
            method = ["POST", "GET"][self.rng.usize(..2)];
            match self.rng.u8(..3) {
                0 => target.push_str("?_method=DELETE"),
                1 => extra.push_str("X-HTTP-Method-Override: PUT\r\n"),
                _ => extra.push_str("X-Method-Override: patch\r\n"),
            }
        }
        let write = method != "GET" || method_is_overridden(&target, &extra);
        let mut bytes = format!(
            "{method} {target} HTTP/1.1\r\nHost: storm.test\r\nX-Storm-Id: {id}\r\n{extra}"
        )
        .into_bytes();
        let body = if matches!(method, "GET" | "DELETE") {
            None
        } else {
            Some(self.body())
        };
        let body_at = push_framed(&mut bytes, body, self.rng.u8(..4) == 0);
        Letter {
            id,
            resource,
            write,
            bytes,
            body_at,
        }
    }

    fn body(&mut self) -> Vec<u8> {
        let length = self.rng.usize(2..600);
        std::iter::repeat_with(|| self.rng.alphanumeric() as u8)
            .take(length)
            .collect()
    }
}

fn method_is_overridden(target: &str, extra: &str) -> bool {
    target.contains("_method=") || !extra.is_empty()
}

/// Ends the head and adds the body, in chunks or with its length; says where the body starts.
fn push_framed(bytes: &mut Vec<u8>, body: Option<Vec<u8>>, chunked: bool) -> usize {
    let Some(body) = body else {
        bytes.extend(b"\r\n");
        return bytes.len();
    };
    bytes.extend(b"Content-Type: application/octet-stream\r\n");
    if !chunked {
        bytes.extend(format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes());
        let body_at = bytes.len();
        bytes.extend(body);
        return body_at;
    }
    bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n");
    let body_at = bytes.len();
    for chunk in body.chunks(200) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    body_at
}
