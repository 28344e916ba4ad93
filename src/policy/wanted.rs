//! What of bodies the keys of a policy are made of: a tree of the places in JSON, and the names of fields in forms.
//!
//! It is made once for all routes, so that reading a body asks nothing of the route, and costs the same however many there are.

use super::pointer::Pointer;
use super::source::Source;

/// What some key is made of.
#[derive(Debug, Default)]
pub struct Wanted {
    json: Place,
    /// Sorted, no two equal.
    fields: Vec<Box<str>>,
}

/// A place in a document, and what is wanted below it.
#[derive(Debug, Default)]
pub struct Place {
    /// The pointers that end here, as they are written.
    ends: Vec<Box<str>>,
    /// By the name of a member or the index of an element, in lower case; sorted.
    below: Vec<(Box<str>, Self)>,
}

impl Wanted {
    pub(super) fn add(&mut self, source: &Source) {
        match source {
            Source::Json(pointer) => self.json.add(pointer, 0),
            Source::Form(name) => {
                if let Err(at) = self.fields.binary_search(name) {
                    self.fields.insert(at, name.clone());
                }
            }
            Source::Parameter { .. }
            | Source::Rest { .. }
            | Source::Path
            | Source::Method
            | Source::Host
            | Source::ClientSubject
            | Source::Query(_)
            | Source::Header(_)
            | Source::Cookie(_) => {}
        }
    }

    /// The root of a JSON document.
    pub fn json(&self) -> &Place {
        &self.json
    }

    /// Whether some field of a form is wanted.
    pub fn has_fields(&self) -> bool {
        !self.fields.is_empty()
    }

    /// Whether this field of a form is wanted.
    pub fn is_field(&self, name: &str) -> bool {
        let found = self.fields.binary_search_by(|field| (**field).cmp(name));
        found.is_ok()
    }
}

impl Place {
    fn add(&mut self, pointer: &Pointer, depth: usize) {
        let Some(token) = pointer.tokens().get(depth) else {
            if self.ends.iter().all(|end| **end != *pointer.as_str()) {
                self.ends.push(pointer.as_str().into());
            }
            return;
        };
        let name = token.to_ascii_lowercase();
        let at = match self.find(&name) {
            Ok(at) => at,
            Err(at) => {
                self.below.insert(at, (name.into(), Self::default()));
                at
            }
        };
        self.below[at].1.add(pointer, depth + 1);
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        let lower = |c: u8| c.to_ascii_lowercase();
        self.below
            .binary_search_by(|(known, _)| known.bytes().cmp(name.bytes().map(lower)))
    }

    /// The pointers that end here.
    pub fn ends(&self) -> impl Iterator<Item = &str> {
        self.ends.iter().map(|end| &**end)
    }

    /// The member of this name. Case makes no difference: Go and .NET take `From` for `from`.
    pub fn member(&self, name: &str) -> Option<&Self> {
        let at = self.find(name).ok()?;
        Some(&self.below[at].1)
    }

    /// The element of this index: by the index, and as one of all.
    pub fn element(&self, index: usize) -> impl Iterator<Item = &Self> {
        let all = self.member("*");
        let has_index = self.below.len() > usize::from(all.is_some());
        let one = has_index.then(|| self.member(&index.to_string())).flatten();
        all.into_iter().chain(one)
    }
}
