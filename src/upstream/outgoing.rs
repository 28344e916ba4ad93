//! A request on its way to the upstream: what came of it, and what the gateway adds to that.

use std::rc::Rc;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::body::Upload;
use crate::policy::family::HOLD;
use crate::policy::forward::X_REQUEST_ID;
use crate::policy::head::RequestHead;
use crate::policy::{Pass, RequestId};
use crate::wire::{encode_fields, encode_line};

/// A request on its way to the upstream. Its head is boxed: it goes through many hands.
#[derive(Debug)]
pub struct Outgoing {
    /// The head, as far as it came so.
    pub head: Box<RequestHead>,
    /// The fields of its head that did not.
    pub added: Added,
    /// The body.
    pub body: Upload,
}

/// Fields that the gateway adds to those of a request. None has the name of one that is among them: a map would look for
/// each in vain.
#[derive(Clone, Debug, Default)]
pub struct Added {
    /// What is said of the client, where it says nothing of the kind itself.
    pub introduction: Option<Rc<Introduced>>,
    /// The name under which the request is found again in logs, where it came with none.
    pub request_id: Option<RequestId>,
    /// What a request on behalf of this one may come with.
    pub pass: Option<Pass>,
}

/// What is said of a client in all that it asks of one host, as HTTP/1.1 has it: each connection keeps its own.
#[derive(Debug)]
pub struct Introduced(Box<[u8]>);

impl Introduced {
    /// By these fields.
    pub fn new(fields: &HeaderMap) -> Self {
        let mut lines = Vec::new();
        encode_fields(fields, &mut lines);
        Self(lines.into())
    }

    /// The fields.
    pub fn fields(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let lines = self.0.split(|&byte| byte == b'\n');
        lines.filter_map(|line| {
            let line = line.strip_suffix(b"\r")?;
            let colon = line.iter().position(|&byte| byte == b':')?;
            let name = HeaderName::from_bytes(&line[..colon]).ok()?;
            Some((
                name,
                HeaderValue::from_bytes(line[colon..].strip_prefix(b": ")?).ok()?,
            ))
        })
    }
}

impl Added {
    /// Writes them as HTTP/1.1 has them.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if let Some(introduction) = &self.introduction {
            out.extend_from_slice(&introduction.0);
        }
        if let Some(id) = &self.request_id {
            let mut room = [0; 32];
            encode_line(X_REQUEST_ID.as_str().as_bytes(), id.bytes(&mut room), out);
        }
        if let Some(pass) = &self.pass {
            encode_line(HOLD.as_str().as_bytes(), &pass.bytes(), out);
        }
    }

    /// Puts them among these fields.
    pub fn join(self, fields: &mut HeaderMap) {
        if let Some(introduction) = self.introduction {
            fields.extend(introduction.fields());
        }
        let id = self.request_id.map(|id| id.value());
        let pass = self.pass.map(|pass| pass.value());
        let own = [(X_REQUEST_ID, id), (HOLD, pass)];
        fields.extend(
            own.into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    }
}

#[cfg(test)]
mod tests {
    use http::header::VIA;

    use super::*;
    use crate::policy::Family;

    #[test]
    fn what_is_added_is_alike_in_every_version() {
        let via = HeaderMap::from_iter([(VIA, HeaderValue::from_static("1.1 writegate"))]);
        let added = Added {
            introduction: Some(Rc::new(Introduced::new(&via))),
            request_id: Some(RequestId::Drawn([7; 16])),
            pass: Some(Pass {
                family: Family::new([9; 16]),
                place: 1,
            }),
        };
        let mut lines = Vec::new();
        added.encode(&mut lines);
        let mut fields = HeaderMap::new();
        added.join(&mut fields);
        let mut same = Vec::new();
        encode_fields(&fields, &mut same);
        assert_eq!(String::from_utf8(lines), String::from_utf8(same));
        assert_eq!(fields.len(), 3);
    }
}
