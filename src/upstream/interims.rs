//! Informational responses: 100 opens the way for a body that waits for it, others go to the client.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Context;

use http::{HeaderMap, Request, StatusCode};

use super::Terms;
use crate::body::Upload;
use crate::policy::forward::prepare_interim;

/// The informational responses that have come and were not acted on yet. hyper wants the callback
/// that fills them to be `Send`; there is never a second thread.
pub(super) struct Interims(Arc<Mutex<VecDeque<(StatusCode, HeaderMap)>>>);

impl Interims {
    pub(super) fn listen(request: &mut Request<Upload>) -> Self {
        let queue = Arc::new(Mutex::new(VecDeque::new()));
        let filled = Arc::clone(&queue);
        hyper::ext::on_informational(request, move |response| {
            let interim = (response.status(), response.headers().clone());
            filled
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_back(interim);
        });
        Self(queue)
    }

    pub(super) fn pass_on(&self, terms: &Terms, cx: &mut Context<'_>) {
        while let Some((status, fields)) = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
        {
            pass_on(terms, status, fields, cx);
        }
    }
}

/// Acts on an informational response.
pub(super) fn pass_on(
    terms: &Terms,
    status: StatusCode,
    mut fields: HeaderMap,
    cx: &mut Context<'_>,
) {
    match (&terms.gate, terms.client()) {
        (Some(gate), _) if status == StatusCode::CONTINUE => gate.open(),
        (None, _) if status == StatusCode::CONTINUE => {}
        (_, Some(client)) if terms.takes_interims => {
            prepare_interim(&mut fields);
            client.send_interim(status, &fields, cx);
        }
        (_, _) => {}
    }
}
