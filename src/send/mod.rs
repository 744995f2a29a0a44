//! One call, from body to response.

pub(crate) mod retry_after;
pub(crate) mod tls;
mod transport;

use std::time::Instant;

use ureq::http::Method;

use crate::error::{Error, TransportError};
use crate::response::{Response, Secrets, decode};

pub(crate) use transport::{BodyEnd, HttpResponse, Settings, Transport};

/// Sends calls over one transport.
pub(crate) struct Sender {
    transport: Transport,
    secrets: Secrets,
}

impl Sender {
    pub(crate) fn new(transport: Transport, secrets: Secrets) -> Self {
        Self { transport, secrets }
    }

    pub(crate) fn host(&self) -> &str {
        self.transport.host()
    }

    /// Sends `body` and decodes what comes back; a success's body may have `limit` bytes.
    pub(crate) fn send(
        &self,
        method: &Method,
        body: &[u8],
        limit: usize,
    ) -> Result<Response, Error> {
        const ATTEMPT: u32 = 1;
        let host = self.transport.host();
        log::debug!(
            target: "gong_call_access",
            "{method} to {host}, attempt {ATTEMPT}, {} bytes",
            body.len(),
        );
        let started = Instant::now();
        match self.transport.exchange(method, body, limit) {
            Ok(http) => {
                let response = decode(&http, ATTEMPT, &self.secrets);
                log::debug!(
                    target: "gong_call_access",
                    "status {} from {host}, request id {}, after {:?}",
                    http.status,
                    response.request_id().unwrap_or("none"),
                    started.elapsed(),
                );
                Ok(response)
            }
            Err(failure) => {
                let error = TransportError::new(failure.kind, host, ATTEMPT, failure.source);
                log::debug!(target: "gong_call_access", "{error}, after {:?}", started.elapsed());
                Err(Error::Transport(error))
            }
        }
    }
}
