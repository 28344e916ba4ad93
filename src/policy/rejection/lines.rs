//! The most frequent answer, a conflict told as a problem document, written in one piece as it goes over HTTP/1.1: its fields as
//! lines, and its content behind them.
//!
//! Invariant: it says what [`Rejection::answer`] says.

use bytes::Bytes;

use super::answer::seconds_up;
use super::problem::Room;
use super::told::Told;
use super::{Cors, Form, Rejection, Telling};
use crate::policy::head::ResponseHead;
use crate::policy::present::{Named, Present};

/// The fields that it has, of those that are asked for.
const PRESENT: Present = Present::NONE.with(Named::ContentType);

impl Rejection {
    /// The answer, its head as it is sent on. The most frequent one is written in this room.
    pub fn told(&self, telling: &Telling<'_>, room: &mut Room) -> (Box<ResponseHead>, Bytes) {
        if let Some(told) = self.lines(telling, room) {
            return told;
        }
        let (head, content) = self.answer(telling).into_parts();
        (Box::new(head.into()), content)
    }

    /// None where it has more fields, or others.
    fn lines(&self, telling: &Telling<'_>, room: &mut Room) -> Option<(Box<ResponseHead>, Bytes)> {
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
        let mut text = room.begin();
        text.say("content-type: application/problem+json\r\nretry-after: ");
        text.number(after);
        text.say("\r\ncache-control: no-store\r\nproxy-status: ");
        text.value(&kind.proxy_status);
        text.say("\r\n");
        let end = text.len();
        self.tell_problem(kind, telling, &mut text);
        let mut content = room.end();
        let lines = content.split_to(end);
        let head = ResponseHead::of_written(self.status(), lines, PRESENT);
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
    fn it_says_in_lines_what_it_says_in_fields() {
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
                    let has_lines = rejection.lines(&telling, &mut room).is_some();
                    let is_usual = rejection.retry_after().is_some() && form == Form::Problem;
                    assert_eq!(has_lines, is_usual && !is_last, "{rejection:?} {form:?}");
                    let expected = rejection.answer(&telling);
                    assert_eq!(head.status, expected.status());
                    assert_eq!(content, expected.body());
                    let fields = head.into_parts().headers;
                    assert!(fields.iter().eq(expected.headers()), "{fields:?}");
                }
            }
        }
    }
}
