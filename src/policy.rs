//! Decisions, and nothing but decisions.
