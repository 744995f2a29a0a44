//! The built program, driven as an administrator would.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

mod check;
mod files;
mod help;
mod jobs;
mod kills;
mod list;
mod reconcile;
#[cfg(unix)]
mod signals;
#[cfg(target_os = "linux")]
mod terminal;
#[cfg(unix)]
mod unix_files;
