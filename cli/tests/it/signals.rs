//! Ctrl-C, and a terminal that closes.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use gong_call_access::CallAccessList;

use crate::common::{Folder, Gong, pairs, read_list};

fn send(signal: &str, child: &Child) {
    // Every shell has it built in, and a small system has no other.
    let kill = format!("kill -s {signal} {}", child.id());
    let status = Command::new("sh").args(["-c", &kill]).status();
    assert!(status.unwrap().success());
}

/// Longer than anything that is expected to happen takes.
const LONG: Duration = Duration::from_secs(20);

/// A job whose third request is in flight until something is sent.
struct Job {
    gong: Gong,
    all: CallAccessList,
    folder: Folder,
    release: Sender<()>,
}

impl Job {
    fn new() -> Self {
        let (release, held) = mpsc::channel();
        let gong = Gong::answering(pairs([]), move |nth, _| {
            if nth == 2 {
                held.recv_timeout(LONG).unwrap();
            }
            None
        });
        let all = pairs((1000..2000).map(|call| (call, 7)));
        let folder = Folder::new();
        folder.table("pairs.csv", &all);
        Self {
            gong,
            all,
            folder,
            release,
        }
    }

    /// Starts the program in a shell, and returns it once the request is in flight.
    fn start(&self, before: &str) -> Child {
        let (file, left) = (self.folder.path("pairs.csv"), self.folder.path("left.json"));
        let tool = self
            .gong
            .tool(["grant", "--file", &file, "--remaining", &left]);
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{before} exec \"$0\" \"$@\"")]);
        shell.arg(tool.get_program()).args(tool.get_args());
        shell.envs(
            tool.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        let child = shell.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        (0..3).for_each(|_| self.gong.heard.recv_timeout(LONG).unwrap());
        child.unwrap()
    }
}

/// Presses Ctrl-C, and returns once the program has heard it.
fn interrupt(child: &mut Child) {
    send("INT", child);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("stopping")));
}

#[test]
fn ctrl_c_stops_after_the_request_in_flight() {
    let job = Job::new();
    let mut child = job.start("");
    interrupt(&mut child);
    job.release.send(()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4));
    assert_eq!(job.gong.access().len(), 300);
    let left = read_list(job.folder.path("left.json"));
    assert_eq!(left, job.all.difference(&job.gong.access()));
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let job = Job::new();
    let mut child = job.start("");
    interrupt(&mut child);
    send("INT", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let left = read_list(job.folder.path("left.json"));
    assert!(job.all.difference(&job.gong.access()).is_subset(&left));
    assert!(left.len() <= 900, "the first batch has left the file");
    job.release.send(()).unwrap();
}

#[test]
fn a_job_under_nohup_survives_its_terminal() {
    let job = Job::new();
    let mut child = job.start("trap '' HUP;");
    send("HUP", &child);
    job.release.send(()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(job.gong.access(), job.all);
}
