//! A `curl` line, as the developer tools of browsers copy it, becomes the request that curl would send.
//!
//! Words are split as bash splits them. Options that change nothing of the request are skipped, with their argument; one
//! that is not known is an error, since nobody can say whether its neighbour is its argument or a URL. Nothing is run, and
//! no file is read.

use http::header::{
    ACCEPT, CONTENT_TYPE, COOKIE, HOST, HeaderName, HeaderValue, REFERER, USER_AGENT,
};
use http::{Method, Uri};

use super::shown::shown;

mod form;
mod words;

use form::Form;

/// A request to be explained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// As the request line has it.
    pub target: String,
    /// Its fields, in their order.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Its body, if it has one.
    pub body: Option<String>,
    /// The subject of the certificate that its client shows, if it shows one.
    pub client_subject: Option<String>,
}

/// What a line comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pasted {
    /// Its first request.
    pub asked: Asked,
    /// How many stand behind that, as where all of a page were copied at once.
    pub others: usize,
}

/// Why a line is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CurlError {
    /// A quote without its partner, or what only another shell understands.
    #[error("{}", shown(.0))]
    Words(String),
    /// Another command.
    #[error("the line must begin with `curl`: copy the request \"as cURL (bash)\"")]
    NotCurl,
    /// An option whose meaning is not known here.
    #[error(
        "curl's option `{}` is not understood here: leave it out if it changes nothing of the request",
        shown(.0)
    )]
    Unknown(String),
    /// An option at the end of the line that needs an argument.
    #[error("curl's option `{}` needs an argument", shown(.0))]
    NoArgument(String),
    /// An argument that cannot be part of a request.
    #[error("`{}` is nothing for curl's option `{option}`: {why}", shown(value))]
    Argument {
        /// The option.
        option: String,
        /// What followed it.
        value: String,
        /// What is wrong.
        why: &'static str,
    },
    /// No URL, or several.
    #[error("{}", shown(.0))]
    Url(String),
}

/// Options that change nothing of the request that is asked for, without an argument.
const SKIPPED: &str = "--compressed --insecure --silent --show-error --location --include --verbose --fail --fail-with-body \
    --globoff --no-buffer --progress-bar --path-as-is --http1.0 --http1.1 --http2 --http2-prior-knowledge --http3 --ipv4 \
    --ipv6 --tlsv1 --tlsv1.2 --tlsv1.3 --ssl-no-revoke --no-keepalive --tcp-nodelay --remote-name --remote-header-name \
    --raw --parallel --no-progress-meter -k -s -S -L -i -v -f -g -N -# -0 -1 -2 -3 -4 -6 -O -J -q -Z";

/// The same, with an argument.
const SKIPPED_WITH_ARGUMENT: &str = "--output --write-out --max-time --connect-timeout --proxy --noproxy --resolve \
    --connect-to --cookie-jar --dump-header --cacert --capath --cert --cert-type --key --key-type --pass --retry \
    --retry-delay --retry-max-time --limit-rate --interface --ciphers --tls13-ciphers --curves --max-redirs --proto \
    --keepalive-time --speed-limit --speed-time --stderr --trace --trace-ascii --unix-socket --dns-servers --doh-url \
    -o -w -m -x -c -D -E -y -Y";

/// Options with one letter that have a long name, or stand for one here.
const SHORT: [(&str, &str); 10] = [
    ("-X", "--request"),
    ("-H", "--header"),
    ("-d", "--data"),
    ("-b", "--cookie"),
    ("-A", "--user-agent"),
    ("-e", "--referer"),
    ("-F", "--form"),
    ("-I", "--head"),
    ("-G", "--get"),
    ("-T", "--upload-file"),
];

/// What a shell takes for the end of a command, as between several that were copied at once, and before what becomes of its
/// output.
const BEYOND: &str = "; | || & && > >> 2> 2>&1 >/dev/null 2>/dev/null";

