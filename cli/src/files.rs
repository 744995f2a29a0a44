//! Input files, and output files that are complete at any moment, even if the process is killed.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gong_call_access::{ApiError, CallAccessList, CallId, Id};
use same_file::Handle;
use tempfile::NamedTempFile;

use crate::Result;
use crate::input::{self, Input, Problems};
use crate::job::Change;
use crate::output::{BadInput, counted, note};

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, BadInput> {
    let mut bytes = Vec::new();
    let result = match is_stdin(path) {
        true => io::stdin().read_to_end(&mut bytes).map(drop),
        false => fs::read(path).map(|read| bytes = read),
    };
    result.map_err(|error| BadInput(format!("cannot read {}: {error}", path.display())))?;
    Ok(bytes)
}

pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads the pairs of a file, or reports everything that is wrong with it.
pub(crate) fn pairs(path: &Path, change: Change) -> Result<CallAccessList> {
    Ok(usable(
        path,
        input::read_pairs(&read(path)?, change.name()),
    )?)
}

/// Reads the calls of a file, or reports everything that is wrong with it.
pub(crate) fn calls(path: &Path) -> Result<BTreeSet<CallId>> {
    Ok(usable(path, input::read_calls(&read(path)?))?)
}

/// The outputs of a job.
pub(crate) struct Outputs {
    pub(crate) remaining: Option<Remaining>,
    pub(crate) refused: Option<Refused>,
}

/// The paths of the outputs of a job.
#[derive(Clone, Copy)]
pub(crate) struct Paths<'a> {
    pub(crate) inputs: &'a [&'a Path],
    pub(crate) remaining: Option<&'a Path>,
    pub(crate) refused: Option<&'a Path>,
}

impl Paths<'_> {
    /// Opens the outputs of a job with these pairs.
    ///
    /// Fails if one cannot be written, or is also an input or the other one. What it created is then
    /// removed.
    pub(crate) fn open(self, list: &CallAccessList, is_demo: bool) -> Result<Outputs, BadInput> {
        let outputs = [self.remaining, self.refused].into_iter().flatten();
        let (old, new): (Vec<_>, Vec<_>) = outputs.partition(|path| path.exists());
        if let (true, [path, ..]) = (is_demo, &old[..]) {
            let path = path.display();
            return Err(BadInput(format!("{path} exists; --demo changes no file")));
        }
        let opened = self.try_open(list);
        if opened.is_err() {
            for path in new {
                // A dangling link was there before; its target was not.
                let _ = fs::canonicalize(path).map(fs::remove_file);
            }
        }
        opened.map_err(|problem| BadInput(format!("{problem}; nothing was sent")))
    }

    fn try_open(self, list: &CallAccessList) -> Result<Outputs, String> {
        let mut seen = Vec::new();
        for input in self.inputs {
            let (name, handle) = match is_stdin(input) {
                true => ("standard input".to_owned(), Handle::stdin()),
                false => (input.display().to_string(), Handle::from_path(input)),
            };
            // A pipe may have no identity, and then it is not a file either.
            seen.extend(handle.ok().map(|handle| (name, handle)));
        }
        for (option, path) in [("--refused", self.refused), ("--remaining", self.remaining)] {
            let Some(path) = path else { continue };
            let unusable = |error: io::Error| format!("cannot write {}: {error}", path.display());
            let file = OpenOptions::new().append(true).create(true).open(path);
            let file = file.and_then(regular);
            let handle = file.and_then(Handle::from_file).map_err(unusable)?;
            if let Some((other, _)) = seen.iter().find(|(_, other)| *other == handle) {
                let path = path.display();
                return Err(format!("{option} {path} is the same file as {other}"));
            }
            seen.push((format!("{option} {}", path.display()), handle));
        }
        // On Windows, a file that is open cannot be replaced.
        drop(seen);
        let refused = self.refused.map(Refused::open).transpose()?;
        let remaining = self.remaining.map(|path| Remaining::open(path, list));
        Ok(Outputs {
            remaining: remaining.transpose()?,
            refused,
        })
    }
}

/// The file of everything that is not known to be done, as Gong's own request body.
pub(crate) struct Remaining {
    /// The file itself if the path is a link, so that the link stays.
    path: PathBuf,
    /// The time of the next update.
    next: Instant,
}

impl Remaining {
    /// The pause between two writes, as a multiple of what the last one took: writing a large list
    /// takes at most a twentieth of the job's time.
    const PAUSE: u32 = 20;

    fn open(path: &Path, list: &CallAccessList) -> Result<Self, String> {
        let shown = path.display();
        let unusable = |error| format!("cannot write {shown}: {error}");
        let earlier = fs::read(path).map_err(unusable)?;
        if !earlier.is_empty() {
            let earlier: CallAccessList = serde_json::from_slice(&earlier).map_err(|_| {
                format!("--remaining would replace {shown}, which does not hold pairs")
            })?;
            let lost = earlier.difference(list).len();
            if lost > 0 {
                let lost = counted(lost, "pair");
                return Err(format!(
                    "--remaining would replace {shown}, which has {lost} that this run does not send"
                ));
            }
        }
        let remaining = Self {
            path: fs::canonicalize(path).map_err(unusable)?,
            next: Instant::now(),
        };
        remaining.replace(list).map_err(unusable)?;
        Ok(remaining)
    }

