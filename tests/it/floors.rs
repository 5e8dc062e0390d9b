//! Floors: the source itself. Imports point down, secrets are exposed in few places, files stay small.

use std::fs;
use std::path::Path;

/// Each room and the rooms that it may import; `serve`, `cli`, `doctor`, `demo` and `main` put the whole together and
/// may import all. `config` and `telemetry` stand beside the floors: values read at the start, which every floor from
/// `flow` up may know; they themselves know only what is below everything.
const ROOMS: [(&str, &[&str]); 12] = [
    ("domain", &[]),
    ("config", &["domain"]),
    ("telemetry", &["config"]),
    ("vault", &["domain"]),
    ("storage", &["domain"]),
    ("woo", &["domain"]),
    ("live", &["domain", "storage", "vault", "woo"]),
    ("app", &["config", "domain", "flow", "live", "storage", "vault", "woo"]),
    ("flow", &["app", "config", "domain", "live", "storage", "vault", "woo"]),
    ("web", &["app", "config", "domain", "flow"]),
    // A store of its own, that knows nothing of the service it is asked by.
    ("demo/pretend_store", &["domain", "woo"]),
    ("demo/pretend_network", &[]),
];
const UPPER: [&str; 5] = ["cli", "demo", "doctor", "main", "serve"];

/// The files that may take a secret out of its type, and why.
const MAY_EXPOSE: &[(&str, &str)] = &[
    ("src/cli/carry.rs", "writes the keys that an export is asked for"),
    ("src/cli/migrate.rs", "opens the database that everything is copied to"),
    ("src/cli/mod.rs", "prints a link once, to who made it"),
    ("src/cli/operator.rs", "compares a password that was typed twice"),
    ("src/cli/token.rs", "prints a token once, to who made it"),
    ("src/cli/webhook.rs", "prints a webhook's new secret once"),
    ("src/web/admin/tokens.rs", "shows a new token once"),
    ("src/web/admin/webhooks.rs", "shows a webhook's new secret once"),
    ("src/web/admin/links.rs", "shows a new link once"),
    ("src/config.rs", "looks at how the database's address begins"),
    ("src/demo/run.rs", "prints the demo's own link and token"),
    ("src/demo/sample_app.rs", "shows its token to Cartkey, and names its sessions"),
    ("src/domain/operator.rs", "judges a new password"),
    ("src/domain/secret.rs", "defines it"),
    ("src/flow/connect.rs", "writes the callback's address"),
    ("src/flow/links.rs", "writes the link's address"),
    ("src/flow/operators.rs", "writes the set-up link's address"),
    ("src/flow/sign_in.rs", "looks at how long a password is"),
    ("src/flow/tokens.rs", "writes a new token"),
    ("src/serve.rs", "opens the database, and prints the set-up link"),
    ("src/vault/key_ring.rs", "writes the ring's file"),
    ("src/vault/password.rs", "hashes passwords, and reads a second factor"),
    ("src/vault/signature.rs", "signs what webhooks are sent"),
    ("src/vault/mod.rs", "seals, and makes fingerprints"),
    ("src/web/admin/account.rs", "shows a second factor and its recovery codes once"),
    ("src/web/admin/guard.rs", "sets the operator's cookie"),
    ("src/web/admin/sign_in.rs", "sets the operator's cookie"),
    ("src/web/admin/store.rs", "shows a reconnect link once"),
    ("src/web/api/keys.rs", "lends keys: the one answer that holds them"),
    ("src/web/api/links.rs", "shows a new link once"),
    ("src/web/guard.rs", "sets the browser's cookie"),
    ("src/web/merchant/attempt.rs", "hands the state and the code on to where the browser brings them"),
    ("src/web/merchant/connect.rs", "sends the browser to the store, with the state"),
    ("src/woo/approval.rs", "its address is asked without credentials"),
    ("src/woo/auth.rs", "puts keys on a request"),
    ("src/woo/authorize.rs", "writes the approval's address"),
    ("src/woo/check.rs", "asks at an address that may hold keys"),
    ("src/woo/preflight.rs", "asks at the address of the approval"),
];

/// What values and rules have no use for.
const NOT_IN_DOMAIN: [&str; 9] =
    ["async ", ".await", "tokio", "std::fs", "std::io", "std::env", "std::process", "std::net::Tcp", "sqlx::query"];

/// The room of a file, by its path below `src/`.
fn room(path: &str) -> &str {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    let nested = ROOMS.iter().map(|(room, _)| *room).find(|room| room.contains('/') && inner.starts_with(room));
    nested.unwrap_or_else(|| inner.split('/').next().unwrap_or_default().trim_end_matches(".rs"))
}

fn is_room(name: &str) -> bool {
    UPPER.contains(&name) || ROOMS.iter().any(|(room, _)| *room == name)
}