/// What the options have said so far.
#[derive(Default)]
struct Said {
    method: Option<Method>,
    urls: Vec<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Fields that curl sends unless they are given.
    defaults: Vec<(HeaderName, HeaderValue)>,
    data: Vec<String>,
    form: Form,
    is_head: bool,
    data_in_query: bool,
}

/// The request of a whole line, `curl` first.
pub fn parse(line: &str) -> Result<Pasted, CurlError> {
    let mut words = words::split(line)?.into_iter();
    let is_curl = |word: &String| matches!(word.as_str(), "curl" | "curl.exe");
    if !words.next().as_ref().is_some_and(is_curl) {
        return Err(CurlError::NotCurl);
    }
    let mut said = Said::default();
    while let Some(word) = words.next() {
        if is_in(BEYOND, &word) {
            break;
        } else if word.starts_with("--") {
            said.option(&word, || words.next())?;
        } else if word.len() > 1 && word.starts_with('-') {
            said.letters(&word, &mut words)?;
        } else {
            said.urls.push(word);
        }
    }
    let others = words.filter(is_curl).count();
    let asked = said.request()?;
    Ok(Pasted { asked, others })
}

fn is_in(list: &str, option: &str) -> bool {
    list.split_whitespace().any(|known| known == option)
}

impl Said {
    /// `-sXPUT`: letters without an argument, and at the end perhaps one with, which may follow at once.
    fn letters(
        &mut self,
        word: &str,
        words: &mut impl Iterator<Item = String>,
    ) -> Result<(), CurlError> {
        for (at, letter) in word.char_indices().skip(1) {
            let option = format!("-{letter}");
            let rest = &word[at + letter.len_utf8()..];
            let long = SHORT.iter().find(|(short, _)| *short == option);
            let long = long.map_or(option.as_str(), |(_, long)| *long);
            let mut is_used = false;
            self.option(long, || {
                is_used = true;
                let follows = (!rest.is_empty()).then(|| rest.to_owned());
                follows.or_else(|| words.next())
            })?;
            if is_used {
                break;
            }
        }
        Ok(())
    }

    fn option(
        &mut self,
        option: &str,
        argument: impl FnOnce() -> Option<String>,
    ) -> Result<(), CurlError> {
        match option {
            "--head" => self.is_head = true,
            "--get" => self.data_in_query = true,
            _ if is_in(SKIPPED, option) => {}
            _ => {
                let is_skipped = is_in(SKIPPED_WITH_ARGUMENT, option);
                if !is_skipped && !is_in(UNDERSTOOD, option) {
                    return Err(CurlError::Unknown(option.to_owned()));
                }
                let value = argument().ok_or_else(|| CurlError::NoArgument(option.to_owned()))?;
                if !is_skipped {
                    self.valued(option, value)?;
                }
            }
        }
        Ok(())
    }

    fn valued(&mut self, option: &str, value: String) -> Result<(), CurlError> {
        let wrong = |why| CurlError::Argument {
            option: option.to_owned(),
            value: value.clone(),
            why,
        };
        const FIELD: &str = "it is no field of a request";
        let text = || HeaderValue::from_str(&value).map_err(|_no_field| wrong(FIELD));
        match option {
            "--request" => {
                let method = Method::from_bytes(value.as_bytes());
                self.method = Some(method.map_err(|_no_token| wrong("it is no method"))?);
            }
            "--url" => self.urls.push(value),
            "--header" => self
                .headers
                .extend(header(&value).ok_or_else(|| wrong(FIELD))?),
            "--user-agent" => self.headers.push((USER_AGENT, text()?)),
            "--referer" => self.headers.push((REFERER, text()?)),
            "--cookie" if value.contains('=') => self.headers.push((COOKIE, text()?)),
            "--cookie" => {
                return Err(wrong(
                    "it names a file, which is not read: write the cookies",
                ));
            }
            "--form" | "--form-string" => {
                let added = self.form.add(&value, option == "--form");
                added.map_err(wrong)?;
            }
            "--upload-file" => {
                return Err(wrong(
                    "it names a file: write `-X PUT` and the body with `-d`",
                ));
            }
            "--data" | "--data-ascii" | "--data-binary" | "--data-urlencode" | "--json"
                if value.starts_with('@') =>
            {
                return Err(wrong("it names a file, which is not read: write the body"));
            }
            "--json" => {
                let json = HeaderValue::from_static("application/json");
                self.defaults.push((CONTENT_TYPE, json.clone()));
                self.defaults.push((ACCEPT, json));
                self.data.push(value);
            }
            "--data-urlencode" => self.data.push(urlencoded(&value)),
            _ => self.data.push(value),
        }
        Ok(())
    }