    /// Writes the list unless the last write was too recent.
    ///
    /// A file that is out of date names pairs that are done already; sending them again is harmless.
    pub(crate) fn update(&mut self, list: impl FnOnce() -> CallAccessList) -> io::Result<()> {
        let started = Instant::now();
        if started < self.next {
            return Ok(());
        }
        self.write(&list())?;
        let took = started.elapsed().max(Duration::from_millis(5));
        self.next = Instant::now() + took * Self::PAUSE;
        Ok(())
    }

    pub(crate) fn write(&self, list: &CallAccessList) -> io::Result<()> {
        self.replace(list)
            .map_err(|error| cannot_write(&self.path, &error))
    }

    /// Replaces the file atomically: readers see the old list or the new, never a part.
    fn replace(&self, list: &CallAccessList) -> io::Result<()> {
        let old = fs::metadata(&self.path)?;
        let file = NamedTempFile::new_in(folder(&self.path))?;
        file.as_file().set_permissions(old.permissions())?;
        let mut buffered = BufWriter::new(file.as_file());
        serde_json::to_writer(&mut buffered, list)?;
        buffered.flush()?;
        drop(buffered);
        // Without it, a power failure after the rename could leave an empty file.
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }
}

fn regular(file: File) -> io::Result<File> {
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is not a regular file")),
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("cannot write {}: {error}", path.display()),
    )
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The CSV file of the refused pairs, after the rows of earlier runs and beside those of others.
pub(crate) struct Refused {
    file: File,
    path: PathBuf,
}

const HEADER: &str = "call_id,user_id,change,unknown_id,status,request_id,reason\n";

impl Refused {
    fn open(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let unusable = |error| format!("cannot write {shown}: {error}");
        let file = OpenOptions::new().append(true).open(path);
        let mut refused = Self {
            file: file.map_err(unusable)?,
            path: path.to_owned(),
        };
        let earlier = fs::read(path).map_err(unusable)?;
        // Other columns would give the rows another meaning.
        if !earlier.is_empty() && !earlier.starts_with(HEADER.as_bytes()) {
            return Err(format!(
                "{shown} does not begin with the header {}",
                HEADER.trim_end()
            ));
        }
        let missing = match &earlier[..] {
            [] => HEADER,
            // The disk was full in the middle of a row, or an editor left the last line open.
            [.., last] if *last != b'\n' => "\n",
            _ => "",
        };
        refused
            .file
            .write_all(missing.as_bytes())
            .map_err(unusable)?;
        Ok(refused)
    }

    /// Appends these rows in one write.
    pub(crate) fn append(&mut self, rows: Rows) -> Result<()> {
        let rows = rows.0.into_inner()?;
        let written = self.file.write_all(&rows);
        let synced = written.and_then(|()| self.file.sync_all());
        Ok(synced.map_err(|error| cannot_write(&self.path, &error))?)
    }
}

/// Rows for the file of the refused pairs.
pub(crate) struct Rows(csv::Writer<Vec<u8>>);

impl Rows {
    pub(crate) fn new() -> Self {
        Self(csv::Writer::from_writer(Vec::new()))
    }

    pub(crate) fn add(
        &mut self,
        change: Change,
        id: Option<Id>,
        pairs: &CallAccessList,
        error: &ApiError,
    ) -> Result<()> {
        let reason = error.to_string();
        let id = id.map_or_else(String::new, |id| id.to_string());
        let status = error.status().to_string();
        let request_id = error.request_id().unwrap_or_default();
        for (call, user) in pairs {
            let cells = [
                call.as_str(),
                user.as_str(),
                change.name(),
                &id,
                &status,
                request_id,
                &reason,
            ];
            self.0.write_record(cells.map(harmless))?;
        }
        Ok(())
    }
}

/// Keeps a spreadsheet from taking a text of the server for a formula.
fn harmless(cell: &str) -> String {
    let quote = if cell.starts_with(['=', '+', '-', '@']) {
        "'"
    } else {
        ""
    };
    format!("{quote}{cell}")
}

/// Returns what was read, with its warnings shown, or an error with all of its problems.
fn usable<T>(path: &Path, read: Result<Input<T>, Problems>) -> Result<T, BadInput> {
    let path = path.display();
    let input = read.map_err(|problems| {
        BadInput(format!(
            "{path} cannot be used, so nothing was sent:\n{problems}"
        ))
    })?;
    if !input.warnings.is_empty() {
        note!("warning: {path}:\n{}", input.warnings);
    }
    Ok(input.ids)
}
