//! `reconcile`: makes access match a file exactly, for the calls that it names.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::iter;
use std::path::PathBuf;

use gong_call_access::{CallAccessList, CallId, Client, Id, Report};
use serde_json::json;

use crate::files::{Outputs, Paths};
use crate::job::{self, Change};
use crate::list::Listed;
use crate::output::{self, Confirmation, Exit, bad_input, counted, note};
use crate::{Result, Settings, files};

/// Make access match a file exactly, for the calls that it names
///
/// Lists the access to these calls, and shows what it would grant and revoke. It
/// changes nothing without --apply. It revokes before it grants: if it is stopped
/// halfway, some users may still lack access, but nobody regains access that was
/// revoked. To continue, run it again.
///
/// It sees only access that was given through this API. Users who can open a call
/// for another reason, such as a shared call or a permission profile, are not
/// listed and keep that access.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Every pair that should have access, and no other; `-` is standard input
    file: PathBuf,
    /// Reconcile these calls; a call without a pair in the other FILE loses all users
    #[arg(long, value_name = "FILE")]
    calls: Option<PathBuf>,
    /// Make the changes that are shown
    #[arg(long)]
    apply: bool,
    /// Allow this many revocations, instead of half of the access that is found
    #[arg(long, value_name = "N")]
    max_revocations: Option<usize>,
    /// Append the refused pairs to this CSV file, with Gong's reasons
    #[arg(long, value_name = "FILE", requires = "apply")]
    refused: Option<PathBuf>,
    /// Do not ask for confirmation
    #[arg(long, requires = "apply")]
    yes: bool,
}

pub(crate) fn run(arguments: &Arguments, settings: &Settings) -> Result<Exit> {
    if arguments.calls.as_ref() == Some(&arguments.file) && files::is_stdin(&arguments.file) {
        return bad_input("FILE and --calls cannot both be standard input");
    }
    let wanted = files::pairs(&arguments.file, Change::Grant)?;
    let calls = arguments.calls(&wanted)?;
    if wanted.is_empty() && arguments.max_revocations.is_none() {
        return bad_input(
            "FILE has no pairs, so nothing was sent. \
             To take away all access to the calls in --calls, add --max-revocations N",
        );
    }
    let confirmation = arguments
        .apply
        .then(|| Confirmation::new(arguments.yes))
        .transpose()?;
    let client = settings.client()?;
    let mut outputs = arguments.outputs(settings)?;
    let plan = Plan::new(&wanted, Listed::new(&client, &calls, settings)?);
    plan.listed.note_unknown();
    let allowed = arguments.check_revocations(&plan);
    let Some(confirmation) = confirmation else {
        plan.show(&[], plan.listed.exit(), settings)?;
        if let Err(error) = allowed {
            note!("with --apply: {error}");
        }
        return Ok(plan.listed.exit());
    };
    if !settings.json && !settings.quiet {
        plan.show(&[], plan.listed.exit(), settings)?;
    }
    allowed?;
    if plan.changes() > 0 {
        let (revoke, grant) = (plan.revoke.len(), plan.grant.len());
        let (revoke, grant) = (counted(revoke, "pair"), counted(grant, "pair"));
        confirmation.ask(&format!("revoke {revoke} and grant {grant}?"))?;
    }
    plan.record_unknown(&wanted, &mut outputs)?;
    let exit = plan.apply(&client, &mut outputs, settings)?;
    match exit {
        Exit::SomeRemain => note!("next: run the same command again to continue"),
        Exit::SomeRefused => {
            note!("next: correct what was refused, then run the same command again")
        }
        _ => {}
    }
    Ok(exit)
}

impl Arguments {
    /// The calls whose access is to be what the file says.
    fn calls(&self, wanted: &CallAccessList) -> Result<BTreeSet<CallId>> {
        let Some(path) = &self.calls else {
            return Ok(wanted.calls().collect());
        };
        let calls = files::calls(path)?;
        match wanted.calls().find(|call| !calls.contains(call)) {
            None => Ok(calls),
            Some(call) => bad_input(format!(
                "call {call} is in {} but not in {}, so nothing was sent",
                self.file.display(),
                path.display()
            )),
        }
    }

    fn outputs(&self, settings: &Settings) -> Result<Outputs> {
        let inputs = iter::once(self.file.as_path()).chain(self.calls.as_deref());
        let paths = Paths {
            inputs: inputs.collect(),
            remaining: None,
            refused: self.refused.as_deref(),
        };
        Ok(paths.open(settings.demo)?)
    }

