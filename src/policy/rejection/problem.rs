//! The problem document (RFC 9457).

use super::conflict::HolderView;

/// The room for one: most need no more.
const ROOM: usize = 640;

/// RFC 9457 §3.
pub(super) struct Problem<'a> {
    pub(super) r#type: &'a str,
    pub(super) title: &'a str,
    pub(super) status: u16,
    pub(super) detail: &'a str,
    pub(super) key: Option<&'a str>,
    /// Where there are several: all of them.
    pub(super) keys: Option<&'a [String]>,
    pub(super) waited_ms: Option<u64>,
    pub(super) retry_after_ms: Option<u64>,
    pub(super) holder: Option<HolderView<'a>>,
}

impl Problem<'_> {
    /// The document as it is sent. Names are written as they are; of what stands behind them, a library knows how it is
    /// written.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut json = Json(Vec::with_capacity(ROOM));
        json.text("{\"type\":", self.r#type);
        json.text(",\"title\":", self.title);
        json.number(",\"status\":", self.status.into());
        json.text(",\"detail\":", self.detail);
        if let Some(key) = self.key {
            json.text(",\"key\":", key);
        }
        if let Some(keys) = self.keys {
            json.value(",\"keys\":", keys);
        }
        if let Some(waited) = self.waited_ms {
            json.number(",\"waited_ms\":", waited);
        }
        if let Some(after) = self.retry_after_ms {
            json.number(",\"retry_after_ms\":", after);
        }
        if let Some(holder) = &self.holder {
            json.text(",\"holder\":{\"method\":", holder.method);
            json.text(",\"route\":", holder.route);
            json.text(",\"since\":", holder.since);
            json.number(",\"age_ms\":", holder.age_ms);
            json.raw("}");
        }
        json.raw("}");
        json.0
    }
}

struct Json(Vec<u8>);

impl Json {
    fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    fn text(&mut self, name: &str, text: &str) {
        self.raw(name);
        if text
            .bytes()
            .fold(true, |is_plain, byte| is_plain & is_plain_byte(byte))
        {
            self.raw("\"");
            self.raw(text);
            self.raw("\"");
        } else {
            self.value("", text);
        }
    }

    fn number(&mut self, name: &str, number: u64) {
        self.value(name, &number);
    }

    fn value(&mut self, name: &str, value: &(impl serde::Serialize + ?Sized)) {
        self.raw(name);
        serde_json::to_writer(&mut self.0, value)
            .expect("strings and numbers can be written as JSON, and to memory");
    }
}

/// Whether it stands for itself in a string (RFC 8259 §7).
const fn is_plain_byte(byte: u8) -> bool {
    !matches!(byte, 0..=0x1f | b'"' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_stands_in_it_is_read_again_as_it_was() {
        for text in ["order:7", "a\"b\\c\n\u{1}\u{7f}\u{2028}ä😀", ""] {
            let keys = [text.to_owned(), text.to_owned()];
            let problem = Problem {
                r#type: text,
                title: text,
                status: 409,
                detail: text,
                key: Some(text),
                keys: Some(&keys),
                waited_ms: Some(u64::MAX),
                retry_after_ms: Some(0),
                holder: Some(HolderView {
                    method: text,
                    route: text,
                    since: text,
                    age_ms: 5,
                }),
            };
            let read: serde_json::Value = serde_json::from_slice(&problem.write()).expect("JSON");
            let holder =
                serde_json::json!({"method": text, "route": text, "since": text, "age_ms": 5});
            assert_eq!(
                read,
                serde_json::json!({
                    "type": text, "title": text, "status": 409, "detail": text, "key": text, "keys": keys,
                    "waited_ms": u64::MAX, "retry_after_ms": 0, "holder": holder
                })
            );
        }
    }
}
