//! How a `CallAccessList` is written as JSON and read back, in the form of Gong's request body.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::{CallAccessList, Pair};
use crate::id::{CallId, UserId};
use crate::json::{Object, Strict};

/// Writes `{"callAccessList":[{"callId":"…","userIds":["…"]}]}`.
impl Serialize for CallAccessList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("CallAccessList", 1)?;
        body.serialize_field("callAccessList", &Entries(self))?;
        body.end()
    }
}

/// The calls of a list, as the array `callAccessList`.
struct Entries<'a>(&'a CallAccessList);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Only a slice has `chunk_by`. On the B-tree's own iterator, each call would be walked twice,
        // once to find where its users end.
        let pairs: Vec<&Pair> = self.0.pairs.iter().collect();
        let calls = pairs.chunk_by(|(call, _), (next, _)| call == next);
        serializer.collect_seq(calls.map(Entry))
    }
}

/// The pairs of one call, as an element of `callAccessList`.
struct Entry<'a>(&'a [&'a Pair]);

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entry = serializer.serialize_struct("Entry", 2)?;
        entry.serialize_field("callId", &self.0.first().map(|(call, _)| call))?;
        entry.serialize_field("userIds", &Users(self.0))?;
        entry.end()
    }
}

/// The users of one call, as the array `userIds`.
struct Users<'a>(&'a [&'a Pair]);

impl Serialize for Users<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(_, user)| user))
    }
}

/// Reads what [`Serialize`] writes. Unknown fields are ignored, since Gong may add some at any time.
impl<'de> Deserialize<'de> for CallAccessList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            call_access_list: Vec<Object<Item>>,
        }
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Item {
            call_id: CallId,
            user_ids: Vec<UserId>,
        }
        let Strict(body): Object<Body> = Deserialize::deserialize(deserializer)?;
        let calls = body.call_access_list.into_iter();
        let pairs = calls.flat_map(|Strict(Item { call_id, user_ids })| {
            user_ids.into_iter().map(move |user| (call_id, user))
        });
        Ok(pairs.collect())
    }
}
