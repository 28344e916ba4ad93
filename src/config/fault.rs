//! What is wrong with a configuration, or gives pause, as it is found: all of it, before it is known in which file.
//!
//! Invariant: a text that has a fault makes no [`Config`](super::Config), so what stands in for a value that is wrong is
//! never used.

use std::fmt;
use std::ops::Range;

/// What is wrong, or gives pause, and where.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// In bytes of the file; none for what stands in no file.
    pub(super) span: Option<Range<usize>>,
    pub(super) message: String,
    /// What to write.
    pub(super) help: Option<String>,
    /// Another place that has to do with it, and what it is.
    pub(super) beside: Option<(Range<usize>, &'static str)>,
}

impl Fault {
    pub(super) fn new(span: Option<Range<usize>>, message: impl fmt::Display) -> Self {
        Self {
            span,
            message: message.to_string(),
            help: None,
            beside: None,
        }
    }

    pub(super) fn help(self, help: impl fmt::Display) -> Self {
        let help = Some(help.to_string());
        Self { help, ..self }
    }

    pub(super) fn beside(self, span: Option<Range<usize>>, label: &'static str) -> Self {
        let beside = span.map(|span| (span, label));
        Self { beside, ..self }
    }

    /// Where the message begins with a part of what it is about, as in "`{x}` is no source of keys", that part is the place.
    pub(super) fn narrow(&mut self, text: &str) {
        let Some(span) = &mut self.span else { return };
        let Some(of) = text.get(span.clone()) else {
            return;
        };
        let mut quoted = self.message.strip_prefix('`').into_iter();
        let part = quoted.find_map(|rest| rest.split('`').next());
        // But its quotes.
        let Some(part) = part.filter(|part| part.len() + 2 < of.len()) else {
            return;
        };
        let mut found = of.match_indices(part);
        if let (Some((at, _)), None) = (found.next(), found.next()) {
            let start = span.start + at;
            *span = start..start + part.len();
        }
    }
}

/// Every fault that was found so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(super) fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.0.extend(faults);
    }

    pub(super) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// The value, or note is taken of why there is none.
    pub(super) fn take<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.push(fault)).ok()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// To see later whether others have come.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// In the order of the file; what stands in none comes last.
    pub(super) fn in_order(mut self) -> Vec<Fault> {
        let place = |fault: &Fault| fault.span.as_ref().map_or(usize::MAX, |span| span.start);
        self.0.sort_by_key(place);
        self.0
    }
}
