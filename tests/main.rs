//! Every integration test, in one binary: one link, one place for the support code.

mod reference;
mod tidy;
