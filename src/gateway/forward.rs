//! The exchange of a request, as the spine sees it: what is sent upstream, and what is made of the reply.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use h2::ext::Protocol;
use http::header::HOST;
use http::{Extensions, HeaderName, HeaderValue, Uri, Version};
use tokio::time::timeout_at;
use tracing::debug;

use super::join::Standing;
use super::read::{broken_upload, expects_continue};
use super::{Answered, Gateway, Trip};
use crate::body::{Body, Edit, Gate, Received, Upload, UploadFault};
use crate::policy::forward;
use crate::policy::head::{Fields, RequestHead};
use crate::policy::present::Named;
use crate::policy::rejection::Rejection;
use crate::policy::{Pass, Plan, RequestId};
use crate::table::Grant;
use crate::upstream::{Added, Connect, Fault, Outgoing, Reply, Terms};

/// How long the upstream has to answer an expectation before the body is sent all the same.
const EXPECT_PATIENCE: Duration = Duration::from_secs(1);

impl<C: Connect> Gateway<C> {
    /// Sends the request upstream under its grant, and waits for the response.
    pub(super) async fn exchange(
        &self,
        head: Box<RequestHead>,
        received: Received,
        own: Standing,
        plan: &Plan,
        trip: &mut Trip<'_>,
    ) -> Result<Reply, Rejection> {
        let Standing { grant, lead } = own;
        let gate = (received.rest.is_some() && expects_continue(&head))
            .then(|| Rc::new(Gate::new(EXPECT_PATIENCE)));
        let terms = Rc::new(Terms {
            limits: Rc::clone(self.upstream.limits()),
            client: RefCell::new(Some(Rc::downgrade(&trip.peer.client))),
            asks_upgrade: head.version >= Version::HTTP_11
                && head.fields.present().has(Named::Upgrade)
                && forward::upgrade(&head.fields.map()).is_some(),
            asks_tunnel: head.extensions.get::<Protocol>().is_some(),
            takes_interims: head.version >= Version::HTTP_11,
            at_work: trip.counted_with(trip.peer.work()),
            lead: RefCell::new(lead),
            gate: gate.clone(),
            route: plan.route,
            is_write: plan.is_write,
        });
        let is_guarded = grant.as_ref().is_some_and(Grant::is_guarded);
        let told = Told {
            pass: grant.as_ref().and_then(Grant::pass).or(trip.pass),
            number: grant.as_ref().and_then(Grant::number),
        };
        let pace = self.pace(is_guarded, received.rest.as_ref());
        let (upload, fault) = Upload::new(received, pace, gate, self.config().server.max_body);
        let request = self.outgoing(head, upload, (terms.gate.is_some(), told), trip);
        trip.begin_exchange();
        let sending = self.upstream.send(request, grant, terms);
        let sent = match trip.until {
            None => Ok(sending.await),
            Some(until) => timeout_at(until, sending).await,
        };
        trip.end_exchange();
        let sent = sent.map_err(|_elapsed| Rejection::ExchangeTimeout {
            is_write: plan.is_write,
        })?;
        sent.map_err(|broken| {
            debug!(request_id = trip.request_id.text(&mut [0; 32]), fault = %broken.chain(), "no response");
            match (fault.and_then(|fault| fault.get()), &broken) {
                // Nobody can answer what has not come.
                (Some(UploadFault::Awaited), Fault::ResponseTimeout) => Rejection::BodyTooSlow,
                (Some(UploadFault::Awaited) | None, _) => rejection(&broken, plan.is_write),
                (Some(fault), _) => broken_upload(fault, trip),
            }
        })
    }

