//! What curl makes of `-F`: a body in `multipart/form-data`.

use http::HeaderValue;

const BOUNDARY: &str = "------------------------writegate";

pub(super) const MEDIA_TYPE: HeaderValue =
    HeaderValue::from_static("multipart/form-data; boundary=------------------------writegate");

/// The parts so far.
#[derive(Default)]
pub(super) struct Form(String);

impl Form {
    /// `name=text`, perhaps with `;type=…` behind it, or `name=@file`, of which the name is enough: a file is no field. Unless
    /// `has_marks`, the text stands for itself.
    pub(super) fn add(&mut self, part: &str, has_marks: bool) -> Result<(), &'static str> {
        let (name, text) = part.split_once('=').ok_or("it is no `name=text`")?;
        let (file, text) = match text.strip_prefix('@').filter(|_| has_marks) {
            Some(file) => (Some(without_type(file)), ""),
            None if has_marks && text.starts_with('<') => {
                return Err("it names a file, which is not read: write the text");
            }
            None if has_marks => (None, without_type(text)),
            None => (None, text),
        };
        let name = quoted(name);
        let file = file.map(|file| format!("; filename=\"{}\"", quoted(file)));
        let file = file.unwrap_or_default();
        self.0.push_str(&format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{text}\r\n"
        ));
        Ok(())
    }

    /// All of it, if there is a part.
    pub(super) fn body(self) -> Option<String> {
        (!self.0.is_empty()).then(|| format!("{}--{BOUNDARY}--\r\n", self.0))
    }
}

fn without_type(text: &str) -> &str {
    text.split(";type=").next().unwrap_or(text)
}

/// As curl and browsers write a name.
fn quoted(name: &str) -> String {
    name.replace('\r', "%0D")
        .replace('\n', "%0A")
        .replace('"', "%22")
}
