//! The requests of a storm, composed by chance.

use super::{Manners, RESOURCES, path_of};
use crate::support::spelling::spelled;
use fastrand::Rng;

/// A request ready to be sent.
pub(super) struct Letter {
    pub(super) id: u64,
    pub(super) resource: u64,
    /// Where `MOVE` and `COPY` write to, too.
    destination: Option<u64>,
    pub(super) write: bool,
    pub(super) bytes: Vec<u8>,
    /// Where in `bytes` the body starts.
    pub(super) body_at: usize,
}

impl Letter {
    /// What the request is to change.
    pub(super) fn paths(&self) -> Vec<String> {
        let resources = std::iter::once(self.resource).chain(self.destination);
        resources.map(path_of).collect()
    }
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
    pub(super) fn compose(&mut self, resource: u64, method: &'static str) -> Letter {
        let id = self.rng.u64(1..1 << 63);
        let mut guise = Guise {
            method,
            target: self.path(resource),
            ..Guise::default()
        };
        if self.manners.override_method {
            self.disguise(resource, &mut guise);
        }
        let Guise {
            method,
            target,
            fields,
            form,
            destination,
        } = guise;
        let write = method != "GET" || target.contains("_method=") || !fields.is_empty();
        let mut bytes = format!(
            "{method} {target} HTTP/1.1\r\nHost: storm.test\r\nX-Storm-Id: {id}\r\n{fields}"
        )
        .into_bytes();
        let body = match method {
            "GET" | "DELETE" | "MOVE" | "COPY" => None,
            _ => Some(self.body(form)),
        };
        let kind = if form {
            "application/x-www-form-urlencoded"
        } else {
            "application/octet-stream"
        };
        let body_at = push_framed(&mut bytes, body, kind, self.rng.u8(..4) == 0);
        Letter {
            id,
            resource,
            destination,
            write,
            bytes,
            body_at,
        }
    }

    /// A `PUT` in one of the ways in which clients say it where they cannot; and in place of a plain `POST`, which no
    /// default guards, a method with two resources.
    fn disguise(&mut self, resource: u64, guise: &mut Guise) {
        match guise.method {
            "PUT" => {
                guise.method = ["POST", "GET"][self.rng.usize(..2)];
                match self.rng.u8(..5) {
                    0 => guise.target.push_str("?_method=DELETE"),
                    1 => guise.fields.push_str("X-HTTP-Method-Override: PUT\r\n"),
                    2 => guise.fields.push_str("X-Method-Override: patch\r\n"),
                    3 => guise.fields.push_str("X-HTTP-Method: DELETE\r\n"),
                    _ => (guise.method, guise.form) = ("POST", true),
                }
            }
            "POST" => {
                let other = (resource + self.rng.u64(1..RESOURCES)) % RESOURCES;
                let origin = ["", "http://storm.test"][self.rng.usize(..2)];
                let destination = self.path(other);
                guise.method = ["MOVE", "COPY"][self.rng.usize(..2)];
                guise.fields = format!("Destination: {origin}{destination}\r\n");
                guise.destination = Some(other);
            }
            _ => {}
        }
    }

    /// The path of a resource, spelled as the manners have it.
    fn path(&mut self, resource: u64) -> String {
        let path = path_of(resource);
        if self.manners.spell {
            spelled(&path, self.rng)
        } else {
            path
        }
    }

    fn body(&mut self, form: bool) -> Vec<u8> {
        let length = self.rng.usize(2..600);
        let start = if form { "note=" } else { "" };
        let end = if form { "&_method=PUT" } else { "" };
        let content = std::iter::repeat_with(|| self.rng.alphanumeric());
        let content: String = content.take(length).collect();
        format!("{start}{content}{end}").into_bytes()
    }
}

/// What a request is to look like.
#[derive(Default)]
struct Guise {
    method: &'static str,
    target: String,
    /// Field lines, each with its end.
    fields: String,
    /// Whether the body is a form that names the method.
    form: bool,
    destination: Option<u64>,
}

/// Ends the head and adds the body, in chunks or with its length; says where the body starts.
fn push_framed(bytes: &mut Vec<u8>, body: Option<Vec<u8>>, kind: &str, chunked: bool) -> usize {
    let Some(body) = body else {
        bytes.extend(b"\r\n");
        return bytes.len();
    };
    bytes.extend(format!("Content-Type: {kind}\r\n").into_bytes());
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
