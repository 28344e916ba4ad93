//! The configuration as it is written: every setting optional, every value of its own type, nothing else let in.

use serde::Deserialize;
use toml::Spanned;

use super::choice::{Missing, Named, Status};
use super::conflict::Conflict;
use super::table::Read;
use super::value::{Count, OneOrMany, Positive, Size, Span, TypeBase};
use super::{Disclose, Forwarding, Protocol};
use crate::policy::Scope;
use crate::tls::{Demand, Oldest};

#[derive(Default)]
pub(super) struct RawConfig {
    pub(super) server: Read<RawServer>,
    pub(super) server_tls: Read<RawServerTls>,
    pub(super) upstream: Read<RawUpstream>,
    pub(super) upstream_tls: Read<RawUpstreamTls>,
    pub(super) answers: Read<RawAnswers>,
    pub(super) guard: Read<RawGuard>,
    pub(super) route: Vec<Read<RawRoute>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawServer {
    pub(super) listen: Option<Spanned<OneOrMany>>,
    pub(super) workers: Option<Spanned<Count>>,
    pub(super) drain: Option<Span>,
    pub(super) max_holds: Option<Count>,
    pub(super) buffers: Option<Spanned<Size>>,
    pub(super) request_buffer: Option<Spanned<Size>>,
    pub(super) max_body: Option<Size>,
    pub(super) response_buffer: Option<Size>,
    pub(super) send_timeout: Option<Positive>,
    pub(super) idle_timeout: Option<Positive>,
    pub(super) receive_timeout: Option<Positive>,
    pub(super) min_body_rate: Option<Size>,
    pub(super) max_streams: Option<Count>,
    pub(super) max_head: Option<Spanned<Size>>,
    pub(super) max_fields: Option<Spanned<Count>>,
    pub(super) max_target: Option<Spanned<Size>>,
    pub(super) head_timeout: Option<Positive>,
    pub(super) body_timeout: Option<Positive>,
    pub(super) max_connections: Option<Spanned<Count>>,
    pub(super) max_connections_per_client: Option<Spanned<Count>>,
    pub(super) max_requests: Option<Count>,
    pub(super) access_log: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawServerTls {
    pub(super) certificates: Option<Vec<Spanned<RawPair>>>,
    pub(super) min_version: Option<Named<Oldest>>,
    pub(super) client_ca: Option<Spanned<String>>,
    pub(super) client_certificate: Option<Spanned<Named<Demand>>>,
    pub(super) subject_header: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPair {
    pub(super) certificate: Option<Spanned<String>>,
    pub(super) key: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawUpstreamTls {
    pub(super) ca: Option<Spanned<String>>,
    pub(super) server_name: Option<Spanned<String>>,
    pub(super) certificate: Option<Spanned<String>>,
    pub(super) key: Option<Spanned<String>>,
    pub(super) danger_accept_invalid_certificates: Option<Spanned<bool>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawUpstream {
    pub(super) url: Option<Spanned<OneOrMany>>,
    pub(super) servers: Option<Spanned<OneOrMany>>,
    pub(super) protocol: Option<Spanned<Named<Protocol>>>,
    pub(super) connect_timeout: Option<Positive>,
    pub(super) response_timeout: Option<Spanned<Positive>>,
    pub(super) exchange_timeout: Option<Spanned<Positive>>,
    pub(super) idle_timeout: Option<Span>,
    pub(super) keep_case: Option<bool>,
    pub(super) sequence_header: Option<Spanned<String>>,
    pub(super) via: Option<bool>,
    pub(super) forwarded: Option<Named<Forwarding>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAnswers {
    pub(super) type_base: Option<TypeBase>,
    pub(super) disclose: Option<Named<Disclose>>,
    pub(super) cors: Option<Spanned<OneOrMany>>,
    pub(super) html: Option<Spanned<String>>,
    pub(super) json: Option<Spanned<String>>,
    pub(super) text: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawPost {
    Observe,
    Guard,
    Forward,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawMode {
    Exclusive,
    Shared,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawDuplicate {
    Join,
    Conflict,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawReads {
    Shared,
    Forward,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawGuard {
    pub(super) methods: Option<Spanned<OneOrMany>>,
    pub(super) post: Option<Spanned<Named<RawPost>>>,
    pub(super) key: Option<Spanned<OneOrMany>>,
    pub(super) keys: Option<Spanned<OneOrMany>>,
    pub(super) on_conflict: Option<Spanned<Conflict>>,
    pub(super) on_duplicate: Option<Spanned<Named<RawDuplicate>>>,
    pub(super) mode: Option<Spanned<Named<RawMode>>>,
    pub(super) reads: Option<Spanned<Named<RawReads>>>,
    pub(super) scope: Option<Spanned<Named<Scope>>>,
    pub(super) status: Option<Spanned<Status>>,
    pub(super) max_work: Option<Spanned<Span>>,
    pub(super) on_missing_key: Option<Spanned<Missing>>,
    pub(super) distinguish: Option<Spanned<OneOrMany>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRoute {
    pub(super) path: Option<Spanned<String>>,
    pub(super) host: Option<Spanned<String>>,
    pub(super) guard: Option<bool>,
    pub(super) methods: Option<Spanned<OneOrMany>>,
    pub(super) key: Option<Spanned<OneOrMany>>,
    pub(super) keys: Option<Spanned<OneOrMany>>,
    pub(super) on_conflict: Option<Spanned<Conflict>>,
    pub(super) on_duplicate: Option<Spanned<Named<RawDuplicate>>>,
    pub(super) mode: Option<Spanned<Named<RawMode>>>,
    pub(super) reads: Option<Spanned<Named<RawReads>>>,
    pub(super) scope: Option<Spanned<Named<Scope>>>,
    pub(super) status: Option<Spanned<Status>>,
    pub(super) max_work: Option<Spanned<Span>>,
    pub(super) on_missing_key: Option<Spanned<Missing>>,
    pub(super) distinguish: Option<Spanned<OneOrMany>>,
}
