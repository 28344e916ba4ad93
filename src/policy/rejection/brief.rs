//! The most frequent answer, a conflict told as a problem document, without a map of its fields.
//!
//! Invariant: it says what [`Rejection::answer`] says.

use super::answer::seconds_up;
use super::problem::{Room, Written};
use super::{Cors, Form, Rejection, Telling};
use crate::policy::head::{OwnFields, ResponseHead};

impl Rejection {
    /// The answer. The content of the most frequent one is written in this room.
    pub fn told(&self, telling: &Telling<'_>, room: &mut Room) -> (Box<ResponseHead>, Written) {
        if let Some(told) = self.briefly(telling, room) {
            return told;
        }
        let (head, content) = self.answer(telling).into_parts();
        (Box::new(head.into()), Written::Own(content))
    }

    /// None where it has more fields, or others.
    fn briefly(
        &self,
        telling: &Telling<'_>,
        room: &mut Room,
    ) -> Option<(Box<ResponseHead>, Written)> {
        let after = seconds_up(self.retry_after()?);
        let answers = telling.answers;
        let is_usual = telling.audience.form() == Form::Problem
            && answers.templates.json.is_none()
            && answers.cors == Cors::SameOrigin
            && !telling.is_last;
        if !is_usual {
            return None;
        }
        let kind = self.kind();
        let content = room.write(|json| self.tell_problem(kind, telling, json));
        let fields = OwnFields::new(after, &kind.proxy_status);
        let head = ResponseHead::of_own(self.status(), fields);
        Some((Box::new(head), content))
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::super::tests::answers;
    use super::super::{Answers, Audience, samples};
    use super::*;

    #[test]
    fn it_says_in_brief_what_it_says_in_a_map() {
        let mut room = Room::default();
        for rejection in samples::all() {
            for form in [Form::Problem, Form::Text, Form::Html, Form::Grpc] {
                for (is_last, cors) in [false, true].into_iter().zip([Cors::SameOrigin, Cors::Any])
                {
                    let answers = Answers { cors, ..answers() };
                    let telling = Telling {
                        answers: &answers,
                        audience: &Audience::wanting(form),
                        method: &Method::PUT,
                        is_last,
                    };
                    let (head, content) = rejection.told(&telling, &mut room);
                    let is_brief = rejection.briefly(&telling, &mut room).is_some();
                    let is_usual = rejection.retry_after().is_some() && form == Form::Problem;
                    assert_eq!(is_brief, is_usual && !is_last, "{rejection:?} {form:?}");
                    let expected = rejection.answer(&telling);
                    assert_eq!(head.status, expected.status());
                    assert_eq!(*content, **expected.body());
                    let fields = head.into_parts().headers;
                    assert!(fields.iter().eq(expected.headers()), "{fields:?}");
                }
            }
        }
    }
}
