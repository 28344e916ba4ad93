//! The fields of an urlencoded form, as browsers write it (WHATWG).

use crate::policy::content::{Content, Values};
use crate::policy::method::{METHOD_NAME, may_name_a_method};
use crate::policy::wanted::Wanted;

pub(super) fn content(text: &[u8], wanted: &Wanted) -> Content {
    let mut fields = Fields::default();
    // Most forms are read for their method alone, and most name none.
    if wanted.has_fields() || may_name_a_method(text) {
        for (name, value) in form_urlencoded::parse(text) {
            fields.add(&name, &value, wanted);
        }
    }
    fields.content()
}

/// What was found of a form.
#[derive(Default)]
pub(super) struct Fields {
    values: Values,
    methods: Vec<String>,
}

impl Fields {
    /// A field, which may be one that is wanted, and one that overrides the method.
    pub(super) fn add(&mut self, name: &str, value: &str, wanted: &Wanted) {
        if wanted.is_field(name) {
            self.values.add(name, value);
        }
        if name == METHOD_NAME {
            self.methods.push(value.to_owned());
        }
    }

    pub(super) fn content(self) -> Content {
        Content::of_form(Ok(self.values), self.methods)
    }
}
