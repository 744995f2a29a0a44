//! What the tool says: results as text or JSON, errors, questions, and the exit code.

use std::error::Error;
use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};
use std::iter;

use gong_call_access::{CallAccessList, Report};
use serde_json::{Value, json};

use crate::job::Change;
use crate::{GONGS_LIMIT, Result, Settings};

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
    fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failure => "failure",
            Self::BadInput => "bad input, nothing was changed",
            Self::SomeRefused => "some were refused",
            Self::SomeRemain => "some remain",
        }
    }
}

/// Something that the caller has to correct; nothing was changed.
#[derive(Debug)]
struct BadInput(String);

impl Display for BadInput {
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
    let text = with_causes(error);
    note!("error: {text}");
    let exit = match error.is::<BadInput>() {
        true => Exit::BadInput,
        false => Exit::Failure,
    };
    if error.is::<gong_call_access::Error>() {
        note!("next: {}", CommandLine::new(settings).words(["check"]));
    }
    if settings.json {
        let _ = print_json(json!({"error": text}), exit, settings);
    }
    exit
}

pub(crate) fn with_causes(error: &dyn Error) -> String {
    let causes = iter::successors(error.source(), |&error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Writes lines to standard output, marked if they are true of the stand-in only.
pub(crate) fn print(text: &str, settings: &Settings) -> io::Result<()> {
    let mark = if settings.demo { "demo: " } else { "" };
    let lines = text.lines().map(|line| format!("{mark}{line}\n"));
    io::stdout().write_all(lines.collect::<String>().as_bytes())
}

/// Writes a result for programs, with what its exit code means.
pub(crate) fn print_json(mut json: Value, exit: Exit, settings: &Settings) -> io::Result<()> {
    if let Some(fields) = json.as_object_mut() {
        let exit = json!({"code": exit as u8, "meaning": exit.meaning()});
        fields.insert("demo".to_owned(), settings.demo.into());
        fields.insert("exit".to_owned(), exit);
    }
    writeln!(io::stdout(), "{json}")
}

/// Writes the report of a job for people, unless there was nothing to do.
///
/// By now, a closed pipe or a full disk is no failure: the access is changed.
pub(crate) fn report(change: Change, report: &Report, settings: &Settings) {
    let is_empty = report.all_done() && report.done().is_empty();
    if is_empty || settings.json || settings.quiet && report.all_done() {
        return;
    }
    let _ = print(&format!("{}\n{report}", change.title()), settings);
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

/// A command of this tool, as it is typed in a shell.
pub(crate) struct CommandLine(String);

impl CommandLine {
    /// Begins with the settings that matter to another command too.
    pub(crate) fn new(settings: &Settings) -> Self {
        let certificates = settings.root_certificates.as_ref();
        let certificates = certificates.map(|path| path.display());
        let per_second = Some(settings.requests_per_second).filter(|n| *n != GONGS_LIMIT);
        Self("gong-call-access".to_owned())
            .words(settings.demo.then_some("--demo"))
            .option("--base-url", settings.base_url.as_ref())
            .option("--root-certificates", certificates)
            .option("--requests-per-second", per_second)
    }

    pub(crate) fn words(self, words: impl IntoIterator<Item = impl Display>) -> Self {
        words.into_iter().fold(self, Self::word)
    }

    pub(crate) fn option(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.word(name).word(value),
            None => self,
        }
    }

    fn word(self, word: impl Display) -> Self {
        let (line, word) = (self.0, word.to_string());
        let is_plain = |c: char| c.is_ascii_alphanumeric() || r"-_./:=,+\".contains(c);
        Self(match word.chars().all(is_plain) {
            true => format!("{line} {word}"),
            // cmd knows no other quotes, and no path contains one.
            false if cfg!(windows) => format!("{line} \"{word}\""),
            false => format!("{line} '{}'", word.replace('\'', r"'\''")),
        })
    }
}

impl Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fails where nobody can be asked.
pub(crate) fn check_terminal() -> Result<()> {
    match io::stdin().is_terminal() && io::stderr().is_terminal() {
        true => Ok(()),
        false => bad_input("without a terminal, nobody can confirm this: add --yes"),
    }
}

/// Asks before access is taken away.
pub(crate) fn confirm(question: &str) -> Result<()> {
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
