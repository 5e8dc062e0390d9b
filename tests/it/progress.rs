//! Progress of long commands without a terminal: a line for each tenth on stderr, and no more.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::binary::{Installation, Ran};
use crate::many_stores::{ManyStores, key_of};

/// The progress lines on stderr: percentages and their texts.
fn steps(ran: &Ran) -> Vec<(u64, &str)> {
    assert!(!ran.err.contains(['\r', '\u{1b}']), "no bar is drawn into a file: {ran:?}");
    let read = |line| {
        let (hundredths, says): (&str, &str) = str::split_once(line, " %, ")?;
        Some((hundredths.parse().ok()?, says))
    };
    let steps: Vec<(u64, &str)> = ran.err.lines().filter_map(read).collect();
    assert!(steps.is_sorted_by(|before, after| before.0 / 10 < after.0 / 10), "a line for each tenth: {steps:?}");
    steps
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_and_a_move_say_each_tenth_in_a_line_and_a_check_keeps_quiet() {
    let (here, network) = (Installation::new().await, ManyStores::open().await);
    let mut file = "user_id,store_url,consumer_key,consumer_secret,scope\n".to_owned();
    for n in 1..=40 {
        let host = format!("127.2.0.{n}");
        let (key, secret) = key_of(&host);
        writeln!(file, "m{n:02},http://{host}:{},{key},{secret},read", network.addr.port()).unwrap();
    }
    let path = here.folder.path().join("stores.csv");
    fs::write(&path, file).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let ran = here.run(&["import", "--per-second", "1000", "stores.csv"]);
    let taken = steps(&ran);
    assert!(taken.len() > 5, "{ran:?}");
    assert!(taken.iter().all(|(_, says)| says.ends_with(" lines, 0 rejected")), "{taken:?}");
    assert_eq!(taken.last().unwrap().0, 100, "{taken:?}");
    assert_eq!(ran.printed(), "40 connected, 0 updated with a new key, 0 unchanged, 0 rejected");

    let checked = here.run(&["check"]);
    assert_eq!((checked.code, checked.out.lines().count()), (Some(0), 40), "its lines tell how far it is");
    assert_eq!(steps(&checked), []);

    let ran = here.run(&["migrate-to", "sqlite:moved.db"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let moved = steps(&ran);
    let (hundredths, says) = *moved.last().unwrap();
    let (written, total) = says.strip_suffix(" rows").and_then(|says| says.split_once(" of ")).unwrap();
    assert_eq!((hundredths, written), (100, total), "{moved:?}");
}
