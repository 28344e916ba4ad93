//! Every integration test, in one binary: one link, one place for the support code.

mod peers;
mod storms;
mod support;