    fn request(mut self) -> Result<Asked, CurlError> {
        let url = match self.urls.as_slice() {
            [] => return Err(CurlError::Url("the line has no URL".to_owned())),
            [url] => url.clone(),
            [first, second, ..] => {
                return Err(CurlError::Url(format!(
                    "the line has two URLs, `{first}` and `{second}`: one request is explained at a time"
                )));
            }
        };
        let (host, mut target) = split_url(&url)?;
        let mut body = (!self.data.is_empty()).then(|| self.data.join("&"));
        if self.data_in_query
            && let Some(query) = body.take()
        {
            let joint = if target.contains('?') { '&' } else { '?' };
            target = format!("{target}{joint}{query}");
        }
        if let Some(form) = self.form.body() {
            self.defaults.push((CONTENT_TYPE, form::MEDIA_TYPE));
            body = Some(form);
        }
        self.defaults.push((HOST, host));
        for (name, value) in self.defaults {
            if self.headers.iter().all(|(given, _)| *given != name) {
                self.headers.push((name, value));
            }
        }
        let method = match (self.method, self.is_head, &body) {
            (Some(method), ..) => method,
            (None, true, _) => Method::HEAD,
            (None, false, Some(_)) => Method::POST,
            (None, false, None) => Method::GET,
        };
        Ok(Asked {
            method,
            target,
            headers: self.headers,
            body,
            client_subject: None,
        })
    }
}

/// Options with an argument that makes a part of the request.
const UNDERSTOOD: &str = "--request --url --header --user-agent --referer --cookie --form --form-string --upload-file --data --data-ascii \
    --data-raw --data-binary --data-urlencode --json";

/// `Name: value`; `Name;` is an empty one, `Name:` is one that is not sent.
fn header(text: &str) -> Option<Option<(HeaderName, HeaderValue)>> {
    let (name, value) = match text.split_once(':') {
        Some((_, value)) if value.trim().is_empty() => return Some(None),
        Some(pair) => pair,
        None => (text.strip_suffix(';')?, ""),
    };
    let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
    let value = HeaderValue::from_str(value.trim()).ok()?;
    Some(Some((name, value)))
}

/// `name=text` has its text encoded, and so has what has no name.
fn urlencoded(value: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    match value.split_once('=') {
        Some(("", text)) => encode(text),
        Some((name, text)) => format!("{name}={}", encode(text)),
        None => encode(value),
    }
}

/// The host, and the target as the request line has it. Without a scheme it is `http`, as to curl.
fn split_url(url: &str) -> Result<(HeaderValue, String), CurlError> {
    let wrong = || CurlError::Url(format!("`{url}` is no URL of a web server"));
    let full = if url.contains("://") {
        url.to_owned()
    } else {
        format!("http://{url}")
    };
    let full = full.split('#').next().unwrap_or_default();
    let uri: Uri = full.parse().ok().ok_or_else(wrong)?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(wrong());
    }
    let authority = uri.authority().ok_or_else(wrong)?.as_str();
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = HeaderValue::from_str(host).ok().ok_or_else(wrong)?;
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let target = if target.starts_with('/') {
        target.to_owned()
    } else {
        format!("/{target}")
    };
    Ok((host, target))
}

#[cfg(test)]
mod tests;