/// The rooms that a source names: `crate::room`, `crate::{room, …}`, `super::room`, `cartkey::room`.
fn rooms_named(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in source.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for way in ["crate::", "super::", "cartkey::"] {
            for (at, _) in line.match_indices(way) {
                let rest = &line[at + way.len()..];
                let names = rest.strip_prefix('{').map_or(rest, |group| group.split('}').next().unwrap_or_default());
                let parts: Vec<&str> = if rest.starts_with('{') { names.split(',').collect() } else { vec![names] };
                for part in parts {
                    let name: String =
                        part.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                    // `super::web` in a room of its own reaches out; a module of the room may be called so too.
                    if is_room(&name) {
                        found.push(name);
                    }
                }
            }
        }
    }
    found
}

/// Everything that is wrong with one file.
fn faults(path: &str, source: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let here = room(path);
    if let Some((_, may)) = ROOMS.iter().find(|(room, _)| *room == here) {
        let own = here.split('/').next().unwrap_or_default();
        for name in rooms_named(source).into_iter().filter(|name| name != own && !may.contains(&name.as_str())) {
            faults.push(format!("{path}: {here} must not import {name}"));
        }
    } else if path != "src/lib.rs" && !UPPER.contains(&here) {
        faults.push(format!("{path}: no floor is known for {here}"));
    }
    let exposes = source.contains(".expose(") || source.contains("Secret::expose");
    if exposes && !MAY_EXPOSE.iter().any(|(file, _)| *file == path) {
        faults.push(format!("{path}: exposes a secret without a reason in MAY_EXPOSE"));
    }
    if here == "domain" {
        let code: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for word in NOT_IN_DOMAIN.iter().filter(|word| code.iter().any(|line| line.contains(**word))) {
            faults.push(format!("{path}: {word} in the domain"));
        }
    }
    if source.lines().count() >= 400 {
        faults.push(format!("{path}: {} lines", source.lines().count()));
    }
    if !source.starts_with("//! ") {
        faults.push(format!("{path}: does not begin by saying its job"));
    }
    faults
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_str().unwrap().to_owned();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

fn all(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    found
}

#[test]
fn the_source_keeps_to_its_floors() {
    let sources = all("src");
    assert!(sources.len() > 60, "the source was read");
    let wrong: Vec<String> = sources.iter().flat_map(|(path, source)| faults(path, source)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (file, why) in MAY_EXPOSE {
        let source = sources.iter().find(|(path, _)| path == file).map(|(_, source)| source.as_str());
        assert!(source.is_some_and(|source| source.contains("expose(")), "{file} need not expose any more ({why})");
    }
}

#[test]
fn the_tests_are_files_of_one_job_too() {
    for (path, source) in all("tests") {
        assert!(source.starts_with("//! ") && source.lines().count() < 400, "{path}");
    }
}

#[test]
fn this_check_can_fail() {
    let says = "//! Says its job.\n";
    for (path, source, fault) in [
        ("src/web/a.rs", "use crate::storage::stores;", "web must not import storage"),
        ("src/web/a.rs", "fn a() { crate::vault::fingerprint(x) }", "web must not import vault"),
        ("src/web/mod.rs", "use super::storage;", "web must not import storage"),
        ("src/storage/a.rs", "use crate::{domain::x, woo};", "storage must not import woo"),
        ("src/storage/a.rs", "macro_rules! a { () => { $crate::flow::b() } }", "storage must not import flow"),
        ("src/woo/a.rs", "use crate::app::App;", "woo must not import app"),
        ("src/live/a.rs", "use crate::flow::prove;", "live must not import flow"),
        ("src/flow/a.rs", "use crate::web::page;", "flow must not import web"),
        ("src/flow/a.rs", "use crate::serve;", "flow must not import serve"),
        ("src/domain/a.rs", "use crate::config::Site;", "domain must not import config"),
        ("src/demo/pretend_store/a.rs", "use crate::flow::connect;", "must not import flow"),
        ("src/utils.rs", "", "no floor is known for utils"),
        ("src/flow/sweep.rs", "fn a(s: Secret) { print(s.expose()) }", "exposes a secret"),
        ("src/domain/a.rs", "pub async fn a() {}", "async  in the domain"),
        ("src/domain/a.rs", "use std::fs;", "std::fs in the domain"),
    ] {
        let found = faults(path, &format!("{says}{source}\n"));
        assert!(found.len() == 1 && found[0].contains(fault), "{path}: {source}: {found:?}");
    }
    assert_eq!(
        faults("src/web/a.rs", &format!("{says}// use crate::storage;\nuse crate::flow::x;\n")),
        Vec::<String>::new()
    );
    assert_eq!(faults("src/web/a.rs", "use crate::flow::x;\n").len(), 1);
    assert_eq!(faults("src/web/a.rs", &says.repeat(400)).len(), 1);
}
