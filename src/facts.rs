//! What is known about Gong, and where each fact comes from.
//!
//! This module is a page of documentation and has no items. A fact is
//!
//! - *documented* if Gong's documentation of the three requests ([grant], [revoke], [list]), its
//!   OpenAPI description, or another page of Gong that is named here says so,
//! - *recorded* if public code has real responses that show it,
//! - *reported* if other clients of Gong say or assume so,
//! - *inferred* if it follows from documented facts.
//!
//! Gong promises only what is documented.
//!
//! [grant]: https://help.gong.io/apidocs/give-individual-users-access-to-calls-v2callsusers-access
//! [revoke]: https://help.gong.io/apidocs/remove-specific-individual-users-access-from-calls-v2callsusers-access
//! [list]: https://help.gong.io/apidocs/retrieve-users-that-have-specific-individual-access-to-calls-v2callsusers-access
//!
//! # Access
//!
//! | fact | source |
//! |---|---|
//! | Granting what a user already has, and revoking what a user does not have, has no effect. So any request can be repeated | documented |
//! | A user may also have access because the call was shared with them, or through their permission profile. A revocation does not change such access, and a listing does not show it | documented |
//! | A user who had such access before a grant may be missing in the listing after it, since the grant had no effect | inferred |
//!
//! # Unknown calls
//!
//! | fact | source |
//! |---|---|
//! | If one call of a request is unknown, Gong refuses the whole request, for all three verbs: status 400, "Some calls not found". It does not say which call | recorded in June 2026 for grants and listings; the code of the same client expects it for revocations too |
//! | Gong deletes calls: at the end of the [retention period], three years by default, and for [privacy requests]. So a list of calls that is older than a day may have some that are unknown | documented |
//!
//! [retention period]: https://help.gong.io/docs/data-retention-policy
//! [privacy requests]: https://help.gong.io/apidocs/delete-the-email-address-and-all-associated-elements-v2data-privacyerase-data-for-email-address
//!
//! # Ids
//!
//! | fact | source |
//! |---|---|
//! | Ids are strings of up to 20 digits | documented |
//! | About 600 recorded ids have 14 to 19 digits | recorded |
//! | Gong's CSV export puts a `_` before the ids of calls, and spreadsheets turn ids into `7.78234E+18` | recorded |
//! | One malformed id, or an empty list of ids, is a 400 for the whole request | recorded |
//!
//! # Responses
//!
//! | fact | source |
//! |---|---|
//! | The status is 200, 400, 401 or 500. `requestId`, `errors` and the list of a listing are optional, and fields may be added at any time | documented |
//! | Other resources of Gong also use 404, 405, 409 and 415 | recorded |
//! | The header `x-traceid` equals the `requestId` of the body, in 72 of 72 responses | recorded |
//! | Other listings of Gong come in pages, with a `records.cursor`. No cursor is documented for this resource | documented |
//!
//! # Limits
//!
//! | fact | source |
//! |---|---|
//! | A company may send 3 requests a second and 10,000 a day by default, for all of its tools together. Above that, the status is 429 with a `Retry-After` in seconds | [documented](https://help.gong.io/docs/what-the-gong-api-provides) |
//! | That `Retry-After` can be hours long once the requests of the day are used up | recorded and reported |
//!
//! # Credentials and hosts
//!
//! | fact | source |
//! |---|---|
//! | A grant and a revocation need the scope `api:call-user-access:write`, a listing `api:call-user-access:read` | documented |
//! | If the scope is missing, the status is 401, and the message names the scope | recorded |
//! | An OAuth token expires, after the `expires_in` that came with it. Its refresh token works once | documented |
//! | Each company has a host of its own, which comes with an OAuth token and is shown beside an access key | documented |
//! | `api.gong.io` may redirect to that host, and may refuse the company's access keys. Credentials of another region look revoked | reported |
//!
//! # Not known
//!
//! - whether Gong applies a part of a request that it refuses
//! - how Gong responds to an unknown or deleted user
//! - how large a request may be; no limit is documented
//! - what the body of a 429 is
