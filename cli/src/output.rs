//! What the tool says: results as text or JSON, errors, questions, and the exit code.

use std::error::Error;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use gong_call_access::{CallAccessList, Report};
use serde_json::{Value, json};

use crate::job::Change;
use crate::{Result, Settings};

/// Writes a line to standard error. If nobody reads it any more, the job continues without a panic.
macro_rules! note {
    ($($part:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($part)*);
    }};
}
pub(crate) use note;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    Done = 0,
    Failure = 1,
    BadInput = 2,
    SomeRefused = 3,
    SomeRemain = 4,
}

impl Exit {
    fn json(self) -> Value {
        let meaning = match self {
            Self::Done => "done",
            Self::Failure => "failure",
            Self::BadInput => "bad input, nothing was changed",
            Self::SomeRefused => "some were refused",
            Self::SomeRemain => "some remain",
        };
        json!({"code": self as u8, "meaning": meaning})
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Something that the caller has to correct; nothing was changed.
#[derive(Debug)]
pub(crate) struct BadInput(pub(crate) String);

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for BadInput {}

pub(crate) fn bad_input<T>(message: impl Into<String>) -> Result<T> {
    Err(BadInput(message.into()).into())
}

/// Reports an error that ended the tool, with its sources, and what to do next.
pub(crate) fn failure(error: &(dyn Error + 'static), settings: &Settings) -> Exit {
    let gong = error.downcast_ref::<gong_call_access::Error>();
    let exit = match gong {
        Some(error) if error.is_config() => Exit::BadInput,
        None if error.is::<BadInput>() => Exit::BadInput,
        _ => Exit::Failure,
    };
    let causes = std::iter::successors(error.source(), |&error| error.source());
    let causes: String = causes.map(|cause| format!(": {cause}")).collect();
    note!("error: {error}{causes}");
    if gong.is_some() && exit == Exit::Failure {
        note!("next: {}", command(&["check".to_owned()], settings));
    }
    if settings.json {
        let json = json!({"error": format!("{error}{causes}")});
        let _ = write_json(&mut io::stdout(), json, exit, settings);
    }
    exit
}

/// With `--demo`, marks every line of a result, which is true of the stand-in only.
pub(crate) fn marked(text: &str, settings: &Settings) -> String {
    let mark = if settings.demo { "demo: " } else { "" };
    let lines = text.lines().map(|line| format!("{mark}{line}\n"));
    lines.collect()
}

/// Writes the report of a job for people, unless there was nothing to do.
///
/// By now, a closed pipe or a full disk is no failure: the access is changed.
pub(crate) fn report(change: Change, report: &Report, settings: &Settings) {
    let is_empty = report.all_done() && report.done().is_empty();
    if is_empty || settings.json || settings.quiet && report.all_done() {
        return;
    }
    let title = format!("{}\n{report}", change.title());
    let _ = write!(io::stdout(), "{}", marked(&title, settings));
}

/// Writes a result for programs, with what its exit code means.
pub(crate) fn write_json(
    out: &mut impl Write,
    mut json: Value,
    exit: Exit,
    settings: &Settings,
) -> io::Result<()> {
    if let Some(fields) = json.as_object_mut() {
        fields.insert("demo".to_owned(), settings.demo.into());
        fields.insert("exit".to_owned(), exit.json());
    }
    writeln!(out, "{json}")
}

/// The report of a job for programs.
pub(crate) fn json(change: Change, report: &Report) -> Value {
    let refusals = report.refusals().map(|refusal| {
        let error = refusal.error();
        json!({
            "id": refusal.id().map(|id| id.to_string()),
            "pairs": refusal.access_list().len(),
            "status": error.status(),
            "messages": error.messages(),
            "request_id": error.request_id(),
        })
    });
    json!({
        "change": change.name(),
        "done": count(report.done()),
        "refused": count(report.refused()),
        "remaining": count(report.remaining()),
        "requests": report.requests(),
        "refusals": refusals.collect::<Vec<_>>(),
        "stopped_by": report.stopped_by().map(ToString::to_string),
    })
}

fn count(access: &CallAccessList) -> Value {
    json!({"pairs": access.len(), "calls": access.call_count()})
}

pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// How a command of this tool is typed in a shell.
pub(crate) fn command(words: &[String], settings: &Settings) -> String {
    let mut command = "gong-call-access".to_owned();
    for word in settings.words().iter().chain(words) {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,+\\".contains(&byte);
        command += &match word.bytes().all(is_plain) {
            true => format!(" {word}"),
            // cmd knows no other quotes, and no path contains one.
            false if cfg!(windows) => format!(" \"{word}\""),
            false => format!(" '{}'", word.replace('\'', r"'\''")),
        };
    }
    command
}

/// Asks before access is taken away.
pub(crate) struct Confirmation {
    is_given: bool,
}

impl Confirmation {
    /// Fails if nobody can answer, before anything is sent.
    pub(crate) fn new(is_given: bool) -> Result<Self> {
        let has_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        if !is_given && !has_terminal {
            return bad_input("without a terminal, nobody can confirm this: add --yes");
        }
        Ok(Self { is_given })
    }

    pub(crate) fn ask(&self, question: &str) -> Result<()> {
        if self.is_given {
            return Ok(());
        }
        let mut err = io::stderr();
        write!(err, "{question} [y/N] ")?;
        err.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        match answer.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => bad_input("not confirmed, nothing was changed"),
        }
    }
}
