//! Every integration test, in one binary: one link, one place for the support code.

mod access_log;
mod applications;
mod audit;
mod bulk;
mod documents;
mod keep_alive;
mod peers;
mod process;
mod reference;
mod resets;
mod settle;
mod storms;
mod support;
mod tidy;
