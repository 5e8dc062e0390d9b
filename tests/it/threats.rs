//! docs/protocol/threats.md lists what enforces each promise: every test and file named there exists, and every id has its row.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Every function in the source and the tests, prefixed with its file.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let own = if stem == "mod" { path.parent().unwrap().file_name().unwrap().to_str().unwrap() } else { stem };
            let source = fs::read_to_string(&path).unwrap();
            let names = source.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
            found.extend(names.map(|name| format!("{own}::{name}")));
        }
    }
}

/// Paths and tests that a page names in backticks but that do not exist.
fn missing(page: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut there = BTreeSet::new();
    functions(&root.join("src"), &mut there);
    functions(&root.join("tests"), &mut there);
    let named = page.split('`').skip(1).step_by(2);
    let is_path = |name: &str| ["src/", "tests/", "scripts/", "deploy/", "docs/"].iter().any(|at| name.starts_with(at));
    let is_missing = |name: &&str| {
        let is_test = name.contains("::") && !name.contains(' ');
        (is_test && !there.contains(*name)) || (is_path(name) && !root.join(name).exists())
    };
    named.filter(is_missing).map(str::to_owned).collect()
}

/// Every row of the page's tables, by its first cell.
fn rows(page: &str) -> Vec<&str> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    cells.filter(|cell| !cell.starts_with("---")).collect()
}

#[test]
fn every_name_is_there() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol/threats.md")).unwrap();
    let missing = missing(&page);
    assert!(missing.is_empty(), "{missing:?}");
    let rows = rows(&page);
    let promises = (1..=12).map(|n| format!("S{n}")).chain((1..=19).map(|n| format!("R{n}")));
    for id in promises.chain((1..=52).map(|n| n.to_string())) {
        assert_eq!(rows.iter().filter(|row| **row == id).count(), 1, "{id}");
    }
    let is_head = |line: &str| line.starts_with("| id") || line.starts_with("| ---");
    for line in page.lines().filter(|line| line.matches(" | ").count() == 3 && !is_head(line)) {
        let mark = line.split(" | ").nth(2).unwrap();
        assert!(["yes", "part", "no"].contains(&mark), "{line}");
    }
}

#[test]
fn this_check_can_fail() {
    let page = "`lend::nobody_has_written_this` and `src/nowhere.rs`, `threats::this_check_can_fail` and `Db::open`";
    assert_eq!(missing(page), ["lend::nobody_has_written_this", "src/nowhere.rs", "Db::open"]);
}
