//! `kill -9` at random moments: no pair is in no file, and none is done only on paper.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use gong_call_access::CallAccessList;

use crate::common::{Folder, Gong, pairs, read_list, run};

/// 2,000 calls with one user each, and a tenth with a user whom Gong does not know.
fn all() -> CallAccessList {
    let known = (0..2000).map(|call| (1000 + call, 7));
    pairs(known.chain((0..200).map(|call| (1000 + 10 * call, 99))))
}

/// Runs the program, and kills it at a random moment before it sends this many requests.
fn kill(gong: &Gong, tool: &mut Command, random: &mut Rng, most: usize) {
    gong.heard.try_iter().for_each(drop);
    let tool = tool.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = tool.spawn().unwrap();
    let mut requests = random.usize(0..most);
    while requests > 0 && child.try_wait().unwrap().is_none() {
        // It may end without another request.
        requests -= gong
            .heard
            .recv_timeout(Duration::from_millis(5))
            .map_or(0, |()| 1);
    }
    // Anywhere between two requests.
    thread::sleep(Duration::from_micros(random.u64(0..2000)));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The pairs of the table of refused ones, whose last row may be cut.
fn refused(path: &str) -> CallAccessList {
    let Ok(table) = std::fs::read_to_string(path) else {
        return pairs([]);
    };
    let rows = table.lines().skip(1).map(|row| {
        let mut ids = row.split(',').map(|id| id.parse().unwrap());
        (ids.next().unwrap(), ids.next().unwrap())
    });
    pairs(rows)
}

fn job_is_killed(change: &str, seed: u64) {
    let (mut random, folder) = (Rng::with_seed(seed), Folder::new());
    let all = all();
    let good = all.difference(&pairs(
        all.calls().map(|call| (call.as_str().parse().unwrap(), 99)),
    ));
    let gong = Gong::new(if change == "grant" {
        pairs([])
    } else {
        good.clone()
    });
    // What Gong holds of the job's effect.
    let done = || match change {
        "grant" => gong.access(),
        _ => good.difference(&gong.access()),
    };
    let (mut file, table) = (folder.table("pairs.csv", &all), folder.path("refused.csv"));
    let mut expected = all.clone();
    for nth in 0..5 {
        let left = folder.path(&format!("left-{nth}.json"));
        let mut tool = gong.tool([
            change,
            "--file",
            &file,
            "--remaining",
            &left,
            "--refused",
            &table,
        ]);
        if change == "revoke" {
            tool.arg("--yes");
        }
        kill(&gong, &mut tool, &mut random, 50);
        let Some(remaining) = std::fs::read(&left).ok().filter(|left| !left.is_empty()) else {
            continue;
        };
        let remaining: CallAccessList = serde_json::from_slice(&remaining).unwrap();
        let claimed = expected.difference(&remaining).difference(&refused(&table));
        assert!(
            claimed.is_subset(&done()),
            "seed {seed}: Gong does not hold it"
        );
        expected = remaining;
        file = left;
    }
    let left = folder.path("left.json");
    let mut tool = gong.tool([
        change,
        "--file",
        &file,
        "--remaining",
        &left,
        "--refused",
        &table,
    ]);
    if change == "revoke" {
        tool.arg("--yes");
    }
    assert!(
        tool.stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok()
    );
    assert_eq!(done(), good, "seed {seed}");
    let bad = refused(&table).into_iter().chain(read_list(&left));
    assert_eq!(
        bad.collect::<CallAccessList>(),
        all.difference(&good),
        "seed {seed}"
    );
}

#[test]
fn a_grant_killed_at_20_moments_loses_no_pair() {
    (0..4).for_each(|seed| job_is_killed("grant", seed));
}

#[test]
fn a_revocation_killed_at_15_moments_loses_no_pair() {
    (0..3).for_each(|seed| job_is_killed("revoke", seed));
}

#[test]
fn a_reconcile_killed_at_15_moments_ends_with_what_the_file_says() {
    for seed in 0..3 {
        let (mut random, folder) = (Rng::with_seed(seed), Folder::new());
        let wanted = pairs((0..700).map(|call| (1000 + call, 7)));
        let others = pairs((0..100).map(|call| (call, 7)));
        let current = (0..700).map(|call| (1000 + call, if call % 3 == 0 { 8 } else { 7 }));
        let gong = Gong::new(pairs(current).into_iter().chain(&others).collect());
        let file = folder.table("wanted.csv", &wanted);
        for _ in 0..5 {
            kill(
                &gong,
                &mut gong.tool(["reconcile", &file, "--apply", "--yes"]),
                &mut random,
                14,
            );
        }
        run(&mut gong.tool(["reconcile", &file, "--apply", "--yes"]), 0);
        assert_eq!(gong.access(), wanted.into_iter().chain(&others).collect());
        let said = run(&mut gong.tool(["reconcile", &file]), 0);
        assert!(
            said.out.contains("700 kept, 0 to grant, 0 to revoke"),
            "{}",
            said.out
        );
    }
}
