//! What the programs beside which the gateway is measured have in common.

pub mod message;
pub mod response;
