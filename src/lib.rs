//! A blocking client for one Gong resource: which users may open which calls.

mod access_list;
mod id;

pub use access_list::{CallAccessList, Pairs};
pub use id::{CallId, InvalidId, UserId};
