//! Files that are whole at any moment, whenever the process dies.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gong_call_access::{ApiError, CallAccessList};
use tempfile::NamedTempFile;

/// Writes a file in one step: it is the old one or the new one, never a part.
fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::new_in(folder)?;
    let mut buffered = io::BufWriter::new(&mut file);
    write(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// The pairs that are not done yet, as Gong's own body.
pub(crate) struct Remaining {
    path: PathBuf,
    next: Instant,
}

impl Remaining {
    /// Between two writes, in units of what the last one took: a large list must not slow the job
    /// down.
    const PAUSE: u32 = 20;

    pub(crate) fn new(path: PathBuf) -> Self {
        let next = Instant::now();
        Self { path, next }
    }

    /// Writes the list if the last time was long enough ago. What is written late names pairs that
    /// are done already, and granting these again does no harm.
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

/// The refused pairs with reasons, as CSV, below what the file held before.
pub(crate) struct Refused {
    path: PathBuf,
    rows: Vec<u8>,
}

impl Refused {
    pub(crate) fn new(path: PathBuf) -> io::Result<Self> {
        let rows = match fs::read(&path) {
            Ok(rows) => rows,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut refused = Self { path, rows };
        if refused.rows.is_empty() {
            refused.add_row(["call_id", "user_id", "status", "request_id", "reason"])?;
        }
        replace(&refused.path, |file| file.write_all(&refused.rows))?;
        Ok(refused)
    }

    pub(crate) fn add(&mut self, pairs: &CallAccessList, error: &ApiError) -> io::Result<()> {
        let request_id = error.request_id().unwrap_or_default();
        for (call, user) in pairs {
            let (status, reason) = (error.status().to_string(), error.to_string());
            self.add_row([call.as_str(), user.as_str(), &status, request_id, &reason])?;
        }
        replace(&self.path, |file| file.write_all(&self.rows))
    }

    fn add_row(&mut self, row: [&str; 5]) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(&mut self.rows);
        writer.write_record(row)?;
        writer.flush()
    }
}
