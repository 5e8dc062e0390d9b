//! Architecture rules, checked on the source: imports point down, flows have no cycles, few files expose secrets, SQL stays in
//! storage, and retired names do not return.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Each layer and the layers it may import. `serve`, `cli`, `doctor`, `demo` and `main` assemble the program and may import all.
/// `config` and `telemetry` stand beside the layers: they hold values read at start-up, every layer from `app` up may import them,
/// and they import only the lowest layers.
const LAYERS: [(&str, &[&str]); 12] = [
    ("domain", &[]),
    ("files", &[]),
    ("config", &["domain", "files", "vault"]),
    ("telemetry", &["config"]),
    ("vault", &["domain", "files"]),
    ("storage", &["domain", "files"]),
    ("woo", &["domain"]),
    ("live", &["domain", "storage", "vault", "woo"]),
    ("app", &["config", "domain", "live", "storage", "vault", "woo"]),
    ("flow", &["app", "config", "domain", "files", "live", "storage", "vault", "woo"]),
    ("web", &["app", "config", "domain", "flow"]),
    // A store of its own, that knows nothing of the service that calls it.
    ("demo/pretend_store", &["domain", "woo"]),
];
const UPPER: [&str; 5] = ["cli", "demo", "doctor", "main", "serve"];

/// The files that may take a secret out of its type, and why.
const MAY_EXPOSE: &[(&str, &str)] = &[
    ("src/cli/transfer.rs", "writes the keys that an export is asked for"),
    ("src/cli/migrate.rs", "opens the database that everything is copied to"),
    ("src/cli/backup.rs", "opens the database that is restored"),
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
    ("src/flow/connecting/connect.rs", "writes the callback's address"),
    ("src/flow/connecting/links.rs", "writes the link's address"),
    ("src/flow/operators/mod.rs", "writes the set-up link's address"),
    ("src/flow/operators/sign_in.rs", "looks at how long a password is"),
    ("src/flow/lending/tokens.rs", "writes a new token"),
    ("src/serve.rs", "opens the database, and prints the set-up link"),
    ("src/storage/transfer/file.rs", "writes the ring into a backup that is to contain it"),
    ("src/vault/key_ring.rs", "reads and writes the ring's file"),
    ("src/vault/ring_source.rs", "reads the ring from a variable"),
    ("src/vault/password.rs", "hashes passwords, and reads a second factor"),
    ("src/vault/signature.rs", "signs what webhooks are sent"),
    ("src/vault/mod.rs", "seals, and makes fingerprints"),
    ("src/web/admin/account.rs", "shows a second factor and its recovery codes once"),
    ("src/web/admin/guard.rs", "sets the operator's cookie"),
    ("src/web/admin/sign_in.rs", "sets the operator's cookie"),
    ("src/web/admin/store.rs", "shows a reconnect link once"),
    ("src/web/api/keys.rs", "lends keys: the one answer that holds them"),
    ("src/web/api/links.rs", "shows a new link once"),
    ("src/web/api/tokens.rs", "shows a new token once"),
    ("src/web/api/webhooks.rs", "shows a webhook's new secret once"),
    ("src/web/guard.rs", "sets the browser's cookie"),
    ("src/web/merchant/attempt.rs", "hands the state and the code on to where the browser brings them"),
    ("src/web/merchant/connect.rs", "sends the browser to the store, with the state"),
    ("src/woo/application_password.rs", "asks with parameters that it made up"),
    ("src/woo/approval.rs", "its address is asked without credentials"),
    ("src/woo/auth.rs", "puts keys on a request"),
    ("src/woo/authorize.rs", "writes the approval's address"),
    ("src/woo/ladder.rs", "asks at an address that may hold keys"),
    ("src/woo/relay.rs", "calls at an address that may hold keys"),
    ("src/woo/rewrite.rs", "takes keys out of answers"),
    ("src/woo/preflight.rs", "asks at the address of the approval"),
];

/// Retired names and phrases; see `CONTRIBUTING.md`.
const RETIRED: &[&str] = &[
    "Wish",
    "Ground",
    "Pilot",
    "Passenger",
    "Flights",
    "Seat",
    "Undressed",
    "undressed",
    "Parting",
    "parting",
    "whereabouts",
    "stirred",
    "may_reach",
    "open_ground",
    "link_ground",
    "again_ground",
    "give_back",
    "Adopted",
    "gives back",
    "gave back",
    "given back",
    "macro_rules! on",
    "in the house",
    "the floors",
    "the rooms",
];

/// Code that `domain` must not contain.
const NOT_IN_DOMAIN: [&str; 9] =
    ["async ", ".await", "tokio", "std::fs", "std::io", "std::env", "std::process", "std::net::Tcp", "sqlx::query"];

/// The layer of a file, by its path below `src/`.
fn layer(path: &str) -> &str {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    let nested = LAYERS.iter().map(|(layer, _)| *layer).find(|layer| layer.contains('/') && inner.starts_with(layer));
    nested.unwrap_or_else(|| inner.split('/').next().unwrap_or_default().trim_end_matches(".rs"))
}

fn is_layer(name: &str) -> bool {
    UPPER.contains(&name) || LAYERS.iter().any(|(layer, _)| *layer == name)
}

/// The layers that a source imports: `crate::layer`, `crate::{layer, …}`, `super::layer`, `cartkey::layer`.
fn layers_named(source: &str) -> Vec<String> {
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
                    // `super::web` may reach out of a layer; a module inside it may have the same name.
                    if is_layer(&name) {
                        found.push(name);
                    }
                }
            }
        }
    }
    found
}

