//! writegate: a reverse proxy that gives any HTTP backend safe concurrent writes.
//!
//! It stands in front of a backend that cannot be changed, keeps at most one write in flight per
//! resource, answers a write that would overlap with `409 Conflict`, and forwards everything else.
//!
//! # The life of a request
//!
//! | step | what happens | where |
//! |---|---|---|
//! | receive | the raw head is checked; what can be read in two ways is refused | [`wire`], [`policy::head`] |
//! | route | the canonical path finds the route; what nothing guards is forwarded as it streams | [`policy`] |
//! | key | the route derives the resource keys; where a body names them, once that is here | [`policy`], [`content`] |
//! | read | a small body is read whole, of a large one a buffer full: no slow sender takes a hold | [`gateway`], [`body`] |
//! | claim | all keys or none, in one critical section | [`table`], [`policy::key_state`] |
//! | exchange | the request is sent and the response read, by a future that owns the hold | [`upstream`] |
//! | settle | the hold ends by proof, or by a bounded time | [`upstream`], [`table`] |
//!
//! [`gateway::Gateway`] is the spine: it has one line for each step.
//!
//! # Invariants
//!
//! - For one key no two exclusive holds live at the same time. That is decided by
//!   [`policy::key_state::KeyState`] and made one critical section by [`table::Table`].
//! - A hold ends by proof, that the upstream is done or that nothing was sent, or by `max_work` after
//!   the last byte; never because a client left. A hold that is dropped without a verdict is an
//!   unknown outcome.
//! - A release compares the owner: the entry of another holder is never removed.
//! - A write that is refused was never sent. A write is sent a second time only if not one byte of it
//!   was written, as counted above the socket.
//! - What is forwarded is what the client sent. Canonical paths are for routes and keys alone.
//! - Whatever the gateway answers itself is a variant of [`policy::rejection::Rejection`], rendered there.
//! - Every queue, buffer, wait and retry has a bound.
//!
//! # Modules
//!
//! `main -> server -> gateway -> upstream -> table -> policy`, and never back. [`wire`] stands below
//! [`server`] and [`upstream`], [`body`] below [`gateway`] and [`upstream`]; [`tls`] below those and
//! [`config`], which gives types to all; [`content`] below [`gateway`] and [`explain`]. `tests/tidy.rs` holds it.
//!
//! - [`policy`] decides, and does nothing else: routes, methods, paths, keys, the state of a key, and every
//!   answer that the gateway makes itself. No clock, lock, log or I/O.
//! - [`table`] knows who holds what, shared by all workers, and hands out holds that cannot be forgotten.
//! - [`wire`] is what stands between HTTP and a socket: checks raw heads, reads responses, counts bytes, sees a hang-up,
//!   closes in stages.
//! - [`tls`] makes what TLS needs of PEM files, and makes it again when they change.
//! - [`content`] reads bodies for what keys are made of: decoded and parsed in memory, within bounds.
//! - [`body`] has the bodies that are read ahead within bounds, and report once how they ended.
//! - [`upstream`] has the exchange, which owns its hold and runs to its end, and the idle connections.
//! - [`gateway`] is the spine: one request, top to bottom, generic over its connections.
//! - [`server`] has the workers, the listeners, and the drain.
//! - [`config`] turns text into a [`config::Config`], whose types cannot be wrong.
//! - [`cli`] is the command line.
//! - [`demo`] shows all this: a backend that loses updates, and what is lost with the gateway in front of it.
//! - [`audit`] says which writes overlapped, from access logs of other servers;
//!   [`report`] sums up those of writegate itself.
//! - [`check`] and [`explain`] say what a configuration would do, and what would happen to one request.

pub mod audit;
pub mod body;
pub mod check;
pub mod cli;
pub mod config;
pub mod content;
pub mod demo;
pub mod explain;
pub mod gateway;
pub mod policy;
pub mod report;
pub mod server;
pub mod table;
pub mod tls;
pub mod upstream;
pub mod wire;
