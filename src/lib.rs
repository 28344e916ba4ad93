//! writegate: a reverse proxy that gives any HTTP backend safe concurrent writes.
#![allow(missing_docs, reason = "skeleton")]
pub mod config;
pub mod policy;
