//! docs/protocol lists what enforces each promise and answers to each fact: every test and file named there exists, every
//! section and every threat that the code cites is there, and every id has its row with a proof or a reason.

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

/// A page of docs/protocol.
fn protocol(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/protocol/{name}.md"))).unwrap()
}

/// The sections that a source cites: `docs/protocol/PAGE.md §1.2`.
fn cited(source: &str) -> Vec<(String, String)> {
    let citations = source.split("docs/protocol/").skip(1).filter_map(|rest| rest.split_once(".md §"));
    citations
        .filter(|(page, _)| page.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        .map(|(page, rest)| {
            let section: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            (page.to_owned(), section.trim_end_matches('.').to_owned())
        })
        .collect()
}

fn sources(folder: &Path, found: &mut Vec<String>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(fs::read_to_string(&path).unwrap());
        }
    }
}

/// Every row of the page's tables, by its first cell.
fn rows(page: &str) -> Vec<&str> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    cells.filter(|cell| !cell.starts_with("---")).collect()
}

/// The rules of §6 to §9. What has no number in them was a remark, and an id never changes its meaning.
fn rules() -> Vec<String> {
    let numbered = [(6, 1..=10), (7, 1..=5), (7, 7..=8), (9, 1..=7)];
    let numbered = numbered.into_iter().flat_map(|(section, all)| all.map(move |n| format!("§{section}.{n}")));
    let http = ["head", "body", "time", "headers", "methods", "problems", "rates"].map(|name| format!("§8 {name}"));
    numbered.chain(http).collect()
}

/// Whether a row states what its mark needs: what is kept names a test, a file or another row, what is not kept has its reason.
fn is_shown(mark: &str, by_what: &str) -> bool {
    let refers =
        |to: &str| by_what.split(to).skip(1).any(|rest| rest.trim_start().starts_with(|c: char| c.is_ascii_digit()));
    let is_named = by_what.contains('`') || ["S", "R", "hreat", "hreats", "§"].into_iter().any(refers);
    if mark == "no" { by_what.len() > 30 } else { is_named }
}

#[test]
fn every_name_is_there() {
    for name in ["threats", "wc-auth", "store-answers", "habits", "application-passwords"] {
        assert_eq!(missing(&protocol(name)), Vec::<String>::new(), "{name}");
    }
    let page = protocol("threats");
    let rows = rows(&page);
    let promises = (1..=12).map(|n| format!("S{n}")).chain((1..=19).map(|n| format!("R{n}")));
    for id in promises.chain((1..=52).map(|n| n.to_string())).chain(rules()) {
        assert_eq!(rows.iter().filter(|row| **row == id).count(), 1, "{id}");
    }
    let is_head = |line: &str| line.starts_with("| id") || line.starts_with("| ---");
    for line in page.lines().filter(|line| line.matches(" | ").count() == 3 && !is_head(line)) {
        let cells: Vec<&str> = line.trim_end_matches(" |").split(" | ").collect();
        assert!(["yes", "part", "no"].contains(&cells[2]) && is_shown(cells[2], cells[3]), "{line}");
    }
}

#[test]
fn every_section_that_is_cited_is_there() {
    let mut all = Vec::new();
    for folder in ["src", "tests"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut all);
    }
    let cited: BTreeSet<(String, String)> = all.iter().flat_map(|source| cited(source)).collect();
    assert!(cited.len() > 20, "the citations were read: {cited:?}");
    for (page, section) in cited.iter().filter(|(_, section)| !section.is_empty()) {
        let text = protocol(page);
        let heads =
            text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches(['#', ' ', '§']));
        let rows = text.lines().filter_map(|line| line.strip_prefix("| §"));
        let is_there = heads.chain(rows).any(|line| {
            line.strip_prefix(section.as_str()).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
        });
        assert!(is_there, "{page}.md has no §{section}");
    }
}

#[test]
fn this_check_can_fail() {
    let page = "`lend::nobody_has_written_this` and `src/nowhere.rs`, `threats::this_check_can_fail` and `Db::open`";
    assert_eq!(cited("see docs/protocol/wc-auth.md §5.2, and §3"), [("wc-auth".to_owned(), "5.2".to_owned())]);
    assert!(is_shown("yes", "Threat 35") && is_shown("yes", "`a::b`") && is_shown("yes", "R4, and more"));
    assert!(!is_shown("yes", "It is so") && !is_shown("part", "Missing: much") && !is_shown("no", "later"));
    assert_eq!(missing(page), ["lend::nobody_has_written_this", "src/nowhere.rs", "Db::open"]);
}
