//! `list`: who was given access to calls.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::mem;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use gong_call_access::{ApiError, CallAccessList, CallId, Client, Error};
use serde_json::json;

use crate::output::{self, Exit, counted, note};
use crate::progress::Progress;
use crate::{Result, Settings, files, job};

/// List who was given access through the API
///
/// Users with access for another reason are not listed: somebody may have
/// shared the call with them, or their permission profile may cover it.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The ids of the calls
    #[arg(value_name = "CALL", required_unless_present = "file",
        value_parser = |text: &str| job::call(text, "--calls"))]
    calls: Vec<CallId>,
    /// Read the calls from a list of ids, a table or a JSON body
    #[arg(
        long = "calls",
        id = "file",
        value_name = "FILE",
        conflicts_with = "calls"
    )]
    file: Option<PathBuf>,
    /// How to print the access; other commands can read csv and json as FILE
    #[arg(long, value_enum, default_value = "table", conflicts_with = "json")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

pub(crate) fn run(arguments: &Arguments, settings: &Settings) -> Result<Exit> {
    let calls = match &arguments.file {
        Some(path) => files::calls(path, settings)?,
        None => arguments.calls.iter().copied().collect(),
    };
    let listed = Listed::new(&settings.client()?, &calls, settings)?;
    match arguments.format {
        Format::Json => listed.print_json(settings)?,
        _ if settings.json => listed.print_json(settings)?,
        Format::Csv => listed.print_csv()?,
        Format::Table => listed.print_table(&calls)?,
    }
    listed.note_unknown();
    Ok(listed.exit())
}

/// As many as the library sends by default; only the estimate of the time left needs it.
const CALLS_PER_REQUEST: usize = 100;

/// The access to some calls, and the calls that Gong refused to list.
pub(crate) struct Listed {
    pub(crate) access: CallAccessList,
    pub(crate) unknown: BTreeMap<CallId, ApiError>,
}

impl Listed {
    pub(crate) fn new(
        client: &Client,
        calls: &BTreeSet<CallId>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let mut access = CallAccessList::new();
        let mut progress = Progress::new("calls", calls.len(), settings);
        let mut listings = client.list_batches(calls.iter().copied());
        let (mut left, mut requests, mut shown) = (calls.len(), 0, Instant::now());
        let mut ended = Ok(());
        while let Some(listing) = listings.next() {
            match listing {
                Ok(listing) => access.extend([listing]),
                Err(error) => ended = Err(error),
            }
            requests += 1;
            // Counting what remains copies it.
            if shown.elapsed() >= Duration::from_millis(200) {
                let before = mem::replace(&mut left, listings.remaining().count());
                let to_come = left.div_ceil(CALLS_PER_REQUEST);
                progress.add(before - left, mem::take(&mut requests), to_come);
                shown = Instant::now();
            }
        }
        progress.finish();
        ended?;
        let refused = listings.refused();
        let unknown = refused.map(|(call, error)| (call, error.clone())).collect();
        Ok(Self { access, unknown })
    }

    pub(crate) fn exit(&self) -> Exit {
        match self.unknown.is_empty() {
            true => Exit::Done,
            false => Exit::SomeRefused,
        }
    }

    /// Names the first of the calls that Gong refused, with its reason.
    pub(crate) fn note_unknown(&self) {
        let Some(error) = self.unknown.values().next() else {
            return;
        };
        let mut ids: Vec<_> = self.unknown.keys().map(CallId::as_str).collect();
        let count = counted(ids.len(), "call");
        if ids.len() > 10 {
            ids.splice(10.., ["…"]);
        }
        note!("Gong refused to list {count}: {}: {error}", ids.join(", "));
    }

    fn print_table(&self, calls: &BTreeSet<CallId>) -> io::Result<()> {
        let mut table = format!("{:20}  USER\n", "CALL");
        for call in calls {
            let mut users: Vec<_> = self.access.users(*call).map(|id| id.to_string()).collect();
            if self.unknown.contains_key(call) {
                users.push("(Gong does not know this call)".to_owned());
            } else if users.is_empty() {
                users.push("(nobody through the API)".to_owned());
            }
            for user in users {
                table += &format!("{call:20}  {user}\n");
            }
        }
        io::stdout().write_all(table.as_bytes())
    }

    fn print_csv(&self) -> Result<()> {
        let mut table = csv::Writer::from_writer(io::stdout());
        table.write_record(["call_id", "user_id"])?;
        for pair in &self.access {
            table.serialize(pair)?;
        }
        Ok(table.flush()?)
    }

    fn print_json(&self, settings: &Settings) -> Result<()> {
        let access = serde_json::to_value(&self.access)?;
        let json = json!({
            "callAccessList": access.get("callAccessList"),
            "unknown_calls": self.unknown.keys().collect::<Vec<_>>(),
        });
        Ok(output::print_json(json, self.exit(), settings)?)
    }
}
