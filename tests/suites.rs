//! Suites and tools that others wrote, against the gateway as users run it: what they find is in `docs/conformance.md`.

mod answers;
mod caches;
mod http2;
mod load;
mod slow;
mod varnish;
mod versions;
