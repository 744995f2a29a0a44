//! Input files, and output files that are complete at any moment, even if the process is killed.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use gong_call_access::{ApiError, CallAccessList, CallId, Id, Report, UserId};
use same_file::Handle;
use tempfile::NamedTempFile;

use crate::input::{self, Input, Problems};
use crate::job::Change;
use crate::output::{bad_input, counted, note};
use crate::{Result, Settings};

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let bytes = match is_stdin(path) {
        true => io::stdin().lock().bytes().collect(),
        false => fs::read(path),
    };
    bytes.or_else(|error| bad_input(format!("cannot read {}: {error}", path.display())))
}

pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads the pairs of a file, or reports everything that is wrong with it.
pub(crate) fn pairs(path: &Path, change: Change, settings: &Settings) -> Result<CallAccessList> {
    usable(
        path,
        input::read_pairs(&read(path)?, change.name()),
        settings,
    )
}

/// Reads the calls of a file, or reports everything that is wrong with it.
pub(crate) fn calls(path: &Path, settings: &Settings) -> Result<BTreeSet<CallId>> {
    usable(path, input::read_calls(&read(path)?), settings)
}

fn usable<T>(path: &Path, read: Result<Input<T>, Problems>, settings: &Settings) -> Result<T> {
    let path = path.display();
    match read {
        Ok(Input { ids, warnings }) => {
            // A list that is right must not send mail every night.
            if !warnings.is_empty() && !settings.quiet {
                note!("warning: {path}:\n{warnings}");
            }
            Ok(ids)
        }
        Err(problems) => bad_input(format!(
            "{path} cannot be used, so nothing was sent:\n{problems}"
        )),
    }
}

/// The outputs of a job.
pub(crate) struct Outputs {
    remaining: Option<Remaining>,
    refused: Option<Refused>,
}

impl Outputs {
    /// Opens the outputs of a job; what remains at first are all of its pairs.
    ///
    /// Fails if one cannot be written, or is also an input or the other one. What it created is then
    /// removed.
    pub(crate) fn open<'a>(
        inputs: impl IntoIterator<Item = &'a Path>,
        remaining: Option<(&'a Path, &CallAccessList)>,
        refused: Option<&'a Path>,
        settings: &Settings,
    ) -> Result<Self> {
        let paths = [refused, remaining.map(|(path, _)| path)];
        let outputs = paths.into_iter().flatten();
        let (old, new): (Vec<_>, Vec<_>) = outputs.partition(|path| path.exists());
        if let (true, Some(path)) = (settings.demo, old.first()) {
            let path = path.display();
            return bad_input(format!("{path} exists; --demo changes no file"));
        }
        let open = || {
            create(inputs, paths)?;
            let refused = refused.map(Refused::open).transpose()?;
            let remaining = remaining.map(|(path, list)| Remaining::open(path, list));
            Ok(Self {
                remaining: remaining.transpose()?,
                refused,
            })
        };
        open().or_else(|problem: Box<dyn Error>| {
            for path in new {
                // A dangling link was there before; its target was not.
                let _ = fs::canonicalize(path).map(fs::remove_file);
            }
            bad_input(format!("{problem}; nothing was sent"))
        })
    }

    /// Writes what remains while a job runs, unless the last write was too recent.
    ///
    /// A file that is out of date names pairs that are done already; sending them again is harmless.
    pub(crate) fn update(&mut self, list: impl FnOnce() -> CallAccessList) -> Result<()> {
        // Writing a large list takes at most a twentieth of the job's time.
        const PAUSE: u32 = 20;
        let started = Instant::now();
        if let Some(file) = self.remaining.as_mut().filter(|file| started >= file.next) {
            file.write(&list())?;
            file.next = Instant::now() + started.elapsed() * PAUSE;
        }
        Ok(())
    }

    /// Writes the outputs as they are at the end of a job.
    pub(crate) fn finish(&mut self, change: Change, report: &Report) -> Result<()> {
        let pairs = report.refusals().flat_map(|refusal| {
            let pairs = refusal.access_list().pairs();
            pairs.map(|(call, user)| (call, user, refusal.id(), refusal.error()))
        });
        let appended = self.append(change, pairs);
        if let Some(file) = &self.remaining {
            let mut remaining = report.remaining().clone();
            // The refused pairs leave this file once they are in the other one.
            if self.refused.is_none() || appended.is_err() {
                remaining.extend(report.refused());
            }
            file.write(&remaining)?;
        }
        appended
    }

    /// Appends refused pairs in one write, with the id that explains each and the answer to it.
    pub(crate) fn append<'a>(
        &mut self,
        change: Change,
        pairs: impl Iterator<Item = (CallId, UserId, Option<Id>, &'a ApiError)>,
    ) -> Result<()> {
        let Some(Refused { path, file }) = &mut self.refused else {
            return Ok(());
        };
        let mut rows = csv::Writer::from_writer(Vec::new());
        for (call, user, id, error) in pairs {
            rows.serialize((
                call,
                user,
                change.name(),
                id.map(|id| id.to_string()),
                error.status(),
                harmless(error.request_id().unwrap_or_default()),
                harmless(&error.to_string()),
            ))?;
        }
        let written = file.write_all(&rows.into_inner()?);
        let synced = written.and_then(|()| file.sync_all());
        Ok(synced.map_err(cannot_write(path))?)
    }
}

