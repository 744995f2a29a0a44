//! `reconcile`: makes access match a file exactly, for the calls that it names.

use std::collections::BTreeSet;
use std::iter;
use std::path::PathBuf;

use gong_call_access::{CallAccessList, CallId, Client, Id, Report};
use serde_json::{Value, json};

use crate::files::Outputs;
use crate::job::{self, Change};
use crate::list::Listed;
use crate::output::{self, Exit, bad_input, counted, note};
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
    let wanted = arguments.wanted(settings)?;
    let calls = arguments.calls(&wanted, settings)?;
    let must_ask = arguments.apply && !arguments.yes;
    if must_ask {
        output::check_terminal()?;
    }
    let client = settings.client()?;
    let inputs = iter::once(&*arguments.file).chain(arguments.calls.as_deref());
    let mut outputs = Outputs::open(inputs, None, arguments.refused.as_deref(), settings)?;
    let plan = Plan::new(&wanted, Listed::new(&client, &calls, settings)?);
    plan.listed.note_unknown();
    let is_quiet = settings.quiet && arguments.apply;
    if !is_quiet && !settings.json {
        output::print(&plan.table(), settings)?;
    }
    let allowed = plan.check_revocations(arguments.max_revocations);
    let mut reports = Vec::new();
    if arguments.apply {
        allowed?;
        if must_ask && plan.is_change() {
            plan.confirm()?;
        }
        plan.record_unknown(&wanted, &mut outputs)?;
        reports = plan.apply(&client, &mut outputs, settings)?;
    } else if let Err(error) = allowed {
        note!("with --apply: {error}");
    }
    let exits = reports.iter().map(|(_, report)| job::exit(report));
    let exit = exits.fold(plan.listed.exit(), Exit::max);
    if settings.json {
        output::print_json(plan.json(&reports), exit, settings)?;
    }
    match exit {
        Exit::SomeRemain => note!("next: run the same command again to continue"),
        Exit::SomeRefused if arguments.apply => {
            note!("next: correct what was refused, then run the same command again");
        }
        _ => {}
    }
    Ok(exit)
}

impl Arguments {
    /// The only pairs that should have access.
    fn wanted(&self, settings: &Settings) -> Result<CallAccessList> {
        if files::is_stdin(&self.file) && self.calls.as_ref() == Some(&self.file) {
            return bad_input("FILE and --calls cannot both be standard input");
        }
        let wanted = files::pairs(&self.file, Change::Grant, settings)?;
        if wanted.is_empty() && self.max_revocations.is_none() {
            let file = self.file.display();
            return bad_input(format!(
                "{file} has no pairs, so nothing was sent; to take away all access to the calls \
                 in --calls, add --max-revocations N"
            ));
        }
        Ok(wanted)
    }

    /// The calls whose access is to be what the file says.
    fn calls(&self, wanted: &CallAccessList, settings: &Settings) -> Result<BTreeSet<CallId>> {
        let Some(path) = &self.calls else {
            return Ok(wanted.calls().collect());
        };
        let calls = files::calls(path, settings)?;
        match wanted.calls().find(|call| !calls.contains(call)) {
            None => Ok(calls),
            Some(call) => bad_input(format!(
                "call {call} is in {} but not in {}, so nothing was sent",
                self.file.display(),
                path.display()
            )),
        }
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

    /// First what takes access away.
    fn changes(&self) -> [(Change, &CallAccessList); 2] {
        [(Change::Revoke, &self.revoke), (Change::Grant, &self.grant)]
    }

    fn is_change(&self) -> bool {
        !self.revoke.is_empty() || !self.grant.is_empty()
    }

    /// A file that lost its rows, or comes from another system, must not take access from everybody.
    fn check_revocations(&self, most: Option<usize>) -> Result<()> {
        let (revoke, found) = (self.revoke.len(), self.listed.access.len());
        let most = most.unwrap_or(found / 2);
        if revoke <= most {
            return Ok(());
        }
        let found = counted(found, "pair");
        bad_input(format!(
            "{revoke} of {found} would be revoked, which is more than {most}, so nothing was \
             changed. If that is intended, add --max-revocations {revoke}"
        ))
    }

    fn confirm(&self) -> Result<()> {
        let revoke = counted(self.revoke.len(), "pair");
        let grant = counted(self.grant.len(), "pair");
        output::confirm(&format!("revoke {revoke} and grant {grant}?"))
    }

    /// Pairs of the file whose call Gong does not know are refused, like any other refused pair.
    fn record_unknown(&self, wanted: &CallAccessList, outputs: &mut Outputs) -> Result<()> {
        let pairs = self.listed.unknown.iter().flat_map(|(call, error)| {
            let users = wanted.users(*call);
            users.map(move |user| (*call, user, Some(Id::Call(*call)), error))
        });
        outputs.append(Change::Grant, pairs)
    }

    fn apply(
        &self,
        client: &Client,
        outputs: &mut Outputs,
        settings: &Settings,
    ) -> Result<Vec<(Change, Report)>> {
        let jobs = self.changes();
        let jobs = jobs.map(|(change, list)| (change, change.batches(client, list)));
        let handles = jobs.iter().map(|(_, batches)| batches.stop_handle());
        job::stop_at_ctrl_c(handles.collect())?;
        let mut reports: Vec<(Change, Report)> = Vec::new();
        for (change, mut batches) in jobs {
            // What stopped the revocations would stop the grants too.
            let mut earlier = reports.iter().map(|(_, report)| report);
            if earlier.any(|report| report.stopped_by().is_some()) {
                batches.stop();
            }
            let (report, failure) = job::send(change, batches, outputs, settings);
            output::report(change, &report, settings);
            failure?;
            reports.push((change, report));
        }
        Ok(reports)
    }

    fn kept(&self) -> usize {
        self.listed.access.len() - self.revoke.len()
    }

    fn json(&self, reports: &[(Change, Report)]) -> Value {
        let jobs = reports.iter();
        let jobs = jobs.map(|(change, report)| output::json(*change, report));
        json!({
            "kept": self.kept(),
            "revoke": self.revoke,
            "grant": self.grant,
            "unknown_calls": self.listed.unknown.keys().collect::<Vec<_>>(),
            "jobs": jobs.collect::<Vec<_>>(),
        })
    }

    fn table(&self) -> String {
        let mut table = String::new();
        if self.is_change() {
            table += &format!("{:8}{:22}USER\n", "", "CALL");
        }
        for (change, list) in self.changes() {
            for (call, user) in list {
                table += &format!("{:8}{call:22}{user}\n", change.name());
            }
        }
        let (kept, grant, revoke) = (self.kept(), self.grant.len(), self.revoke.len());
        table += &format!("{kept} kept, {grant} to grant, {revoke} to revoke");
        if !self.listed.unknown.is_empty() {
            let calls = counted(self.listed.unknown.len(), "call");
            table += &format!(", {calls} that Gong does not know");
        }
        table + "\n(access that users have for other reasons is not listed and does not change)\n"
    }
}
