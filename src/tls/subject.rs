//! The subject of a certificate, as it is told to the upstream and stands in keys.

use std::fmt::Write;

use rustls::pki_types::CertificateDer;
use thiserror::Error;
use x509_cert::Certificate;
use x509_cert::der::{self, Decode};

/// A certificate whose subject cannot be read, although it was verified.
#[derive(Debug, Error)]
#[error("the subject of a client's certificate cannot be read")]
pub struct SubjectError(#[from] der::Error);

/// The subject as RFC 4514 writes it, the most specific part first, as `CN=desk 7,O=Shop`; none if it is empty. What is
/// not ASCII is escaped (§2.4), so that it can stand in any field.
pub fn subject(certificate: &CertificateDer<'_>) -> Result<Option<String>, SubjectError> {
    let certificate = Certificate::from_der(certificate)?;
    let plain = certificate.tbs_certificate.subject.to_string();
    let mut text = String::with_capacity(plain.len());
    for c in plain.chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a String cannot fail.
                let _infallible = write!(text, "\\{byte:02x}");
            }
        }
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}
