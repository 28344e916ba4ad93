//! Responses of HTTP/1.1 as a client reads them that asks for one at a time: a head, and a body whose length it tells.

use std::io::{self, ErrorKind};

const FIELDS: usize = 64;

/// What has come of a response.
#[derive(Debug, Default)]
pub struct Response {
    head: Vec<u8>,
    /// Its status, and what its body still lacks, once the head is here.
    body: Option<(u16, u64)>,
}

impl Response {
    /// Adds what has been read; the status, when the response is here whole. Bytes behind it, or no `Content-Length`, are an error.
    pub fn take(&mut self, bytes: &[u8]) -> io::Result<Option<u16>> {
        let (status, left) = match self.body {
            Some((status, left)) => (status, left.checked_sub(bytes.len() as u64)),
            None => {
                self.head.extend_from_slice(bytes);
                let Some((status, length, begins)) = head(&self.head).map_err(io::Error::other)?
                else {
                    return Ok(None);
                };
                let here = (self.head.len() - begins) as u64;
                self.head.clear();
                (status, length.checked_sub(here))
            }
        };
        let left = left.ok_or(ErrorKind::InvalidData)?;
        self.body = (left > 0).then_some((status, left));
        Ok((left == 0).then_some(status))
    }
}

/// Status, length of the body, and where it begins; `None` while more of the head has to come.
fn head(bytes: &[u8]) -> Result<Option<(u16, u64, usize)>, httparse::Error> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(begins) = response.parse(bytes)? else {
        return Ok(None);
    };
    let length = response
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("content-length"))
        .and_then(|field| str::from_utf8(field.value).ok()?.parse().ok())
        .ok_or(httparse::Error::HeaderValue)?;
    let status = response.code.ok_or(httparse::Error::Status)?;
    Ok(Some((status, length, begins)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: [&str; 2] = [
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n",
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
    ];

    #[test]
    fn a_response_is_whole_with_the_last_byte_of_its_body() {
        let mut response = Response::default();
        for (text, status) in TWO.into_iter().zip([200, 502]) {
            let (last, before) = text.as_bytes().split_last().unwrap();
            for byte in before {
                assert_eq!(response.take(&[*byte]).unwrap(), None);
            }
            assert_eq!(response.take(&[*last]).unwrap(), Some(status));
            assert_eq!(response.take(text.as_bytes()).unwrap(), Some(status));
        }
    }

    #[test]
    fn what_comes_behind_a_response_is_wrong() {
        assert!(Response::default().take(TWO.concat().as_bytes()).is_err());
        let head = "HTTP/1.1 200 OK\r\n\r\n";
        assert!(Response::default().take(head.as_bytes()).is_err());
    }
}
