//! HTTP/1.1 messages as the far ends of the gateway's connections read them: strictly, and byte by byte.

use super::pipes::Far;

/// A request or a response, as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    /// The request line or the status line.
    pub(crate) start: String,
    /// The field lines, in their order, names as they came.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
}

impl Message {
    /// A head without its body.
    pub(crate) fn head(raw: &[u8]) -> Self {
        let text = String::from_utf8(raw.to_vec()).expect("a head is text");
        let mut lines = text
            .strip_suffix("\r\n\r\n")
            .expect("a head ends with an empty line")
            .split("\r\n");
        Self {
            start: lines.next().expect("a first line").to_owned(),
            fields: lines.map(field).collect(),
            ..Self::default()
        }
    }

    /// The status of a response.
    pub(crate) fn status(&self) -> u16 {
        let status = self.start.split(' ').nth(1).expect("a status line");
        status
            .parse()
            .unwrap_or_else(|_| panic!("not a status line: {}", self.start))
    }

    /// The one value of a field, if it is there.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let values = self.values(name);
        assert!(values.len() < 2, "{name} is repeated: {values:?}");
        values.first().copied()
    }

    /// All values of a field, in their order.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let named = |(other, _): &&(String, String)| other.eq_ignore_ascii_case(name);
        self.fields
            .iter()
            .filter(named)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The fragment of the problem type of an answer of the gateway's own.
    pub(crate) fn problem(&self) -> String {
        let document: serde_json::Value = serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("not a problem document: {self:?}"));
        let type_uri = document["type"].as_str().expect("a type");
        let (_, name) = type_uri.split_once('#').expect("a fragment");
        assert_eq!(document["status"], self.status());
        assert_eq!(self.field("content-type"), Some("application/problem+json"));
        let told = self.field("proxy-status").expect("a Proxy-Status");
        assert!(told.starts_with("writegate; error="), "{told}");
        name.to_owned()
    }

    /// What such an answer says in detail.
    pub(crate) fn detail(&self) -> String {
        let document: serde_json::Value =
            serde_json::from_slice(&self.body).expect("a problem document");
        document["detail"].as_str().unwrap_or_default().to_owned()
    }

    fn is_chunked(&self) -> bool {
        self.field("transfer-encoding") == Some("chunked")
    }

    fn length(&self) -> Option<usize> {
        self.field("content-length")
            .map(|length| length.parse().expect("a number"))
    }
}

impl Far {
    /// Reads one head.
    pub(crate) async fn head(&self) -> Message {
        Message::head(&self.read_through(b"\r\n\r\n").await)
    }

    /// Reads one message with its body. A response that says nothing of its length ends with the connection.
    pub(crate) async fn message(&self) -> Message {
        let mut message = self.head().await;
        if message.start.starts_with("HTTP/") && [204, 304].contains(&message.status()) {
            return message;
        }
        if message.is_chunked() {
            assert_eq!(message.length(), None, "two framings");
            (message.body, message.trailers) = self.chunks().await;
        } else if let Some(length) = message.length() {
            message.body = self.read(length).await;
        } else if message.start.starts_with("HTTP/") {
            message.body = self.read_to_end().await.0;
        }
        message
    }

    /// Reads a chunked body to its end, and its trailers.
    pub(crate) async fn chunks(&self) -> (Vec<u8>, Vec<(String, String)>) {
        let (mut body, mut trailers) = (Vec::new(), Vec::new());
        loop {
            let chunk = self.chunk().await;
            if chunk.is_empty() {
                break;
            }
            body.extend(chunk);
        }
        loop {
            let line = self.read_through(b"\r\n").await;
            if line == b"\r\n" {
                return (body, trailers);
            }
            let line = String::from_utf8(line).expect("a trailer is text");
            trailers.push(field(line.trim_end()));
        }
    }

    /// Reads one chunk; the last one, without what follows it, is empty.
    pub(crate) async fn chunk(&self) -> Vec<u8> {
        let line = self.read_through(b"\r\n").await;
        let line = String::from_utf8(line).expect("a chunk size is text");
        let size = usize::from_str_radix(line.trim_end(), 16).expect("a chunk size");
        if size == 0 {
            return Vec::new();
        }
        let chunk = self.read(size).await;
        assert_eq!(self.read(2).await, b"\r\n");
        chunk
    }

    /// Sends a whole response with a `Content-Length`.
    pub(crate) async fn respond(&self, status: &str, body: &str) {
        let length = body.len();
        self.send(format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
        .await;
    }
}

fn field(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').expect("a field line has a colon");
    (name.to_owned(), value.trim().to_owned())
}
