//! What is logged on the thread of a test.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::Level;
use tracing::subscriber::DefaultGuard;

/// It has what is logged for as long as the guard is there.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no other holds it").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// What is at least as grave as `level`.
    pub(crate) fn begin(level: Level) -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(level)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// The fields of each line with this target.
    pub(crate) fn of(&self, target: &str) -> Vec<Value> {
        let bytes = self.0.lock().expect("no other holds it").clone();
        let text = String::from_utf8(bytes).expect("the log is text");
        let lines = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("each line is a document"));
        let lines = lines.filter(|line: &Value| line["target"] == target);
        lines.map(|line| line["fields"].clone()).collect()
    }
}