    /// A file that lost its rows, or comes from another system, must not take access from everybody.
    fn check_revocations(&self, plan: &Plan) -> Result<()> {
        let (revoke, found) = (plan.revoke.len(), plan.listed.access.len());
        let most = self.max_revocations.unwrap_or(found / 2);
        if revoke <= most {
            return Ok(());
        }
        bad_input(format!(
            "{revoke} of {} would be revoked, which is more than {most}, so nothing was \
             changed. If that is intended, add --max-revocations {revoke}",
            counted(found, "pair"),
        ))
    }
}

/// What has to change.
struct Plan {
    listed: Listed,
    grant: CallAccessList,
    revoke: CallAccessList,
}

impl Plan {
    fn new(wanted: &CallAccessList, listed: Listed) -> Self {
        let mut grant = wanted.difference(&listed.access);
        grant.retain(|call, _| !listed.unknown.contains_key(&call));
        let revoke = listed.access.difference(wanted);
        Self {
            listed,
            grant,
            revoke,
        }
    }

    fn changes(&self) -> usize {
        self.grant.len() + self.revoke.len()
    }

    /// Pairs of the file whose call Gong does not know are refused, like any other refused pair.
    fn record_unknown(&self, wanted: &CallAccessList, outputs: &mut Outputs) -> Result<()> {
        let pairs = self.listed.unknown.iter().flat_map(|(call, error)| {
            let users = wanted.users(*call);
            users.map(move |user| (*call, user, Some(Id::Call(*call)), error))
        });
        outputs.append(Change::Grant, pairs)
    }

    fn apply(&self, client: &Client, outputs: &mut Outputs, settings: &Settings) -> Result<Exit> {
        let changes = [(Change::Revoke, &self.revoke), (Change::Grant, &self.grant)];
        let jobs = changes.map(|(change, list)| (change, change.batches(client, list)));
        let handles = jobs.iter().map(|(_, batches)| batches.stop_handle());
        job::stop_at_ctrl_c(handles.collect())?;
        let mut reports: Vec<(Change, Report)> = Vec::new();
        let mut exit = self.listed.exit();
        for (change, mut batches) in jobs {
            // What stopped the revocations would stop the grants too.
            let mut earlier = reports.iter().map(|(_, report)| report);
            if earlier.any(|report| report.stopped_by().is_some()) {
                batches.stop();
            }
            let (report, failure) = job::send(change, batches, outputs, settings);
            exit = exit.max(job::exit(&report));
            output::report(change, &report, settings);
            failure?;
            reports.push((change, report));
        }
        if settings.json {
            self.show(&reports, exit, settings)?;
        }
        Ok(exit)
    }

    fn show(
        &self,
        reports: &[(Change, Report)],
        exit: Exit,
        settings: &Settings,
    ) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if !settings.json {
            return write!(out, "{}", output::marked(&self.table(), settings));
        }
        let jobs = reports
            .iter()
            .map(|(change, report)| output::json(*change, report));
        let json = json!({
            "kept": self.listed.access.len() - self.revoke.len(),
            "revoke": self.revoke,
            "grant": self.grant,
            "unknown_calls": self.listed.unknown.keys().collect::<Vec<_>>(),
            "jobs": jobs.collect::<Vec<_>>(),
        });
        output::write_json(&mut out, json, exit, settings)
    }

    fn table(&self) -> String {
        let mut table = String::new();
        if self.changes() > 0 {
            table += &format!("{:8}{:22}USER\n", "", "CALL");
        }
        for (change, list) in [(Change::Revoke, &self.revoke), (Change::Grant, &self.grant)] {
            for (call, user) in list {
                let _ = writeln!(table, "{:8}{call:22}{user}", change.name());
            }
        }
        let kept = self.listed.access.len() - self.revoke.len();
        let (revoke, grant) = (self.revoke.len(), self.grant.len());
        let unknown = match self.listed.unknown.len() {
            0 => String::new(),
            count => format!(", {} that Gong does not know", counted(count, "call")),
        };
        table
            + &format!(
                "{kept} kept, {grant} to grant, {revoke} to revoke{unknown}\n\
                 (access that users have for other reasons is not listed and does not change)\n"
            )
    }
}
