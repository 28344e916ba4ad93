//! Informational responses: 100 opens the way for a body that waits for it, others go to the client.

use std::task::Context;

use http::{HeaderMap, StatusCode};

use super::Terms;
use crate::policy::forward::prepare_interim;

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
