//! The wire form of a `CallAccessList`: the body that Gong documents, both ways.

use std::cell::RefCell;
use std::collections::btree_set;

use serde::de::{Deserialize, Deserializer, IgnoredAny};
use serde::ser::{Serialize, SerializeSeq, SerializeStruct, Serializer};

use super::Pair;
use crate::{CallAccessList, CallId, UserId};

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
        let mut pairs = self.0.pairs.iter();
        let rest = Rest(RefCell::new((pairs.next(), pairs)));
        let mut entries = serializer.serialize_seq(None)?;
        while let Some(call) = rest.call() {
            entries.serialize_element(&Entry { call, rest: &rest })?;
            rest.take_users(call, |_| Ok::<(), S::Error>(()))?;
        }
        entries.end()
    }
}

/// What is not serialised yet: the next pair, and those behind it. One pass over the pairs does, since the
/// users of a call are taken from where the call was found.
struct Rest<'a>(RefCell<(Option<&'a Pair>, btree_set::Iter<'a, Pair>)>);

impl Rest<'_> {
    fn call(&self) -> Option<CallId> {
        self.0.borrow().0.map(|(call, _)| *call)
    }

    fn take_users<E>(
        &self,
        call: CallId,
        mut each: impl FnMut(&UserId) -> Result<(), E>,
    ) -> Result<(), E> {
        let (next, rest) = &mut *self.0.borrow_mut();
        while let Some((of, user)) = next {
            if *of != call {
                break;
            }
            each(user)?;
            *next = rest.next();
        }
        Ok(())
    }
}

/// One call with its users.
struct Entry<'r, 'a> {
    call: CallId,
    rest: &'r Rest<'a>,
}

impl Serialize for Entry<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entry = serializer.serialize_struct("Entry", 2)?;
        entry.serialize_field("callId", &self.call)?;
        entry.serialize_field("userIds", &Users(self))?;
        entry.end()
    }
}

struct Users<'e, 'r, 'a>(&'e Entry<'r, 'a>);

impl Serialize for Users<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Entry { call, rest } = self.0;
        let mut users = serializer.serialize_seq(None)?;
        rest.take_users(*call, |user| users.serialize_element(user))?;
        users.end()
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
