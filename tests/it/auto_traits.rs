//! What the public types promise to threads and to error handling.

use std::error::Error as StdError;

use gong_call_access::*;

fn is_send_and_sync<T: Send + Sync + 'static>() {}
fn is_error<T: StdError + Send + Sync + 'static>() {}
fn is_value<T: Clone + PartialEq + std::fmt::Debug>() {}
fn is_key<T: Copy + Ord + std::hash::Hash + std::fmt::Display>() {}

#[test]
fn every_public_type_can_be_sent_to_and_shared_with_another_thread() {
    is_send_and_sync::<CallId>();
    is_send_and_sync::<UserId>();
    is_send_and_sync::<CallAccessList>();
    is_send_and_sync::<Pairs<'static>>();
    is_send_and_sync::<IntoIter>();
    is_send_and_sync::<Credentials>();
    is_send_and_sync::<ClientBuilder>();
    is_send_and_sync::<Client>();
    is_send_and_sync::<Response>();
    is_send_and_sync::<Receipt>();
    is_send_and_sync::<Listing>();
    is_send_and_sync::<RetryPolicy>();
    is_send_and_sync::<Batches<'static>>();
    is_send_and_sync::<Batch>();
    is_send_and_sync::<Listings>();
    is_send_and_sync::<Outcome>();
    is_send_and_sync::<Report>();
    is_send_and_sync::<StopHandle>();
    is_send_and_sync::<Refusal>();
    is_key::<Id>();
}

#[test]
fn every_error_can_be_boxed() {
    is_error::<Error>();
    is_error::<ConfigError>();
    is_error::<TransportError>();
    is_error::<ApiError>();
    is_error::<InvalidId>();
}

#[test]
fn values_can_be_copied_and_compared() {
    is_value::<CallId>();
    is_value::<UserId>();
    is_value::<CallAccessList>();
    is_value::<Receipt>();
    is_value::<Listing>();
    is_value::<InvalidId>();
    is_key::<CallId>();
    is_key::<UserId>();
}

#[test]
fn a_result_is_small() {
    let words = |size: usize| size / size_of::<usize>();
    assert!(words(size_of::<Error>()) <= 3);
    assert!(words(size_of::<Response>()) <= 4);
    assert_eq!(size_of::<(CallId, UserId)>(), 48);
}
