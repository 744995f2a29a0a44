//! `grant` and `revoke`, and what runs a job: its files, its progress and Ctrl-C.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use gong_call_access::{
    Batches, CallAccessList, CallId, Client, InvalidId, Outcome, Report, StopHandle, UserId,
};
use serde_json::json;

use crate::files::Outputs;
use crate::output::{self, CommandLine, Exit, counted, note};
use crate::progress::Progress;
use crate::{Result, Settings, files};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The id of a call
    #[arg(requires = "users", required_unless_present = "file",
        value_parser = |text: &str| call(text, "--file"))]
    call: Option<CallId>,
    /// The ids of the users
    #[arg(id = "users", value_name = "USER")]
    users: Vec<UserId>,
    /// Read the pairs from a table or a JSON body; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "call")]
    file: Option<PathBuf>,
    /// Print how many requests it would take, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Keep every pair that is not known to be done in this file, as JSON
    #[arg(long, value_name = "FILE")]
    remaining: Option<PathBuf>,
    /// Append the refused pairs to this CSV file, with Gong's reasons
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,
}

/// Parses the id of a call, or hints at the option for a file.
pub(crate) fn call(text: &str, option: &str) -> Result<CallId, String> {
    text.parse()
        .map_err(|error: InvalidId| match Path::new(text).exists() {
            true => format!("to read a file, write {option} {text}"),
            false => error.to_string(),
        })
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Grant,
    Revoke,
}

impl Change {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Revoke => "revoke",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Grant => "grants:",
            Self::Revoke => "revocations:",
        }
    }

    pub(crate) fn batches<'a>(self, client: &Client, list: &'a CallAccessList) -> Batches<'a> {
        match self {
            Self::Grant => client.grant_batches(list),
            Self::Revoke => client.revoke_batches(list),
        }
    }
}

pub(crate) fn run(
    change: Change,
    arguments: &Arguments,
    yes: bool,
    settings: &Settings,
) -> Result<Exit> {
    let list = arguments.pairs(change, settings)?;
    if list.is_empty() && !settings.quiet {
        note!("warning: there are no pairs to {}", change.name());
    }
    let must_ask = !yes && !arguments.dry_run;
    if must_ask {
        output::check_terminal()?;
    }
    let batches = change.batches(&settings.client()?, &list);
    if arguments.dry_run {
        return dry_run(&list, batches.min_requests(), settings);
    }
    if must_ask {
        output::confirm(&format!("{} {}?", change.name(), summary(&list)))?;
    }
    let (file, refused) = (arguments.file.as_deref(), arguments.refused.as_deref());
    let remaining = arguments.remaining.as_deref().map(|path| (path, &list));
    let mut outputs = Outputs::open(file, remaining, refused, settings)?;
    stop_at_ctrl_c(vec![batches.stop_handle()])?;
    let (report, failure) = send(change, batches, &mut outputs, settings);
    show(change, arguments, &report, settings);
    let again = arguments.again(change, &report, settings);
    match (exit(&report), report.stopped_by()) {
        (Exit::SomeRemain, Some(error)) if error.retry_after().is_none() => {
            let check = CommandLine::new(settings).words(["check"]);
            note!("next: find the cause with `{check}`, then continue with: {again}");
        }
        (Exit::SomeRemain, _) => note!("next: continue with: {again}"),
        (Exit::SomeRefused, _) => note!("next: correct the refused ids, then: {again}"),
        _ => {}
    }
    failure.map(|()| exit(&report))
}

impl Arguments {
    fn pairs(&self, change: Change, settings: &Settings) -> Result<CallAccessList> {
        if let Some(path) = &self.file {
            return files::pairs(path, change, settings);
        }
        let pairs = |call| self.users.iter().map(move |user| (call, *user));
        Ok(self.call.into_iter().flat_map(pairs).collect())
    }

