//! Links, devices and full disks, as Unix has them.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use crate::common::{Folder, Gong, REFUSED_HEADER, assert_has, pairs, read_list, run, said};

#[test]
fn links_are_followed_and_stay() {
    let gong = Gong::new(pairs([]));
    let folder = Folder::new();
    let file = folder.table("pairs.csv", &pairs([(5, 7), (5, 99)]));
    let (link, target) = (folder.path("link"), folder.path("target"));
    symlink(&target, &link).unwrap();
    let arguments = [
        "grant",
        "--file",
        &file,
        "--remaining",
        &link,
        "--refused",
        &target,
    ];
    assert_has(
        &run(&mut gong.tool(arguments), 2).err,
        &["is the same file as"],
    );
    assert!(!fs::exists(&target).unwrap() && fs::symlink_metadata(&link).is_ok());
    assert_eq!(gong.methods().len(), 0);

    fs::write(&target, "").unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    run(
        &mut gong.tool(["grant", "--file", &file, "--remaining", &link]),
        3,
    );
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(read_list(&target), pairs([(5, 99)]));
    let mode = fs::metadata(&target).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn a_device_is_not_replaced_by_a_file() {
    let gong = Gong::new(pairs([]));
    let said = run(
        &mut gong.tool(["grant", "5", "7", "--remaining", "/dev/stdout"]),
        2,
    );
    assert_has(&said.err, &["/dev/stdout: it is not a regular file"]);
    assert_eq!(gong.methods().len(), 0);
}

/// A disk that is full after so many blocks.
fn full_after(blocks: usize, mut tool: Command) -> Command {
    let mut shell = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    shell
        .args(["-c", &script])
        .arg(tool.get_program())
        .args(tool.get_args());
    for (name, value) in tool.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    tool = shell;
    tool
}

#[test]
fn a_full_disk_loses_no_pair() {
    let gong = Gong::new(pairs([]));
    let folder = Folder::new();
    let all = pairs((1..40).map(|call| (9900 + call, 7)).chain([(5, 7)]));
    let (file, left) = (folder.table("pairs.csv", &all), folder.path("left.json"));
    let refused = folder.write("refused.csv", REFUSED_HEADER);
    let files = [
        "grant",
        "--file",
        &file,
        "--remaining",
        &left,
        "--refused",
        &refused,
    ];
    // The list fits, and the table does not.
    let output = full_after(4, gong.tool(files)).output();
    let shown = said(output.unwrap(), 1);
    assert_has(&shown.out, &["done: 1 pair", "refused: 39 pairs"]);
    assert_has(&shown.err, &["cannot write", "refused.csv"]);
    assert_eq!(read_list(&left), all.difference(&pairs([(5, 7)])));

    let count = gong.methods().len();
    let output = full_after(0, gong.tool(files)).output();
    assert_has(&said(output.unwrap(), 2).err, &["cannot write"]);
    assert_eq!(gong.methods().len(), count, "nothing was sent");
    assert_eq!(read_list(&left), all.difference(&pairs([(5, 7)])));
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_a_failure_unless_access_was_changed() {
    let gong = Gong::new(pairs([(5, 7)]));
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let said = run(gong.tool(["list", "5"]).stdout(full()), 1);
    assert_has(&said.err, &["No space left on device"]);
    run(
        gong.tool(["grant", "5", "8"]).stdout(full()).stderr(full()),
        0,
    );
    assert_eq!(gong.access(), pairs([(5, 7), (5, 8)]));
}