    /// The request as it is written to the upstream.
    fn outgoing(
        &self,
        mut head: Box<RequestHead>,
        body: Upload,
        (keeps_expect, told): (bool, Told),
        trip: &Trip<'_>,
    ) -> Outgoing {
        let upstream = &self.config().upstream;
        head.extensions = Extensions::new();
        let uri = std::mem::take(&mut head.uri).into_parts();
        head.uri = uri.path_and_query.map_or_else(Uri::default, Uri::from);
        let received = std::mem::replace(&mut head.version, Version::HTTP_11);
        let fields = &mut head.fields;
        // RFC 9112 §3.2.2: the authority of an absolute target is the host.
        if let Some(authority) = uri.authority
            && let Ok(host) = HeaderValue::try_from(authority.as_str())
        {
            fields.map_mut().insert(HOST, host);
        }
        forward::prepare_request(fields, received, keeps_expect);
        let caller = &trip.peer.caller;
        if let Some(name) = self.subject_header() {
            let subject = caller.subject.as_deref();
            let subject = subject.and_then(|text| HeaderValue::from_str(text).ok());
            forward::tell(fields.map_mut(), name, subject);
        }
        let host = fields.value(Named::Host);
        let has_host = host.is_some();
        let introduction = if fields.present().tells_of_client() {
            let host = host.and_then(|host| HeaderValue::from_bytes(host).ok());
            let hop = caller.hop(host.as_ref(), received, upstream);
            forward::introduce(fields.map_mut(), &hop);
            None
        } else {
            Some(caller.introduced(host, received, upstream))
        };
        if let Some(name) = &upstream.sequence_header {
            forward::tell(fields.map_mut(), name, told.number.map(HeaderValue::from));
        }
        let request_id = name_request(fields, trip);
        if !has_host {
            let host = HeaderValue::from_static("localhost");
            fields.map_mut().insert(HOST, host);
        }
        let added = Added {
            introduction,
            request_id,
            pass: told.pass,
        };
        Outgoing { head, added, body }
    }

    /// The field that tells the upstream whose certificate the client has shown.
    fn subject_header(&self) -> Option<&HeaderName> {
        self.config().server.tls.as_ref()?.subject_header.as_ref()
    }

    /// What is done to the trailer sections of clients.
    pub(super) fn trailer_edit(&self) -> Option<Edit> {
        let subject = self.subject_header()?.clone();
        Some(Box::new(move |trailers| {
            forward::prepare_trailers(trailers, &subject);
        }))
    }

    /// The upstream's response as it is written to the client.
    pub(super) fn answer(&self, reply: Reply, trip: &Trip<'_>) -> Answered {
        let (mut head, body) = match reply {
            Reply::Answered(head, body) => (head, body),
            Reply::Tunnel(head, tunnel) => {
                trip.peer.join(tunnel);
                (head, Body::whole(bytes::Bytes::new()))
            }
        };
        forward::prepare_response(&mut head);
        Answered { head, body }
    }
}

/// What the upstream is told of the claim.
#[derive(Clone, Copy)]
struct Told {
    pass: Option<Pass>,
    number: Option<u64>,
}

/// The name of a request that has come with none. One that is none, or is not the only one, is replaced.
fn name_request(fields: &mut Fields, trip: &Trip<'_>) -> Option<RequestId> {
    let id = &trip.request_id;
    if !fields.present().has(Named::RequestId) {
        return Some(id.clone());
    }
    let is_alone = fields.values(Named::RequestId).nth(1).is_none();
    if !(is_alone && matches!(id, RequestId::Given(_))) {
        let fields = fields.map_mut();
        fields.insert(forward::X_REQUEST_ID, id.value());
    }
    None
}

fn rejection(fault: &Fault, is_write: bool) -> Rejection {
    match fault {
        Fault::Unreachable(error) => Rejection::Unreachable {
            is_refused: error.kind() == ErrorKind::ConnectionRefused,
        },
        Fault::ConnectTimeout => Rejection::ConnectTimeout,
        Fault::ClientLeft => Rejection::ClientLeft,
        Fault::NotSent { .. } => Rejection::NotSent,
        Fault::Broken { .. } => Rejection::UpstreamBroken { is_write },
        Fault::Malformed(_) | Fault::Unparsed(_) | Fault::NotAsked => {
            Rejection::UpstreamInvalid { is_write }
        }
        Fault::Silent | Fault::ResponseTimeout => Rejection::ResponseTimeout { is_write },
    }
}
