//! What the client gets and what the hold does, for everything that can happen to a request: the settle table, row by row,
//! over pipes, on a paused clock, with an origin that is answered by hand.

mod answers;
mod bounds;
mod connections;
mod content;
mod forms;
mod forwarding;
mod interims;
mod joined;
mod leaving;
mod limits;
mod malformed;
mod modes;
mod nested;
mod overlaps;
mod parsed;
mod responses;
mod slow;
mod stale;
mod streams;
mod streams_upstream;
mod turns;
mod uploads;
mod upstream;
mod whole;
