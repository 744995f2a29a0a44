//! `Client`: how it is made, its three calls, and its jobs.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use crate::access_list::CallAccessList;
use crate::batches::Batches;
use crate::builder::ClientBuilder;
use crate::credentials::Credentials;
use crate::error::{ConfigError, Error};
use crate::http::{Method, Request};
use crate::id::CallId;
use crate::listings::Listings;
use crate::response::{Listing, Response};
use crate::send::{Sender, Stop};

/// How large an acknowledgement may be, in bytes. Those from Gong hold little more than a request
/// id.
const RECEIPT_LIMIT: usize = 1024 * 1024;

/// How large a listing may be, in bytes.
const LISTING_LIMIT: usize = 64 * 1024 * 1024;

/// A blocking client for Gong's resource `/v2/calls/users-access`.
///
/// A call blocks its thread until there is a response, and returns within
/// [`total_timeout`](crate::ClientBuilder::total_timeout), 120 seconds by default. Requests and
/// responses are held in memory as a whole.
///
/// Share one client. Cloning is cheap, and clones share their kept-alive connections, their rate limit
/// and the effect of a 429. A client made with [`to_builder`](Self::to_builder) shares the last
/// two; clients that are built separately share nothing. All methods take `&self` and may be called
/// from many threads at once. Dropping the last clone closes the connections.
///
/// # Examples
///
/// Grant from several threads, within one rate limit:
///
/// ```no_run
/// use gong_call_access::{CallAccessList, Client, Error};
///
/// fn grant_all(client: &Client, lists: &[CallAccessList]) -> Result<(), Error> {
///     let grant = |list| Ok(client.grant(list)?.into_result().map(drop)?);
///     std::thread::scope(|scope| {
///         let spawn = |list| scope.spawn(move || grant(list));
///         let threads: Vec<_> = lists.iter().map(spawn).collect();
///         threads.into_iter().try_for_each(|thread| thread.join().unwrap())
///     })
/// }
/// ```
///
/// # Testing without HTTP
///
/// Let the code under test take the call as a function, or a trait of your own if there are several,
/// and give it a fake that returns any [`Response`]. What a fake cannot make, such as a transport
/// error, a `Retry-After` or the batches of a job, needs [a server](#testing-with-a-server).
///
/// ```
/// # use gong_call_access::{ApiError, CallAccessList, Client, Error, Response};
/// type Gong<'a> = &'a dyn Fn(&CallAccessList) -> Result<Response, Error>;
///
/// // The code under test. The program calls `share(&|access| client.grant(access))`.
/// fn share(grant: Gong) -> Result<(), Error> {
///     let access = CallAccessList::from_iter([(5.into(), 7.into())]);
///     Ok(grant(&access)?.into_result().map(drop)?)
/// }
///
/// let error = || ApiError::new(400, ["Some calls not found"]);
/// let refused = share(&|_| Ok(Response::BadRequest(error())));
/// assert!(matches!(refused, Err(Error::Api(_))));
/// # fn program(client: &Client) -> Result<(), Error> {
/// #     share(&|access| client.grant(access))
/// # }
/// ```
///
/// # Testing with a server
///
/// To test with HTTP, use [mockito](https://docs.rs/mockito) (`cargo add --dev mockito`) or any
/// other server on loopback. [`tests/testing.rs`] is a module to start from, with a refusal, a 429,
/// a timeout and a job. mockito answers a request that no mock matches with status 501, which is a
/// [`Response::ServerError`].
///
/// ```
/// # use gong_call_access::{Client, Credentials, RetryPolicy};
/// # let gong = mockito::Server::new();
/// let client = Client::builder(Credentials::bearer("my-token")?)
///     .base_url(gong.url())
///     .retry(RetryPolicy::none())
///     .requests_per_second(None)
///     .build()?;
/// # Ok::<(), gong_call_access::Error>(())
/// ```
///
/// [`tests/testing.rs`]: https://docs.rs/crate/gong-call-access/latest/source/tests/testing.rs
#[derive(Clone)]
pub struct Client {
    pub(crate) sender: Arc<Sender>,
    /// What it was built with, and its permits.
    pub(crate) settings: Arc<ClientBuilder>,
}

