//! writegate: a reverse proxy that gives any HTTP backend safe concurrent writes.
#![allow(missing_docs, reason = "skeleton")]
pub mod policy;
pub mod config;
