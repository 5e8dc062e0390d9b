//! Compiles anew when a migration is added, which `sqlx::migrate!` cannot say itself, and notes which commit is built.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=migrations");
    println!("cargo::rerun-if-env-changed=CARTKEY_COMMIT");
    let version = env("CARGO_PKG_VERSION");
    let built_from = Some(env("CARTKEY_COMMIT")).filter(|commit| !commit.is_empty()).or_else(commit);
    let version = built_from.map_or(version.clone(), |commit| format!("{version} ({commit})"));
    println!("cargo::rustc-env=CARTKEY_VERSION={version}");
}

/// The commit and its date, from git; none without git, for sources that lie in another repository, and for debug builds, each of
/// which a commit would compile anew.
fn commit() -> Option<String> {
    let root = git(&["rev-parse", "--show-toplevel"]).filter(|_| env("PROFILE") == "release")?;
    let is_ours = std::fs::canonicalize(root).ok()? == std::fs::canonicalize(env("CARGO_MANIFEST_DIR")).ok()?;
    let commit = git(&["log", "-1", "--abbrev=12", "--format=%h %cs"]).filter(|_| is_ours)?;
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let is_changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    Some(if is_changed { format!("{commit}, changed") } else { commit })
}

fn git(arguments: &[&str]) -> Option<String> {
    let ran = Command::new("git").args(arguments).output().ok().filter(|ran| ran.status.success())?;
    Some(String::from_utf8(ran.stdout).ok()?.trim().to_owned())
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
