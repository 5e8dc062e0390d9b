//! `cartkey token`: tokens limited to some merchants, and rotation.

use hyper::Method;

use crate::binary::{Installation, client};

#[tokio::test]
async fn a_token_is_limited_to_named_merchants_on_the_line_or_by_a_file() {
    let here = Installation::new().await;
    let issue = |more: &[&str]| {
        let all = ["token", "issue", "--name", "n", "--allow", "keys:read"].iter().chain(more).copied();
        here.run(&all.collect::<Vec<_>>())
    };
    assert!(issue(&["--users", "m-1, m-2"]).printed().starts_with("cartkey_"));
    std::fs::write(here.folder.path().join("users"), "m-1\n\nm-2\nm-3\n").unwrap();
    let file = here.folder.path().join("users").display().to_string();
    assert!(issue(&["--users-file", &file]).printed().starts_with("cartkey_"));
    let listed = here.run(&["token", "list"]).out;
    assert!(listed.contains("\t2 user_ids\t") && listed.contains("\t3 user_ids\t"), "{listed}");
    assert_eq!(issue(&["--users", ""]).code, Some(2));
    assert_eq!(issue(&["--users", "a b"]).code, Some(2));
    assert_eq!(issue(&["--users", "m", "--users-file", &file]).code, Some(2));
    std::fs::write(here.folder.path().join("users"), "m-1\na b\n").unwrap();
    let refused = issue(&["--users-file", &file]);
    let says = "cartkey: --users-file: line 2: user_id must be 1 to 128 visible ASCII characters, without spaces";
    assert_eq!(refused.complaint(), (Some(2), says));
    assert_eq!(issue(&["--users-file", "nowhere"]).code, Some(1));
    assert_eq!(here.run(&["token", "list"]).out.lines().count(), 2, "a refused command issues nothing");
}

#[tokio::test]
async fn a_token_is_given_namespaces_and_limits_on_the_line() {
    let here = Installation::new().await;
    let issue = |more: &[&str]| {
        let all = ["token", "issue", "--name", "n", "--allow", "proxy:read"].iter().chain(more).copied();
        here.run(&all.collect::<Vec<_>>())
    };
    for wrong in [
        ["--namespaces", "wp/../x"],
        ["--namespaces", "wc/v3"],
        ["--namespaces", "batch/v1"],
        ["--limits", "seconds=601"],
        ["--limits", "minutes=1"],
        ["--limits", "60"],
    ] {
        assert_eq!(issue(&wrong).code, Some(2), "{wrong:?}");
    }
    let made = issue(&["--namespaces", "wp/v2/media,my-plugin/v1", "--limits", "per_minute=60,seconds=30"]);
    assert!(made.printed().starts_with("cartkey_"));
    let listed = here.run(&["token", "list"]).out;
    assert!(listed.ends_with("\tmy-plugin/v1,wp/v2/media\tseconds=30,per_minute=60\n"), "{listed}");
    here.run(&["token", "rotate", listed.split('\t').next().unwrap()]).printed();
    issue(&[]).printed();
    let listed = here.run(&["token", "list"]).out;
    let ends: Vec<&str> = listed.lines().map(|line| line.rsplit('\t').next().unwrap()).collect();
    assert_eq!(ends, ["seconds=30,per_minute=60", "seconds=30,per_minute=60", "no limits"], "{listed}");
}

#[tokio::test]
async fn a_rotated_token_is_printed_alone_and_the_old_one_stops_when_it_was_told_to() {
    let here = Installation::new().await;
    let old = here.token("stores:read");
    let cartkey = here.serve().await;
    let client = client();
    let works = async |token: &str| cartkey.ask(&client, Method::GET, "/api/v1/stores", token, "").await.0 == 200;
    let id = here.run(&["token", "list"]).printed().split('\t').next().unwrap().to_owned();
    let second = here.run(&["token", "rotate", &id]).printed();
    assert!(second.starts_with("cartkey_") && second != old);
    assert!(works(&old).await && works(&second).await);
    let listed = here.run(&["token", "list"]).out;
    assert!(listed.lines().next().unwrap().contains("\treplaced, expires 2"), "{listed}");
    let again = here.run(&["token", "rotate", &id]);
    let (code, says) = again.complaint();
    assert!(code == Some(1) && says.starts_with("cartkey: this token was replaced already, by tk_"), "{says}");
    let next = listed.lines().nth(1).unwrap().split('\t').next().unwrap();
    let third = here.run(&["token", "rotate", next, "--overlap", "now"]).printed();
    assert!(!works(&second).await && works(&third).await);
    assert_eq!(here.run(&["token", "rotate", next, "--overlap", "soon"]).code, Some(2));
}
