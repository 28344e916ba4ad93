//! Sources of keys that no request has a value for, or none that tells resources apart.

use http::Method;

use super::method::Methods;
use super::path::decode;
use super::source::Source;

/// Fields about one connection alone (RFC 9110 §7.6.1).
const OF_CONNECTIONS: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Fields that only responses have (RFC 9110 §8.8, §10.2, §11.6; RFC 9111; RFC 6265).
const OF_RESPONSES: [&str; 10] = [
    "accept-ranges",
    "age",
    "etag",
    "last-modified",
    "location",
    "retry-after",
    "server",
    "set-cookie",
    "vary",
    "www-authenticate",
];

/// Methods whose requests have no content that means anything (RFC 9110 §9.3).
const WITHOUT_CONTENT: [Method; 6] = [
    Method::GET,
    Method::HEAD,
    Method::DELETE,
    Method::CONNECT,
    Method::OPTIONS,
    Method::TRACE,
];

/// Which requests are asked for values.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Their methods.
    pub methods: &'a Methods,
    /// Whether their clients may show certificates.
    pub shows_certificates: bool,
}

/// Why a source makes no key that is worth having.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfillable {
    /// The field is about one connection, and stays behind.
    OfConnection,
    /// Only responses have the field.
    OfResponse,
    /// No cookie can be called so.
    CookieName,
    /// No client is asked for a certificate.
    NoClientCertificates,
    /// The name of a query parameter is percent-encoded, and is compared decoded: as this.
    Encoded(String),
    /// The same of a field of a form.
    EncodedField(String),
    /// Requests with these methods have no body.
    NoBody,
}

impl Unfillable {
    /// What is to be said of the source, after its name.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::OfConnection => {
                "is about one connection alone (RFC 9110 §7.6.1), and says nothing of the resource"
            }
            Self::OfResponse => "has no value in any request: it is a field of responses",
            Self::CookieName => "has no value in any request: no cookie can be called so",
            Self::NoClientCertificates => {
                "has no value in any request: no client is asked for a certificate"
            }
            Self::Encoded(_) | Self::EncodedField(_) => {
                "has no value in any request of a browser: names are compared once they are decoded"
            }
            Self::NoBody => {
                "has no value in any request: those with the methods of this route have no body"
            }
        }
    }

    /// What to write.
    pub fn remedy(&self) -> String {
        match self {
            Self::OfConnection => "take a field that goes on to the upstream".to_owned(),
            Self::OfResponse => "take a field that the client sends".to_owned(),
            Self::CookieName => {
                "the name of a cookie has no `=` and no `;`, and no space at its ends".to_owned()
            }
            Self::NoClientCertificates => {
                "set `client_ca` in `[server.tls]`: who vouches for the certificates of clients"
                    .to_owned()
            }
            Self::Encoded(decoded) => format!("write `{{query:{decoded}}}`"),
            Self::EncodedField(decoded) => format!("write `{{form:{decoded}}}`"),
            Self::NoBody => {
                "take a part of the path, or a query parameter; or give the route other methods"
                    .to_owned()
            }
        }
    }
}

impl Source {
    pub(super) fn unfillable(&self, asked: Asked<'_>) -> Option<Unfillable> {
        match self {
            Self::ClientSubject => {
                (!asked.shows_certificates).then_some(Unfillable::NoClientCertificates)
            }
            Self::Header(name) if OF_CONNECTIONS.contains(&name.as_str()) => {
                Some(Unfillable::OfConnection)
            }
            Self::Header(name) if OF_RESPONSES.contains(&name.as_str()) => {
                Some(Unfillable::OfResponse)
            }
            Self::Cookie(name) if name.contains(['=', ';']) || name.trim_ascii() != &**name => {
                Some(Unfillable::CookieName)
            }
            Self::Json(_) | Self::Form(_) if have_no_body(asked.methods) => {
                Some(Unfillable::NoBody)
            }
            Self::Query(name) => decoded(name).map(Unfillable::Encoded),
            Self::Form(name) => decoded(name).map(Unfillable::EncodedField),
            Self::Header(_)
            | Self::Cookie(_)
            | Self::Json(_)
            | Self::Parameter { .. }
            | Self::Rest { .. }
            | Self::Path
            | Self::Method
            | Self::Host => None,
        }
    }
}

fn have_no_body(methods: &Methods) -> bool {
    match methods {
        Methods::Unsafe | Methods::UnsafeAndReads => false,
        Methods::Listed(listed) => listed.iter().all(|method| WITHOUT_CONTENT.contains(method)),
    }
}

/// A name without its percent-encoding, if it has some.
fn decoded(name: &str) -> Option<String> {
    let decoded = String::from_utf8(decode(name.as_bytes())).ok()?;
    (decoded != *name).then_some(decoded)
}
