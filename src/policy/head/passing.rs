//! The heads of a request and of a response on their way.

use http::{Extensions, Method, Request, Response, StatusCode, Uri, Version, request, response};

use super::{Fields, OwnFields, Reason};

/// The head of a request.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The target.
    pub uri: Uri,
    /// The version that it came in.
    pub version: Version,
    /// What the library of HTTP/2 has to say of it.
    pub extensions: Extensions,
    /// The fields.
    pub fields: Fields,
}

impl RequestHead {
    /// As the `http` crate has it.
    pub fn into_parts(self) -> request::Parts {
        let mut parts = Request::new(()).into_parts().0;
        parts.method = self.method;
        parts.uri = self.uri;
        parts.version = self.version;
        parts.extensions = self.extensions;
        parts.headers = self.fields.into_map();
        parts
    }
}

impl From<request::Parts> for RequestHead {
    fn from(parts: request::Parts) -> Self {
        Self {
            method: parts.method,
            uri: parts.uri,
            version: parts.version,
            extensions: parts.extensions,
            fields: parts.headers.into(),
        }
    }
}

/// The head of a response.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The status.
    pub status: StatusCode,
    /// The version that it came in.
    pub version: Version,
    /// The reason phrase, where it is not the usual one.
    pub reason: Option<Box<Reason>>,
    /// The fields.
    pub fields: Fields,
}

impl ResponseHead {
    /// One of our own.
    pub(in super::super) const fn of_own(status: StatusCode, fields: OwnFields) -> Self {
        Self {
            status,
            version: Version::HTTP_11,
            reason: None,
            fields: Fields::own(fields),
        }
    }

    /// As the `http` crate has it, without its reason phrase.
    pub fn into_parts(self) -> response::Parts {
        let mut parts = Response::new(()).into_parts().0;
        parts.status = self.status;
        parts.version = self.version;
        parts.headers = self.fields.into_map();
        parts
    }
}

impl From<response::Parts> for ResponseHead {
    fn from(parts: response::Parts) -> Self {
        Self {
            status: parts.status,
            version: parts.version,
            reason: None,
            fields: parts.headers.into(),
        }
    }
}
