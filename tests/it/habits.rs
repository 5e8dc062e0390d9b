//! docs/protocol/habits.md describes every reason code, with the sentence and the setting that the code has.

use std::fs;

use cartkey::domain::product::WORDFENCE_APPLICATION_PASSWORDS;
use cartkey::domain::verdict::Verdict;

#[test]
fn every_reason_code_is_described_as_the_code_has_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/protocol/habits.md");
    let page = fs::read_to_string(path).unwrap();
    let mut wrong = Vec::new();
    for verdict in Verdict::ALL {
        let begins = format!("| `{}` | ", verdict.code());
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with(&begins)).collect();
        let [row] = rows[..] else {
            wrong.push(format!("{} has {} rows", verdict.code(), rows.len()));
            continue;
        };
        let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
        let setting = if let Verdict::Blocked(product) = verdict { product.setting().or(Some("–")) } else { None };
        let is_right = cells.len() == 4
            && cells[3] == verdict.says("shop.example")
            && setting.is_none_or(|setting| cells[2] == setting);
        if !is_right {
            wrong.push(row.to_owned());
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let described = page.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(described, Verdict::ALL.len(), "no row is about a code that does not exist");
    assert!(page.contains(WORDFENCE_APPLICATION_PASSWORDS));
}
