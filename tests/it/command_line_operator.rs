//! `cartkey operator`, and the set-up link that the first run prints.

use std::io::Write as _;
use std::process::Stdio;

use cartkey::woo::Resolver;

use crate::binary::{Installation, Ran};
use crate::merchant::Merchant;
use crate::operator::PASSWORD;

/// Runs a command that reads `typed` from standard input.
fn run_with(here: &Installation, arguments: &[&str], typed: &str) -> Ran {
    let mut command = here.command(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    Ran::of(child.wait_with_output().unwrap())
}

#[tokio::test]
async fn the_first_run_prints_a_link_that_makes_the_first_operator() {
    let here = Installation::new().await;
    let mut cartkey = here.serve().await;
    cartkey.logged_line("There is no operator yet").await;
    let line = cartkey.logged_line("/admin/setup/").await;
    let path = line.trim().strip_prefix("http://localhost:8080").expect("at the public address").to_owned();
    let mut browser = Merchant::new(Resolver::System, Vec::new());
    let base = format!("http://{}", cartkey.listen);
    let page = browser.get(&format!("{base}{path}")).await;
    let fields = [("name", "ann"), ("password", PASSWORD), ("again", PASSWORD)];
    let page = browser.submit(&page, "Create operator", &fields).await;
    assert_eq!((page.status, page.url.path()), (200, "/admin"), "{}", page.text());
    assert!(here.run(&["operator", "list"]).printed().contains("\tann\tpassword only\tsigned in 2"));
    drop(cartkey);
    let mut again = here.serve().await;
    again.tell(rustix::process::Signal::TERM);
    let rest = again.rest().await;
    assert!(!rest.contains("/admin/setup/"), "there is an operator: {rest}");
}

#[tokio::test]
async fn with_a_listener_of_its_own_the_dashboard_is_named_there_and_is_not_public() {
    let here = Installation::new().await.with("CARTKEY_INTERNAL_LISTEN", "127.0.0.1:0");
    let here = here.with("CARTKEY_PUBLIC_URL", "https://keys.example");
    let mut cartkey = here.serve().await;
    let line = cartkey.logged_line("/admin/setup/").await;
    assert!(line.trim().starts_with("http://localhost:"), "browsers keep the cookie there: {line}");
    let mut browser = Merchant::new(Resolver::System, Vec::new());
    assert_eq!(browser.get(&format!("http://{}/admin", cartkey.listen)).await.status, 404);
    let internal = cartkey.internal.unwrap();
    assert_eq!(browser.get(&format!("http://{internal}/admin")).await.url.path(), "/admin/sign-in");
}

#[tokio::test]
async fn operators_are_added_changed_listed_and_removed() {
    let here = Installation::new().await;
    let added = run_with(&here, &["operator", "add", "Ann", "--password-stdin"], &format!("{PASSWORD}\n"));
    assert_eq!((added.code, added.out.as_str()), (Some(0), ""), "{added:?}");
    assert!(!added.err.contains(PASSWORD));
    let twice = run_with(&here, &["operator", "add", "ann", "--password-stdin"], &format!("{PASSWORD}\n"));
    assert_eq!(twice.complaint(), (Some(1), "cartkey: there is already an operator with this name"));
    let weak = run_with(&here, &["operator", "add", "bob", "--password-stdin"], "short\n");
    assert!(weak.complaint().1.contains("12 to 128 characters"), "{weak:?}");
    let blind = here.run(&["operator", "add", "bob"]);
    assert_eq!(blind.complaint().0, Some(2), "no terminal, no --password-stdin");
    let listed = here.run(&["operator", "list"]).printed();
    assert!(listed.starts_with("op_") && listed.ends_with("\tann\tpassword only\tsigned in never"), "{listed}");
    let changed = run_with(&here, &["operator", "passwd", "ann", "--password-stdin"], "seven brown teapots\n");
    assert_eq!(changed.code, Some(0), "{changed:?}");
    let nobody = run_with(&here, &["operator", "passwd", "bob", "--password-stdin"], "seven brown teapots\n");
    assert!(nobody.complaint().1.contains("there is no operator with this name"), "{nobody:?}");
    assert_eq!(here.run(&["operator", "remove", "ann"]).code, Some(0));
    assert_eq!(here.run(&["operator", "list"]).out, "");
}

/// docs/protocol/threats.md §6.8: the same on the command line as on the dashboard.
#[tokio::test]
async fn a_weak_password_is_no_operators_from_the_command_line_either() {
    let here = Installation::new().await;
    let added = run_with(&here, &["operator", "add", "annabel", "--password-stdin"], &format!("{PASSWORD}\n"));
    assert_eq!(added.code, Some(0), "{added:?}");
    let before = here.run(&["operator", "list"]).printed();
    for (weak, why) in [
        ("elevenchars", "12 to 128 characters"),
        (&*"x".repeat(129), "12 to 128 characters"),
        ("", "12 to 128 characters"),
        ("dear annabella, hello", "contains your name"),
        ("passwordpassword", "easy to guess"),
        ("qwertyuiop12", "easy to guess"),
    ] {
        for command in ["add", "passwd"] {
            // The one is new, the other is there.
            let name = if command == "add" { "annabella" } else { "annabel" };
            let refused = run_with(&here, &["operator", command, name, "--password-stdin"], &format!("{weak}\n"));
            let (code, says) = refused.complaint();
            assert!(code == Some(1) && says.contains(why), "{command} {weak:?}: {refused:?}");
            assert!(weak.is_empty() || !refused.err.contains(weak), "it is not shown: {refused:?}");
        }
    }
    assert_eq!(here.run(&["operator", "list"]).printed(), before);
    let cartkey = here.serve().await;
    let mut browser = Merchant::new(Resolver::System, Vec::new());
    let page = browser.get(&format!("http://{}/admin/sign-in", cartkey.listen)).await;
    let page = browser.submit(&page, "Sign in", &[("name", "annabel"), ("password", PASSWORD)]).await;
    assert_eq!(page.url.path(), "/admin", "the former password is still theirs: {}", page.text());
}