/// All violations in one file.
fn faults(path: &str, source: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let here = layer(path);
    if let Some((_, may)) = LAYERS.iter().find(|(layer, _)| *layer == here) {
        let own = here.split('/').next().unwrap_or_default();
        for name in layers_named(source).into_iter().filter(|name| name != own && !may.contains(&name.as_str())) {
            faults.push(format!("{path}: {here} must not import {name}"));
        }
    } else if path != "src/lib.rs" && !UPPER.contains(&here) {
        faults.push(format!("{path}: no layer is known for {here}"));
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
    for word in RETIRED.iter().filter(|word| names(source, word)) {
        faults.push(format!("{path}: the retired name {word:?}"));
    }
    if here == "storage" && source.contains("macro_rules!") && path != "src/storage/text.rs" {
        faults.push(format!("{path}: a macro in storage"));
    }
    let sql = ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "].map(|word| format!("\"{word}"));
    if ["flow", "live", "web", "woo", "vault"].contains(&here) && sql.iter().any(|word| source.contains(word)) {
        faults.push(format!("{path}: SQL outside storage"));
    }
    if !source.starts_with("//! ") {
        faults.push(format!("{path}: does not begin by saying its job"));
    }
    faults
}

/// Whether a source contains this name or phrase as a whole word.
fn names(source: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    source
        .match_indices(word)
        .any(|(at, _)| !is_part(source[..at].chars().next_back()) && !is_part(source[at + word.len()..].chars().next()))
}

/// The concept in a flow's path: its folder, or the top-level file.
fn concept(path: &str) -> Option<&str> {
    let inner = path.strip_prefix("src/flow/")?;
    Some(inner.split('/').next().unwrap_or_default().trim_end_matches(".rs")).filter(|concept| *concept != "mod")
}

/// The concepts that each concept imports.
fn concepts(sources: &[(String, String)]) -> BTreeMap<&str, BTreeSet<&str>> {
    let all: BTreeSet<&str> = sources.iter().filter_map(|(path, _)| concept(path)).collect();
    let mut imports = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (path, source) in sources {
        let Some(own) = concept(path) else { continue };
        let code: String = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let flows: Vec<&str> = code.split("crate::flow::").skip(1).collect();
        for named in flows {
            let named = named.strip_prefix('{').map_or(named.split("::").next().unwrap_or_default(), |group| {
                group.split(';').next().unwrap_or_default()
            });
            let others = all.iter().copied().filter(|other| *other != own && names(named, other));
            imports.entry(own).or_default().extend(others);
        }
    }
    imports
}

/// The first cycle, if there is one.
fn circle<'a>(imports: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<Vec<&'a str>> {
    fn walk<'a>(
        at: &'a str,
        imports: &BTreeMap<&'a str, BTreeSet<&'a str>>,
        way: &mut Vec<&'a str>,
    ) -> Option<Vec<&'a str>> {
        if way.contains(&at) {
            return Some(way.clone());
        }
        way.push(at);
        let found = imports.get(at).into_iter().flatten().find_map(|next| walk(next, imports, way));
        way.pop();
        found
    }
    imports.keys().find_map(|at| walk(at, imports, &mut Vec::new()))
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
fn the_source_keeps_to_its_layers() {
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
fn the_flows_have_no_circle() {
    let sources = all("src");
    let imports = concepts(&sources);
    assert!(imports.len() >= 9 && imports["lending"].contains("watching"), "the imports were read: {imports:?}");
    assert_eq!(circle(&imports), None);
    assert!(imports.len() <= 12, "{:?}", imports.keys());
}

#[test]
fn every_test_says_its_job_and_no_text_has_a_retired_name() {
    for (path, source) in all("tests").into_iter().filter(|(path, _)| path != "tests/it/layers.rs") {
        assert!(source.starts_with("//! "), "{path}");
        let retired: Vec<&&str> = RETIRED.iter().filter(|word| names(&source, word)).collect();
        assert!(retired.is_empty(), "{path}: {retired:?}");
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
        ("src/storage/a.rs", "fn a() { crate::flow::b() }", "storage must not import flow"),
        ("src/woo/a.rs", "use crate::app::App;", "woo must not import app"),
        ("src/live/a.rs", "use crate::flow::connecting::prove;", "live must not import flow"),
        ("src/flow/a.rs", "use crate::web::page;", "flow must not import web"),
        ("src/flow/a.rs", "use crate::serve;", "flow must not import serve"),
        ("src/domain/a.rs", "use crate::config::Site;", "domain must not import config"),
        ("src/demo/pretend_store/a.rs", "use crate::flow::connecting::connect;", "must not import flow"),
        ("src/utils.rs", "", "no layer is known for utils"),
        ("src/app.rs", "use crate::flow::feed::Feed;", "app must not import flow"),
        ("src/web/a.rs", "pub struct Wish;", "the retired name"),
        ("src/storage/a.rs", "macro_rules! rows {}", "a macro in storage"),
        ("src/flow/a.rs", "db.read(\"SELECT 1\")", "SQL outside storage"),
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
    let sources = [
        ("src/flow/a/x.rs".to_owned(), "use crate::flow::{b::y, Beneath};".to_owned()),
        ("src/flow/b.rs".to_owned(), "use crate::flow::a::x;".to_owned()),
    ];
    assert_eq!(circle(&concepts(&sources)), Some(vec!["a", "b"]));
    assert_eq!(circle(&concepts(&sources[..1])), None);
}
