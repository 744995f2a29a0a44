//! Output files that are complete at any time, even if the process is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gong_call_access::{ApiError, Batch, CallAccessList, CallId, Outcome, UserId};
use tempfile::NamedTempFile;

use super::exit::BadInput;

/// Replaces a file atomically: readers see the old contents or the new, never a part.
fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    try_replace(path, write).map_err(|error| {
        let message = format!("cannot write {}: {error}", path.display());
        io::Error::new(error.kind(), message)
    })
}

fn try_replace(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    // The target of a symbolic link is replaced, and not the link.
    let target = fs::canonicalize(path);
    let path = target.as_deref().unwrap_or(path);
    let old = fs::metadata(path).ok();
    if old.as_ref().is_some_and(|old| !old.is_file()) {
        return Err(io::Error::other("it is not a regular file"));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::new_in(folder)?;
    if let Some(old) = old {
        file.as_file().set_permissions(old.permissions())?;
    }
    let mut buffered = io::BufWriter::new(&mut file);
    write(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    // Without it, a power failure after the rename could leave an empty file.
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// The file of the pairs that are not done yet, as Gong's own request body.
pub(crate) struct Remaining {
    path: PathBuf,
    /// The time of the next write.
    next: Instant,
}

impl Remaining {
    /// The pause between two writes, as a multiple of what the last one took: writing a large list
    /// takes at most a twentieth of the job's time.
    const PAUSE: u32 = 20;

    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            next: Instant::now(),
        }
    }

    /// Writes the list unless the last write was too recent.
    ///
    /// A file that is out of date names pairs that are done already; granting them again is harmless.
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
        replace(&self.path, |file| Ok(serde_json::to_writer(file, list)?))
    }
}

/// The CSV file of the refused pairs, with the id that explains each, after the rows of earlier runs.
pub(crate) struct Refused {
    path: PathBuf,
    /// The contents of the file before this run.
    earlier: Vec<u8>,
    refused: Vec<(CallAccessList, ApiError)>,
    /// How many pairs of each call were refused, and of each user.
    calls: BTreeMap<CallId, usize>,
    users: BTreeMap<UserId, usize>,
    /// The calls and users that Gong knows, since it acknowledged one of their pairs.
    acknowledged: (BTreeSet<CallId>, BTreeSet<UserId>),
}

impl Refused {
    const HEADER: &[u8] = b"call_id,user_id,unknown_id,status,request_id,reason\n";

    pub(crate) fn new(path: &Path) -> Result<Self, Box<dyn Error>> {
        let unusable = |problem: &dyn fmt::Display| {
            let message = format!("cannot append to {}: {problem}", path.display());
            Err(BadInput(message).into())
        };
        let mut earlier = match fs::read(path) {
            Ok(rows) => rows,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return unusable(&error),
        };
        if earlier.is_empty() {
            earlier = Self::HEADER.to_vec();
        }
        // Other columns would give the rows another meaning.
        if !earlier.starts_with(Self::HEADER) {
            return unusable(&"it does not begin with the columns that are written");
        }
        if !earlier.ends_with(b"\n") {
            earlier.push(b'\n');
        }
        let refused = Self {
            path: path.to_owned(),
            earlier,
            refused: Vec::new(),
            calls: BTreeMap::new(),
            users: BTreeMap::new(),
            acknowledged: (BTreeSet::new(), BTreeSet::new()),
        };
        refused.write()?;
        Ok(refused)
    }

    /// Records the outcome of a batch, and writes the file if the batch was refused.
    pub(crate) fn add(&mut self, batch: &Batch) -> Result<(), Box<dyn Error>> {
        let pairs = batch.access_list();
        match batch.outcome() {
            Outcome::Done(_) => {
                self.acknowledged.0.extend(pairs.calls());
                self.acknowledged
                    .1
                    .extend(pairs.pairs().map(|(_, user)| user));
            }
            Outcome::Refused(error) => {
                for (call, user) in pairs {
                    *self.calls.entry(call).or_default() += 1;
                    *self.users.entry(user).or_default() += 1;
                }
                self.refused.push((pairs.clone(), error.clone()));
                self.write()?;
            }
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn write(&self) -> Result<(), Box<dyn Error>> {
        let mut rows = csv::Writer::from_writer(self.earlier.clone());
        for (pairs, error) in &self.refused {
            let status = error.status().to_string();
            let request_id = error.request_id().unwrap_or_default();
            let reason = error.to_string();
            for (call, user) in pairs {
                // The size of a pair says nothing about its ids.
                let unknown = match error.status() {
                    413 => String::new(),
                    _ => self.unknown_id(call, user),
                };
                rows.write_record([
                    call.as_str(),
                    user.as_str(),
                    &unknown,
                    &status,
                    request_id,
                    &reason,
                ])?;
            }
        }
        let rows = rows.into_inner()?;
        Ok(replace(&self.path, |file| file.write_all(&rows))?)
    }

    /// Returns the id that explains a refusal, since Gong never acknowledged it. Empty if both ids are
    /// known.
    fn unknown_id(&self, call: CallId, user: UserId) -> String {
        let (calls, users) = &self.acknowledged;
        match (calls.contains(&call), users.contains(&user)) {
            (true, true) => String::new(),
            (false, true) => format!("call {call}"),
            (true, false) => format!("user {user}"),
            // Both may be unknown; the one with more refused pairs is the likelier reason.
            (false, false) if self.users.get(&user) > self.calls.get(&call) => {
                format!("user {user}")
            }
            (false, false) => format!("call {call}"),
        }
    }
}
