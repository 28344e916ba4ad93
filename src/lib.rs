//! writegate: a reverse proxy that gives any HTTP backend safe concurrent writes.
pub mod body;
pub mod check;
pub mod cli;
pub mod config;
pub mod explain;
pub mod gateway;
pub mod policy;
pub mod server;
pub mod table;
pub mod upstream;
pub mod wire;
