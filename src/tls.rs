//! TLS: what is made of the files that the configuration names, and how that follows them as they change.
//!
//! Invariants:
//! - What a file holds is used only once all of it was read, and each key belongs to its certificate.
//! - A file that has become wrong changes nothing: what was read before stays.
//! - Which protocols are offered within TLS (ALPN, RFC 7301) stands here and nowhere else.

mod identity;
mod keep;
mod material;
mod outward;
mod served;
mod subject;

pub use identity::{Doubt, Identity, Pair};
pub use keep::{Current, Kept, Material};
pub use material::{MaterialError, authorities};
pub use outward::{Outward, Spoken};
pub use served::{ClientCertificates, Demand, Oldest, Served};
pub use subject::{SubjectError, subject};

pub use rustls::pki_types::ServerName;
pub use rustls::{ClientConfig, ServerConfig};

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

/// HTTP/2 within TLS (RFC 9113 §3.2).
pub const H2: &[u8] = b"h2";

/// HTTP/1.1 within TLS.
pub const HTTP_11: &[u8] = b"http/1.1";

/// HTTP/1.0 within TLS, of which some who speak it say so.
const HTTP_10: &[u8] = b"http/1.0";

/// What clients are offered, the best first.
const OFFERED: [&[u8]; 3] = [H2, HTTP_11, HTTP_10];

/// The algorithms.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
