//! Every integration test, in one binary: one link, one place for the support code.

mod access_log;
mod applications;
mod audit;
mod bulk;
mod clients;
mod connections;
mod corpus;
mod crowd;
mod demo;
mod documents;
mod faults;
mod keep_alive;
mod peers;
mod process;
mod readers;
mod readme;
mod recipes;
mod reference;
mod resets;
mod secure;
mod settle;
mod simulation;
mod storms;
mod suites;
mod support;
mod tidy;