impl Client {
    /// Creates a client for `https://api.gong.io`, with the defaults of [`ClientBuilder`].
    ///
    /// This sends nothing; the first request shows whether Gong accepts the credentials. To set
    /// your company's own host, which Gong shows beside the access key, use
    /// [`base_url`](ClientBuilder::base_url).
    ///
    /// # Errors
    ///
    /// Returns [`Error::Config`] if the crate was built without a TLS feature, or if a proxy variable
    /// of the environment cannot be used.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(any(feature = "rustls", feature = "native-tls"))] {
    /// use gong_call_access::{Client, Credentials};
    ///
    /// let client = Client::new(Credentials::access_key("my-key", "my-secret")?)?;
    /// # }
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn new(credentials: Credentials) -> Result<Self, Error> {
        Self::builder(credentials).build()
    }

    /// Creates a client from environment variables, with defaults for everything else.
    ///
    /// [`Credentials::from_env`] and [`ClientBuilder::from_env`] list the variables.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Config`] if a credential is missing or a setting is invalid; the message
    /// names it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use gong_call_access::Client;
    ///
    /// let client = Client::from_env()?;
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }

    /// Returns a [`ClientBuilder`], which can change the default settings.
    ///
    /// # Examples
    ///
    /// ```
    /// use gong_call_access::{Client, Credentials};
    ///
    /// let credentials = Credentials::bearer("my-token")?;
    /// let builder = Client::builder(credentials).requests_per_second(1);
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn builder(credentials: Credentials) -> ClientBuilder {
        ClientBuilder::new(credentials)
    }

    /// Returns a builder with the settings and the rate limit of this client.
    ///
    /// The clients that it builds stay, together with this one, within its
    /// [`requests_per_second`](ClientBuilder::requests_per_second), and a 429 to one of them holds
    /// them all. To share neither, for example for another company, set `requests_per_second` on
    /// the builder: the new client then has a limit of its own. Connections are not shared, and
    /// `build` reads the proxy from the environment again.
    ///
    /// # Examples
    ///
    /// A job that outlives its OAuth token continues with a new one:
    ///
    /// ```
    /// # use gong_call_access::{CallAccessList, Client, Credentials, Report};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut gong = mockito::Server::new();
    /// # let mut mocks = Vec::new();
    /// # for (call, token, status) in [("1", "my", 200), ("2", "my", 401), ("2", "new", 200)] {
    /// #     let call = mockito::Matcher::Regex(format!(r#""callId":"{call}""#));
    /// #     let mock = gong.mock("PUT", "/v2/calls/users-access").match_body(call);
    /// #     let mock = mock.match_header("authorization", &*format!("Bearer {token}-token"));
    /// #     mocks.push(mock.with_status(status).with_body("{}").create());
    /// # }
    /// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url(gong.url());
    /// # let client = builder.max_calls_per_batch(1).build()?;
    /// # let user = "7".parse()?;
    /// # let access = CallAccessList::from_iter([("1".parse()?, user), ("2".parse()?, user)]);
    /// let report: Report = client.grant_batches(&access).collect();
    /// // The batch with the expired token has failed, and the rest was not sent.
    /// let error = report.stopped_by().ok_or("all was sent")?;
    /// assert!(error.to_string().contains("status 401"));
    ///
    /// let credentials = Credentials::bearer("new-token")?;
    /// let client = client.to_builder().credentials(credentials).build()?;
    /// let rest: Report = client.grant_batches(report.remaining()).collect();
    /// assert!(rest.all_done());
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_builder(&self) -> ClientBuilder {
        ClientBuilder::clone(&self.settings)
    }

    /// Gives users access to calls, with one `PUT` of the whole list.
    ///
    /// `Ok` does not mean granted: it holds whatever Gong responded, even a refusal. Call
    /// [`into_result`](Response::into_result), which turns a refusal into an error.
    ///
    /// The client retries the request as the [`RetryPolicy`](crate::RetryPolicy) says. Granting
    /// access that a user already has changes nothing, so a grant can be repeated.
    ///
    /// If a single call is unknown, Gong refuses the whole list without saying which call it is.
    /// The result is [`Response::BadRequest`], and whether the other pairs were applied is [not
    /// known](crate::facts#not-known).
    ///
    /// Send thousands of pairs with [`grant_batches`](Self::grant_batches) instead. A server that
    /// refuses a large request early may close the connection while the request is still being
    /// sent; the status is then lost. A response larger than 1 MiB is not a success.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Config`] if the list is empty. Nothing is sent.
    /// - Returns [`Error::Transport`] if no readable response arrived. The pairs may have
    ///   been granted; granting them again is safe.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use gong_call_access::{CallAccessList, Client};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut access = CallAccessList::new();
    /// access.insert("7782342274025937895".parse()?, "234599484848423".parse()?);
    /// let receipt = Client::from_env()?.grant(&access)?.into_result()?;
    /// println!("granted after {} attempts", receipt.attempts());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "share")]
    pub fn grant(&self, access: &CallAccessList) -> Result<Response, Error> {
        self.change(&Method::PUT, access, &Stop::default())
    }

    /// Takes away access that this API gave, with one `DELETE` of the whole list.
    ///
    /// The client retries the request as the [`RetryPolicy`](crate::RetryPolicy) says. Revoking
    /// access that a user does not have changes nothing, so a revocation can be repeated.
    ///
    /// A success does not prove that the user can no longer open the call. They may have access for
    /// another reason: a permission profile may cover the call, or somebody may have shared it with
    /// them. This API [does not change such access](crate::facts#access). What
    /// [`grant`](Self::grant) says about an unknown call, a large list and a large response applies
    /// here too.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Config`] if the list is empty. Nothing is sent.
    /// - Returns [`Error::Transport`] if no readable response arrived. The pairs may have
    ///   been revoked; revoking them again is safe.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use gong_call_access::{CallAccessList, Client};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut access = CallAccessList::new();
    /// access.insert("7782342274025937895".parse()?, "234599484848423".parse()?);
    /// Client::from_env()?.revoke(&access)?.into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "unshare")]
    pub fn revoke(&self, access: &CallAccessList) -> Result<Response, Error> {
        self.change(&Method::DELETE, access, &Stop::default())
    }

    /// Lists the users to whom this API gave access to the calls, with one `POST`.
    ///
    /// The request changes nothing. The client retries it as the
    /// [`RetryPolicy`](crate::RetryPolicy) says. Users who have access for another reason are not
    /// listed; see [`Listing`]. Duplicate calls are sent once.
    ///
    /// A response larger than 64 MiB is not a success; [`list_batches`](Self::list_batches) lists any
    /// number of calls. A response that lists a call that was not requested is
    /// [`Response::Unexpected`], so a listing holds only calls that were requested.
    ///
    /// The request is `{"filter":{"callIds":["5"]}}`, and the response
    /// `{"requestId":"x","callAccessList":[{"callId":"5","users":[{"userId":"7"}]}]}`. A missing
    /// `callAccessList` or `users` means that there are no users.
    ///
    /// # Errors
    ///
    /// - Returns [`Error::Config`] if there are no calls. Nothing is sent.
    /// - Returns [`Error::Transport`] if no readable response arrived.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use gong_call_access::Client;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let call = "7782342274025937895".parse()?;
    /// let listing = Client::from_env()?.list([call])?.into_result()?;
    /// for user in listing.access_list().users(call) {
    ///     println!("{user}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(
        &self,
        calls: impl IntoIterator<Item = CallId>,
    ) -> Result<Response<Listing>, Error> {
        let calls: BTreeSet<_> = calls.into_iter().collect();
        if calls.is_empty() {
            return Err(ConfigError::new("no calls to list, expected one or more").into());
        }
        let body = json!({ "filter": { "callIds": calls } });
        let (method, stop) = (Method::POST, Stop::default());
        self.send(&method, &body, Some(&calls), &stop)
    }

    /// Gives users access to calls, in as few requests as the client's bounds allow.
    ///
    /// Nothing is sent until the returned iterator is advanced. It yields the outcome of every pair,
    /// whatever happens; a [`Report`](crate::Report) collects it. An empty list yields nothing. The
    /// iterator has a clone of the client, so it borrows only the list. [`Batches`] says how a job is
    /// split, stopped and resumed.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use gong_call_access::{CallAccessList, Client, Report};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let json = std::fs::read("access.json")?;
    /// let access: CallAccessList = serde_json::from_slice(&json)?;
    /// let batches = Client::from_env()?.grant_batches(&access);
    /// let report: Report = batches.collect();
    /// println!("{report}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn grant_batches<'a>(&self, access: &'a CallAccessList) -> Batches<'a> {
        Batches::new(self.clone(), Method::PUT, access)
    }

    /// Revokes access that this API gave, in as few requests as the client's bounds allow.
    ///
    /// In every other respect, it works like [`grant_batches`](Self::grant_batches).
    ///
    /// # Examples
    ///
    /// To offboard a user, revoke every call without listing first: revoking absent access is
    /// harmless. Do it before the user is deleted, since Gong's response after that is [not
    /// known](crate::facts#not-known).
    ///
    /// ```no_run
    /// use gong_call_access::{CallAccessList, CallId, Client, Report, UserId};
    ///
    /// fn revoke_all(client: &Client, leaver: UserId, calls: Vec<CallId>) -> Report {
    ///     let pairs = calls.into_iter().map(|call| (call, leaver));
    ///     client.revoke_batches(&pairs.collect()).collect()
    /// }
    /// ```
    pub fn revoke_batches<'a>(&self, access: &'a CallAccessList) -> Batches<'a> {
        Batches::new(self.clone(), Method::DELETE, access)
    }

    /// Lists the users to whom this API gave access, for any number of calls.
    ///
    /// Each step of the returned iterator sends one request, with at most
    /// [`max_calls_per_batch`](crate::ClientBuilder::max_calls_per_batch) calls in the order of their
    /// ids, and yields its [`Listing`]. Duplicate calls are listed once. If Gong has deleted some of the
    /// calls, the others are still listed, in more requests; [`Listings::refused`] returns the
    /// deleted ones.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use gong_call_access::{CallAccessList, CallId, Client, Error};
    ///
    /// fn current(client: &Client, calls: &[CallId]) -> Result<CallAccessList, Error> {
    ///     client.list_batches(calls.iter().copied()).collect()
    /// }
    /// ```
    pub fn list_batches(&self, calls: impl IntoIterator<Item = CallId>) -> Listings {
        Listings::new(self.clone(), calls)
    }

    /// Sends one request with the whole list.
    pub(crate) fn change(
        &self,
        method: &Method,
        access: &CallAccessList,
        stop: &Stop,
    ) -> Result<Response, Error> {
        if access.is_empty() {
            let message = "the call access list is empty, expected one pair or more";
            return Err(ConfigError::new(message).into());
        }
        let response = self.send(method, access, None, stop)?;
        Ok(response.map(Listing::into_receipt))
    }

    /// Encodes `content` and sends it. `listed` are the calls to be listed, if any.
    fn send(
        &self,
        method: &Method,
        content: &impl Serialize,
        listed: Option<&BTreeSet<CallId>>,
        stop: &Stop,
    ) -> Result<Response<Listing>, Error> {
        // Encoded once, and not by ureq: retries send the same bytes, and ureq's `send_json` would
        // write them with indentation, at about twice the size.
        let body = serde_json::to_vec(content)
            .map_err(|error| ConfigError::new(format!("the body cannot be serialised: {error}")))?;
        let request = Request {
            method,
            body: &body,
            limit: listed.map_or(RECEIPT_LIMIT, |_| LISTING_LIMIT),
        };
        self.sender.send(&request, listed, stop)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("host", &self.sender.transport.host())
            .field("proxy", &self.sender.transport.proxy())
            .finish_non_exhaustive()
    }
}
