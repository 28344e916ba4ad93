//! What of the body a verdict depends on, before that is read.

use http::Method;

use super::Policy;
use super::fields::has_media_type;
use super::plan::{Awaits, Guard, Head, Purpose};

impl Policy {
    /// Backends that look for `_method` in an urlencoded body do so in a `POST`. Where every method comes to the same guard,
    /// it need not be known.
    pub(super) fn awaits(
        &self,
        head: &Head<'_>,
        awaits_keys: bool,
        guard: Option<&Guard>,
    ) -> Awaits {
        let is_settled =
            !self.tells_methods_apart && guard.is_some_and(|guard| guard.purpose == Purpose::Write);
        let may_override = || {
            *head.method == Method::POST
                && has_media_type(head.headers, "application/x-www-form-urlencoded")
        };
        match head.content {
            None if awaits_keys => Awaits::Keys,
            None if !is_settled && may_override() => Awaits::Method,
            None | Some(_) => Awaits::Nothing,
        }
    }
}