/// Creates the outputs, and fails if one is no file, or is also an input or the other one.
///
/// They are closed again: on Windows, a file that is open cannot be replaced.
fn create<'a>(
    inputs: impl IntoIterator<Item = &'a Path>,
    [refused, remaining]: [Option<&Path>; 2],
) -> Result<()> {
    let mut seen = Vec::new();
    for input in inputs {
        let (name, handle) = match is_stdin(input) {
            true => ("standard input".to_owned(), Handle::stdin()),
            false => (input.display().to_string(), Handle::from_path(input)),
        };
        // A pipe may have no identity, and then it is not a file either.
        seen.extend(handle.ok().map(|handle| (name, handle)));
    }
    for (option, path) in [("--refused", refused), ("--remaining", remaining)] {
        let Some(path) = path else { continue };
        let handle = open_regular(path).map_err(cannot_write(path))?;
        let name = format!("{option} {}", path.display());
        if let Some((other, _)) = seen.iter().find(|(_, other)| *other == handle) {
            return Err(format!("{name} is the same file as {other}").into());
        }
        seen.push((name, handle));
    }
    Ok(())
}

fn open_regular(path: &Path) -> io::Result<Handle> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    match file.metadata()?.is_file() {
        true => Handle::from_file(file),
        false => Err(io::Error::other("it is not a regular file")),
    }
}

fn cannot_write(path: &Path) -> impl Fn(io::Error) -> String {
    move |error| format!("cannot write {}: {error}", path.display())
}

/// Keeps a spreadsheet from taking a text of the server for a formula.
fn harmless(cell: &str) -> String {
    match cell.starts_with(['=', '+', '-', '@']) {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}

/// The file of everything that is not known to be done, as Gong's own request body.
struct Remaining {
    /// The file itself if the path is a link, so that the link stays.
    path: PathBuf,
    /// The time of the next update.
    next: Instant,
}

impl Remaining {
    fn open(path: &Path, list: &CallAccessList) -> Result<Self> {
        let earlier = fs::read(path).map_err(cannot_write(path))?;
        let refusal = format!("--remaining would replace {}, which", path.display());
        if !earlier.is_empty() {
            let earlier: CallAccessList = serde_json::from_slice(&earlier)
                .map_err(|_| format!("{refusal} does not hold pairs"))?;
            let lost = earlier.difference(list).len();
            if lost > 0 {
                let lost = counted(lost, "pair");
                return Err(format!("{refusal} has {lost} that this run does not send").into());
            }
        }
        let remaining = Self {
            path: fs::canonicalize(path).map_err(cannot_write(path))?,
            next: Instant::now(),
        };
        remaining.write(list)?;
        Ok(remaining)
    }

    fn write(&self, list: &CallAccessList) -> Result<()> {
        Ok(self.replace(list).map_err(cannot_write(&self.path))?)
    }

    /// Replaces the file atomically: readers see the old list or the new, never a part.
    fn replace(&self, list: &CallAccessList) -> io::Result<()> {
        let old = fs::metadata(&self.path)?;
        let mut file = NamedTempFile::new_in(self.path.parent().unwrap_or(&self.path))?;
        file.as_file().set_permissions(old.permissions())?;
        file.write_all(&serde_json::to_vec(list)?)?;
        // Without it, a power failure after the rename could leave an empty file.
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }
}

/// The CSV file of the refused pairs, after the rows of earlier runs and beside those of others.
struct Refused {
    path: PathBuf,
    file: File,
}

impl Refused {
    fn open(path: &Path) -> Result<Self> {
        const HEADER: &str = "call_id,user_id,change,unknown_id,status,request_id,reason\n";
        let earlier = fs::read(path).map_err(cannot_write(path))?;
        // A spreadsheet ends lines in CRLF.
        let first = earlier.split(|byte| *byte == b'\n').next();
        let first = first.unwrap_or_default().trim_ascii_end();
        let missing = match &earlier[..] {
            [] => HEADER,
            // Other columns would give the rows another meaning.
            _ if first != HEADER.trim_end().as_bytes() => {
                let (path, header) = (path.display(), HEADER.trim_end());
                return Err(format!("{path} does not begin with the header {header}").into());
            }
            [.., b'\n'] => "",
            // The disk was full in the middle of a row, or an editor left the last line open.
            _ => "\n",
        };
        let file = OpenOptions::new().append(true).open(path);
        let mut file = file.map_err(cannot_write(path))?;
        file.write_all(missing.as_bytes())
            .map_err(cannot_write(path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }
}
