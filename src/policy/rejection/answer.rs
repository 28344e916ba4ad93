//! The answer to a rejection: its status, its fields and its body, in the form that its reader wants.

use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response};

use super::kind::Kind;
use super::problem::{self, Json};
use super::template::View;
use super::told::Told;
use super::{Conflict, Disclose, Form, Rejection, Telling, Template, grpc};
use crate::policy::head::{NOT_STORED, PROXY_STATUS};

/// As many fields as most answers have.
const FIELDS: usize = 6;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Rejection {
    /// The answer itself.
    pub fn answer(&self, telling: &Telling<'_>) -> Response<Bytes> {
        let kind = self.kind();
        let form = telling.audience.form();
        let mut fields = HeaderMap::with_capacity(FIELDS);
        fields.insert(CONTENT_TYPE, form.content_type());
        let body = self.render(form, kind, telling, &mut fields);
        if let Some(after) = self.retry_after() {
            fields.insert(RETRY_AFTER, HeaderValue::from(seconds_up(after)));
        }
        fields.insert(CACHE_CONTROL, HeaderValue::from_static(NOT_STORED));
        fields.insert(PROXY_STATUS, kind.proxy_status.clone());
        let cors = &telling.answers.cors;
        cors.admit(telling.audience.origin.as_ref(), &mut fields);
        if telling.is_last {
            fields.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let mut response = Response::new(body);
        *response.headers_mut() = fields;
        match form {
            Form::Problem | Form::Text | Form::Html => *response.status_mut() = self.status(),
            // Over HTTP a call that has failed has gone well.
            Form::Grpc | Form::GrpcWeb => {}
        }
        response
    }

    /// The body in this form, and the fields that the form has beside `Content-Type`.
    fn render(
        &self,
        form: Form,
        kind: &Kind,
        telling: &Telling<'_>,
        fields: &mut HeaderMap,
    ) -> Bytes {
        let templates = &telling.answers.templates;
        let own = |template: &Option<Template>| {
            let template = template.as_ref()?;
            self.with_view(telling, |view| template.render(view)).ok()
        };
        match form {
            Form::Problem => match own(&templates.json) {
                Some(json) => {
                    fields.insert(CONTENT_TYPE, JSON);
                    json.into()
                }
                None => problem::write(|json| self.tell_problem(kind, telling, json)),
            },
            Form::Text => match own(&templates.text) {
                Some(text) => text.into(),
                None => format!("{}\n\n{}\n", kind.title, self.detail(telling)).into(),
            },
            Form::Html => {
                let (page, policy) = self.with_view(telling, |view| templates.page.render(view));
                fields.insert(CONTENT_SECURITY_POLICY, policy);
                let nosniff = HeaderValue::from_static("nosniff");
                fields.insert(X_CONTENT_TYPE_OPTIONS, nosniff);
                page.into()
            }
            Form::Grpc | Form::GrpcWeb => {
                grpc::insert(fields, kind, &self.detail(telling), self.retry_after());
                Bytes::new()
            }
        }
    }

    /// What may be told of it.
    pub(super) fn with_view<T>(
        &self,
        telling: &Telling<'_>,
        use_it: impl FnOnce(&View<'_>) -> T,
    ) -> T {
        let kind = self.kind();
        let disclose = telling.answers.disclose;
        let told = self.met().filter(|_| disclose != Disclose::None);
        let holder = told
            .filter(|_| disclose == Disclose::Holder)
            .map(Conflict::holder);
        use_it(&View {
            name: kind.name,
            r#type: &[&*telling.answers.type_base, "#", kind.name].concat(),
            title: kind.title,
            status: self.status().as_u16(),
            detail: &self.detail(telling),
            method: telling.method.as_str(),
            sent: kind.sent,
            retry_after: self.retry_after().map(seconds_up),
            keys: told.map_or(&[], |conflict| &conflict.keys),
            holder,
        })
    }

    /// The problem document.
    pub(super) fn tell_problem(&self, kind: &Kind, telling: &Telling<'_>, json: &mut Json<'_>) {
        json.say("{\"type\":\"");
        // A URI has nothing to escape (RFC 3986 §2).
        json.say(&telling.answers.type_base);
        json.say(kind.as_json);
        json.say(self.status().as_str());
        json.say(",\"detail\":\"");
        match self.met() {
            Some(conflict) => {
                conflict.tell(telling, json);
                conflict.add_members(telling.answers.disclose, json);
            }
            None => {
                json.quote(&self.detail(telling));
                json.say("\"");
            }
        }
        json.say("}");
    }
}

pub(super) fn seconds_up(duration: Duration) -> u64 {
    (duration.as_secs() + u64::from(duration.subsec_nanos() > 0)).max(1)
}
