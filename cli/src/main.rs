//! Reads a table or a list of calls from standard input, and says what it holds.

mod input;

use std::io::{self, Read};
use std::process::ExitCode;

fn main() -> io::Result<ExitCode> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    let read = if std::env::args().nth(1).as_deref() == Some("calls") {
        input::read_calls(&bytes).map(|read| (read.ids.len(), read.warnings))
    } else {
        input::read_pairs(&bytes).map(|read| (read.ids.len(), read.warnings))
    };
    match read {
        Ok((count, warnings)) => {
            if !warnings.is_empty() {
                eprintln!("{warnings}");
            }
            println!("{count}");
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            eprintln!("{problems}");
            Ok(ExitCode::from(2))
        }
    }
}