    /// The command that sends what is left, or else all of it again, which is harmless.
    fn again(&self, change: Change, report: &Report, settings: &Settings) -> CommandLine {
        let (to_correct, to_append) = match exit(report) {
            Exit::SomeRefused => (self.refused.as_ref(), None),
            _ => (None, self.refused.as_ref()),
        };
        let file = to_correct
            .or(self.remaining.as_ref())
            .or(self.file.as_ref());
        let command = CommandLine::new(settings).words([change.name()]);
        let command = match file {
            Some(file) => command.option("--file", Some(file.display())),
            None => command.words(self.call).words(&self.users),
        };
        command.option("--refused", to_append.map(|path| path.display()))
    }
}

fn summary(list: &CallAccessList) -> String {
    let calls = counted(list.call_count(), "call");
    format!("{} of {calls}", counted(list.len(), "pair"))
}

fn dry_run(list: &CallAccessList, requests: usize, settings: &Settings) -> Result<Exit> {
    let seconds = requests.saturating_sub(1) / settings.requests_per_second as usize;
    if settings.json {
        let json = json!({
            "pairs": list.len(),
            "calls": list.call_count(),
            "min_requests": requests,
            "min_seconds": seconds,
        });
        output::print_json(json, Exit::Done, settings)?;
    } else {
        let per_second = settings.requests_per_second;
        let (list, requests) = (summary(list), counted(requests, "request"));
        writeln!(
            io::stdout(),
            "{list}: at least {requests}, in at least {seconds} s at {per_second} a second\n\
             dry run: nothing was sent"
        )?;
    }
    Ok(Exit::Done)
}

/// Shows what a job did. Nobody may read it any more; the access is changed all the same.
fn show(change: Change, arguments: &Arguments, report: &Report, settings: &Settings) {
    if settings.json {
        let json = output::json(change, report);
        let _ = output::print_json(json, exit(report), settings);
    } else if arguments.file.is_none() && report.all_done() && !settings.quiet {
        let lines = report.done().pairs().map(|(call, user)| match change {
            Change::Grant => format!("granted: user {user} may open call {call}\n"),
            Change::Revoke => format!("revoked: user {user} from call {call}\n"),
        });
        let _ = output::print(&lines.collect::<String>(), settings);
    } else {
        output::report(change, report, settings);
    }
}

/// Runs a job to its end, or until Ctrl-C, and keeps its files up to date meanwhile.
///
/// If a file cannot be written any more, the job stops, and the report says how far it got.
pub(crate) fn send(
    change: Change,
    mut batches: Batches<'_>,
    outputs: &mut Outputs,
    settings: &Settings,
) -> (Report, Result<()>) {
    // Asking again after each batch would plan the whole rest again.
    let mut requests_left = batches.min_requests();
    let mut progress = Progress::new("pairs", batches.remaining().len(), settings);
    let mut report = Report::default();
    let mut updated = Ok(());
    while let Some(batch) = batches.next() {
        requests_left = requests_left.saturating_sub(1);
        if !matches!(batch.outcome(), Outcome::NotSent) {
            progress.add(batch.access_list().len(), batch.requests(), requests_left);
        }
        report.extend([batch]);
        if updated.is_ok() {
            updated = outputs.update(|| {
                let mut list = batches.remaining();
                // They leave the file at the end, once they are in another one.
                list.extend(report.refused());
                list
            });
            if updated.is_err() {
                batches.stop();
            }
        }
    }
    progress.finish();
    let finished = outputs.finish(change, &report);
    (report, updated.and(finished))
}

/// The exit code that says what became of a job.
pub(crate) fn exit(report: &Report) -> Exit {
    if !report.remaining().is_empty() {
        Exit::SomeRemain
    } else if report.all_done() {
        Exit::Done
    } else {
        Exit::SomeRefused
    }
}

/// Stops these jobs at Ctrl-C, which ends the program at once when it is pressed again.
pub(crate) fn stop_at_ctrl_c(jobs: Vec<StopHandle>) -> Result<()> {
    let is_pressed = AtomicBool::new(false);
    ctrlc::set_handler(move || {
        if is_pressed.swap(true, Ordering::SeqCst) {
            process::exit(130);
        }
        jobs.iter().for_each(StopHandle::stop);
        note!("stopping after the request in flight; press Ctrl-C again to quit at once");
    })?;
    Ok(())
}
