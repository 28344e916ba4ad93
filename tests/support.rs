//! What the tests run against and with: real programs, the witness backend, and storms of clients.

pub(crate) mod by_hand;
pub(crate) mod certificates;
pub(crate) mod gateway;
pub(crate) mod haproxy;
pub(crate) mod history;
pub(crate) mod http1;
pub(crate) mod log;
pub(crate) mod loopback;
pub(crate) mod message;
pub(crate) mod mirror;
pub(crate) mod nginx;
pub(crate) mod php;
pub(crate) mod pipes;
pub(crate) mod program;
pub(crate) mod python;
pub(crate) mod queueing;
pub(crate) mod spelling;
pub(crate) mod storm;
pub(crate) mod streams;
pub(crate) mod tally;
pub(crate) mod tested;
pub(crate) mod tls;
pub(crate) mod witness;
