//! What the crate does, seen from outside: one module for each area.

#![allow(unreachable_pub, reason = "every module is private here")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

mod auto_traits;
mod batches;
mod chaos;
mod config;
mod connection;
mod faults;
mod ids_and_lists;
mod listings;
mod modules;
mod proxy;
mod rate_limit;
mod responses;
mod retries;
mod secrets;
mod stop;
mod tls;
mod total_timeout;
