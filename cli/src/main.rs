//! `gong-call-access`: grants, revokes, lists and reconciles access to Gong calls.

mod check;
mod demo;
mod files;
mod input;
mod job;
mod list;
mod output;
mod progress;
mod reconcile;

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use gong_call_access::{CallId, Client, ClientBuilder};
use job::Change;
use output::{Exit, bad_input, note};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// Grants, revokes, lists and reconciles individual users' access to Gong calls.
#[derive(Parser)]
#[command(name = "gong-call-access", version, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    settings: Settings,
}

const AFTER_HELP: &str = "\
Credentials come only from the environment: GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET,
or GONG_ACCESS_TOKEN. Set GONG_BASE_URL to your company's own host.
To try a command without an account, add --demo. When something is wrong, run `check`.

Exit codes: 0 done; 1 failure; 2 bad input, nothing was changed; 3 some were refused;
4 some remain; 130 interrupted twice.";

#[derive(Subcommand)]
enum Command {
    /// Give users access to calls
    Grant(job::Arguments),
    /// Take away access that was given through the API
    Revoke {
        #[command(flatten)]
        arguments: job::Arguments,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    List(list::Arguments),
    Reconcile(reconcile::Arguments),
    /// Check host, proxy, TLS, credentials and scope with one harmless request
    Check {
        /// A call to list; any id will do
        #[arg(default_value = "1")]
        call: CallId,
    },
    /// Print a completion script
    Completions {
        shell: clap_complete::Shell,
    },
}

/// How many requests a second a company has by default.
const GONGS_LIMIT: u32 = 3;

/// What every command takes.
#[derive(clap::Args)]
#[command(next_help_heading = "Global options")]
struct Settings {
    /// Your company's own host [env: GONG_BASE_URL]
    #[arg(long, value_name = "URL", global = true)]
    base_url: Option<String>,
    /// Requests a second; Gong's limit is company-wide
    #[arg(long, value_name = "N", global = true, default_value_t = GONGS_LIMIT,
        value_parser = clap::value_parser!(u32).range(1..))]
    requests_per_second: u32,
    /// Trust only the certificates in this PEM file
    #[arg(long, value_name = "FILE", global = true)]
    root_certificates: Option<PathBuf>,
    /// Print nothing but listings, unless something is wrong
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Show each attempt and each wait
    #[arg(long, short, global = true)]
    verbose: bool,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Use a stand-in for Gong inside this program
    #[arg(long, global = true, conflicts_with = "base_url")]
    demo: bool,
}

fn main() -> ExitCode {
    let Arguments { command, settings } = Arguments::parse();
    if settings.verbose && log::set_logger(&Log).is_ok() {
        log::set_max_level(log::LevelFilter::Debug);
    }
    let exit = run(&command, &settings);
    let exit = exit.unwrap_or_else(|error| output::failure(&*error, &settings));
    ExitCode::from(exit as u8)
}

fn run(command: &Command, settings: &Settings) -> Result<Exit> {
    if settings.demo {
        note!("{}", demo::NOTICE);
    }
    match command {
        Command::Grant(arguments) => job::run(Change::Grant, arguments, true, settings),
        Command::Revoke { arguments, yes } => job::run(Change::Revoke, arguments, *yes, settings),
        Command::List(arguments) => list::run(arguments, settings),
        Command::Reconcile(arguments) => reconcile::run(arguments, settings),
        Command::Check { call } => check::run(*call, settings),
        Command::Completions { shell } => {
            let (mut command, mut script) = (Arguments::command(), Vec::new());
            clap_complete::generate(*shell, &mut command, "gong-call-access", &mut script);
            io::stdout().write_all(&script)?;
            Ok(Exit::Done)
        }
    }
}

impl Settings {
    fn client(&self) -> Result<Client> {
        let mut builder = match self.demo {
            true => demo::start()?,
            false => ClientBuilder::from_env().or_else(|error| bad_input(with_demo(&error)))?,
        };
        if let Some(base_url) = &self.base_url {
            builder = builder.base_url(base_url);
        }
        if let Some(path) = &self.root_certificates {
            builder = builder.root_certificates(files::read(path)?);
        }
        // The stand-in has no rate limit.
        let per_second = (!self.demo).then_some(self.requests_per_second);
        let client = builder.requests_per_second(per_second).build();
        client.or_else(|error| bad_input(output::with_causes(&error)))
    }
}

/// The error for credentials that are missing or wrong.
fn with_demo(error: &dyn Error) -> String {
    match env::vars_os().any(|(name, _)| name.to_string_lossy().starts_with("GONG_ACCESS_")) {
        true => error.to_string(),
        false => format!("{error}; to try without an account, add --demo"),
    }
}

/// Writes the records of the library to standard error, and no others: ureq's may hold credentials.
struct Log;

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == "gong_call_access"
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            note!("{}", record.args());
        }
    }

    fn flush(&self) {}
}
