//! Requests of HTTP/1.1 as an origin reads them: a head, a body by its length or in chunks, the next head.

const FIELDS: usize = 64;

/// What the bytes so far have come to.
#[derive(Debug, Eq, PartialEq)]
pub enum Step {
    /// A request is here whole.
    Done(Wish),
    /// More has to come.
    More,
    /// This is no request.
    Wrong,
}

/// What a request wants of the origin, by its path.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Wish {
    /// Its response, at once.
    #[default]
    Response,
    /// `/takes/MS/`: its response after so many milliseconds.
    Work(u64),
    /// `/gives/BYTES/`: a response with so large a body.
    Body(u64),
    /// `/cut/`: the end of its connection, without a response.
    Cut,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Head,
    Length(u64),
    Chunks(Chunk),
}

#[derive(Clone, Copy, Debug)]
enum Chunk {
    Size(u64),
    Extension(u64),
    Data(u64),
    Trailer(usize),
}

/// What has come and was not yet taken, and where in a request that is.
#[derive(Debug, Default)]
pub struct Parser {
    input: Vec<u8>,
    state: State,
    wish: Wish,
}

impl Parser {
    /// Adds what has been read.
    pub fn take(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// The next request, as far as it is here.
    pub fn step(&mut self) -> Step {
        loop {
            match self.state {
                State::Head => match self.head() {
                    Ok(true) => {}
                    Ok(false) => return Step::More,
                    Err(_) => return Step::Wrong,
                },
                State::Length(left) => {
                    let here = left.min(self.input.len() as u64);
                    self.input.drain(..here as usize);
                    self.state = State::Length(left - here);
                    return if left == here {
                        self.done()
                    } else {
                        Step::More
                    };
                }
                State::Chunks(chunk) => {
                    return match self.chunks(chunk) {
                        Some(true) => self.done(),
                        Some(false) => Step::More,
                        None => Step::Wrong,
                    };
                }
            }
        }
    }

    fn done(&mut self) -> Step {
        self.state = State::Head;
        Step::Done(std::mem::take(&mut self.wish))
    }

    /// Takes a head, if it is whole.
    fn head(&mut self) -> Result<bool, httparse::Error> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        let httparse::Status::Complete(length) = request.parse(&self.input)? else {
            return Ok(false);
        };
        self.wish = request.path.and_then(wish).unwrap_or_default();
        self.state = State::Length(0);
        for field in request.headers.iter() {
            if field.name.eq_ignore_ascii_case("content-length") {
                let text = str::from_utf8(field.value).unwrap_or_default();
                self.state = State::Length(text.parse().map_err(|_| httparse::Error::HeaderValue)?);
            } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
                self.state = State::Chunks(Chunk::Size(0));
                break;
            }
        }
        self.input.drain(..length);
        Ok(true)
    }

    /// Takes chunks; whether the last was among them, and `None` if it is none.
    fn chunks(&mut self, mut chunk: Chunk) -> Option<bool> {
        let mut at = 0;
        let mut last = false;
        while !last && let Some(&byte) = self.input.get(at) {
            at += 1;
            chunk = match (chunk, byte) {
                (Chunk::Size(size) | Chunk::Extension(size), b'\n') if size == 0 => {
                    Chunk::Trailer(0)
                }
                // With the line break behind it.
                (Chunk::Size(size) | Chunk::Extension(size), b'\n') => Chunk::Data(size + 2),
                (Chunk::Size(size), b'\r' | b';' | b' ') => Chunk::Extension(size),
                (Chunk::Size(size), digit) => {
                    let digit = u64::from(char::from(digit).to_digit(16)?);
                    Chunk::Size(size.checked_mul(16)?.checked_add(digit)?)
                }
                (Chunk::Extension(size), _) => Chunk::Extension(size),
                (Chunk::Data(1), _) => Chunk::Size(0),
                (Chunk::Data(left), _) => {
                    let skipped = (left - 2).min((self.input.len() - at) as u64);
                    at += skipped as usize;
                    Chunk::Data(left - 1 - skipped)
                }
                (Chunk::Trailer(length), b'\n') => {
                    last = length == 0;
                    Chunk::Trailer(0)
                }
                (Chunk::Trailer(length), b'\r') => Chunk::Trailer(length),
                (Chunk::Trailer(length), _) => Chunk::Trailer(length + 1),
            };
        }
        self.input.drain(..at);
        self.state = State::Chunks(chunk);
        Some(last)
    }
}

fn wish(path: &str) -> Option<Wish> {
    let (name, rest) = path.strip_prefix('/')?.split_once('/')?;
    let number = || rest.split_once('/')?.0.parse().ok();
    match name {
        "takes" => number().map(Wish::Work),
        "gives" => number().map(Wish::Body),
        "cut" => Some(Wish::Cut),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of `text`, byte by byte.
    fn steps(text: &str) -> Vec<Step> {
        let mut parser = Parser::default();
        let mut found = Vec::new();
        for byte in text.bytes() {
            parser.take(&[byte]);
            match parser.step() {
                Step::More => {}
                step => found.push(step),
            }
        }
        found
    }

    #[test]
    fn bodies_of_every_framing_are_read_to_their_end() {
        let text = "GET /a HTTP/1.1\r\n\r\nPUT /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc\
            PUT /takes/70/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nb;x=y\r\n0123456789a\r\n1\r\nb\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        let all = [
            Wish::Response,
            Wish::Response,
            Wish::Work(70),
            Wish::Response,
        ]
        .map(Step::Done);
        assert_eq!(steps(text), all);
        let mut parser = Parser::default();
        parser.take(text.as_bytes());
        assert_eq!([(); 4].map(|()| parser.step()), all);
        assert_eq!(parser.step(), Step::More);
    }

    #[test]
    fn a_path_says_what_its_request_wants() {
        let wishes = [
            "/gives/7/x",
            "/cut/x",
            "/cut",
            "/takes/x/7",
            "/gives/7",
            "*",
        ]
        .map(wish);
        let none = None;
        assert_eq!(
            wishes,
            [Some(Wish::Body(7)), Some(Wish::Cut), none, none, none, none]
        );
    }

    #[test]
    fn what_is_no_chunk_is_wrong() {
        let text = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx";
        assert_eq!(steps(text), [Step::Wrong]);
    }
}
