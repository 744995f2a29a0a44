//! The wire form of a `CallAccessList`: the body that Gong documents, both ways.

use serde::de::{Deserialize, Deserializer, IgnoredAny};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::{CallAccessList, Pair};
use crate::id::{CallId, UserId};

impl Serialize for CallAccessList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("CallAccessList", 1)?;
        body.serialize_field("callAccessList", &Entries(self))?;
        body.end()
    }
}

struct Entries<'a>(&'a CallAccessList);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A slice can be cut into calls where a B-tree's iterator would be walked twice.
        let pairs: Vec<&Pair> = self.0.pairs.iter().collect();
        let calls = pairs.chunk_by(|(call, _), (next, _)| call == next);
        serializer.collect_seq(calls.map(Entry))
    }
}

/// The pairs of one call.
struct Entry<'a>(&'a [&'a Pair]);

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entry = serializer.serialize_struct("Entry", 2)?;
        entry.serialize_field("callId", &self.0.first().map(|(call, _)| call))?;
        entry.serialize_field("userIds", &Users(self.0))?;
        entry.end()
    }
}

struct Users<'a>(&'a [&'a Pair]);

impl Serialize for Users<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(_, user)| user))
    }
}

impl<'de> Deserialize<'de> for CallAccessList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            call_access_list: Vec<Item>,
            // Without it, an array would do for an object.
            #[serde(flatten)]
            _rest: IgnoredAny,
        }
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Item {
            call_id: CallId,
            user_ids: Vec<UserId>,
            #[serde(flatten)]
            _rest: IgnoredAny,
        }
        let body = Body::deserialize(deserializer)?;
        Ok(body
            .call_access_list
            .into_iter()
            .flat_map(|item| {
                item.user_ids
                    .into_iter()
                    .map(move |user| (item.call_id, user))
            })
            .collect())
    }
}
