//! How every example ends: a message for a failure, and an exit code.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

pub(crate) const DONE: u8 = 0;
const FAILURE: u8 = 1;
const BAD_INPUT: u8 = 2;

/// Returns the exit code of a program, after a message if it failed.
pub(crate) fn exit(result: Result<u8, Box<dyn Error>>) -> ExitCode {
    let error = match result {
        Ok(code) => return ExitCode::from(code),
        Err(error) => error,
    };
    // `eprintln!` would panic if nobody reads standard error any more.
    let mut err = io::stderr();
    let _ = writeln!(err, "error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = writeln!(err, "caused by: {cause}");
        source = cause.source();
    }
    let is_bad_input = match error.downcast_ref::<gong_call_access::Error>() {
        Some(error) => error.is_config(),
        None => error.is::<BadInput>(),
    };
    ExitCode::from(if is_bad_input { BAD_INPUT } else { FAILURE })
}

/// Something that the caller of a program has to correct; nothing was sent.
#[derive(Debug)]
pub(crate) struct BadInput(pub(crate) String);

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for BadInput {}
