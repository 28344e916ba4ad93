//! The problem document (RFC 9457).

use serde::Serialize;

use super::conflict::HolderView;

/// The room for one: most need no more.
const ROOM: usize = 512;

/// RFC 9457 §3.
#[derive(Serialize)]
pub(super) struct Problem<'a> {
    pub(super) r#type: &'a str,
    pub(super) title: &'a str,
    pub(super) status: u16,
    pub(super) detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<&'a str>,
    /// Where there are several: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) keys: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) waited_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) holder: Option<HolderView<'a>>,
}

impl Problem<'_> {
    /// The document as it is sent.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut json = Vec::with_capacity(ROOM);
        serde_json::to_writer(&mut json, self)
            .expect("a document of strings and numbers can be written as JSON");
        json
    }
}
