//! `FAULTS.md` lists every fault once, and each test that it names exists.

use std::path::Path;

const FAULTS: &str = include_str!("FAULTS.md");

/// The cells of each fault's row.
fn faults() -> Vec<[&'static str; 5]> {
    FAULTS
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .filter(|row| row.starts_with(|first: char| first.is_ascii_digit()))
        .map(|row| {
            let cells: Vec<_> = row.split(" | ").collect();
            cells
                .try_into()
                .unwrap_or_else(|_| panic!("expected 5 cells: {row}"))
        })
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sources that may hold the tests of `module`: files of `tests/` and `cli/`, or of `src/` with unit tests.
fn source(module: &str) -> String {
    let path = module.replace("::", "/");
    let in_cli = path.strip_prefix("cli/").unwrap_or_default();
    let files = [
        format!("tests/it/{path}.rs"),
        format!("tests/{path}.rs"),
        format!("src/{path}.rs"),
        format!("src/{path}/mod.rs"),
        format!("cli/tests/it/{in_cli}.rs"),
        format!("cli/src/{in_cli}.rs"),
    ];
    let texts = files.map(|file| std::fs::read_to_string(root().join(file)).unwrap_or_default());
    texts.concat()
}

/// Whether `source` has a test of this name.
fn has_test(source: &str, name: &str) -> bool {
    let start = format!("fn {name}(");
    let mut lines = source.lines().map(str::trim).rev();
    lines.any(|line| line.starts_with(&start))
        && lines
            .take_while(|line| line.starts_with("#["))
            .any(|line| line == "#[test]")
}

#[test]
fn every_fault_is_listed_once_and_in_order() {
    let numbers: Vec<usize> = faults()
        .iter()
        .map(|[number, ..]| number.parse().unwrap())
        .collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
}

#[test]
fn every_fault_names_tests_that_exist() {
    for [number, fault, outcome, retried, tests] in faults() {
        for cell in [fault, outcome, retried] {
            assert!(!cell.trim().is_empty(), "fault {number} has an empty cell");
        }
        // The package of the library does not hold the tool.
        let is_here = |test: &&str| !test.starts_with("`cli::") || root().join("cli").exists();
        for test in tests.split(", ").filter(is_here) {
            let name = test
                .strip_prefix('`')
                .and_then(|test| test.strip_suffix('`'));
            let (module, function) = name
                .and_then(|name| name.rsplit_once("::"))
                .unwrap_or_else(|| panic!("fault {number}: {test} is not `file::function`"));
            assert!(
                has_test(&source(module), function),
                "fault {number}: there is no test {test}"
            );
        }
    }
}
