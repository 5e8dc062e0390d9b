//! The variables themselves: from the environment, from `.env`, from files that `…_FILE` names; each error names its variable.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::Faults;
use crate::files::why_unreadable;

/// The variables and the errors found so far.
pub(super) struct Env {
    pub vars: BTreeMap<String, String>,
    /// Systemd's `$CREDENTIALS_DIRECTORY`.
    pub credentials: Option<PathBuf>,
    pub faults: Vec<String>,
}

impl Env {
    pub fn fault(&mut self, name: &str, what: &str) {
        self.faults.push(format!("{name} {what}"));
    }

    pub fn refuse_unknown(&mut self, known: &[&str]) {
        let is_known =
            |name: &str| known.contains(&name) || name.strip_suffix("_FILE").is_some_and(|n| known.contains(&n));
        let unknown = self.vars.iter().filter(|(name, value)| !is_known(name) && !is_service_link(name, value));
        let unknown: Vec<String> = unknown.map(|(name, _)| name.clone()).collect();
        for name in unknown {
            self.fault(&name, "is not a known variable; see docs/operations.md");
        }
    }

    /// The variable's value, or the content of the file named by `…_FILE`.
    pub fn given(&mut self, name: &str) -> Option<String> {
        let file_name = format!("{name}_FILE");
        let value = self.vars.get(name).filter(|v| !v.is_empty()).cloned();
        let Some(path) = self.vars.get(&file_name).filter(|v| !v.is_empty()).cloned() else { return value };
        if value.is_some() {
            self.fault(name, &format!("and {file_name} are both set: remove one"));
            return value;
        }
        match text_of(Path::new(&path)) {
            Ok(text) => Some(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => {
                let why = why_unreadable(Path::new(&path), &error);
                self.fault(&file_name, &format!("names {path}, which cannot be read: {error}{why}"));
                None
            }
        }
    }

    pub fn text(&mut self, name: &str, default: &str) -> String {
        self.given(name).unwrap_or_else(|| default.to_owned())
    }

    /// Parses a value with `read`; if that fails, reports that the variable must be `wanted`. Never repeats the
    /// value, which may be a misplaced secret.
    pub fn check<T>(&mut self, name: &str, default: &str, wanted: &str, read: impl Fn(&str) -> Option<T>) -> T {
        let text = self.text(name, default);
        if let Some(value) = read(&text) {
            return value;
        }
        self.fault(name, &format!("must be {wanted}"));
        read(default).expect("every default is valid")
    }

    pub fn parse<T: std::str::FromStr>(&mut self, name: &str, default: &str, wanted: &str) -> T {
        self.check(name, default, wanted, |text| text.parse().ok())
    }

    pub fn optional<T: std::str::FromStr>(&mut self, name: &str, wanted: &str) -> Option<T> {
        let text = self.given(name)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.fault(name, &format!("must be {wanted}"));
        }
        value
    }

    pub fn boolean(&mut self, name: &str, default: &str) -> bool {
        self.check(name, default, "true or false", |text| match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        })
    }

    pub fn list<T>(&mut self, name: &str, wanted: &str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let text = self.text(name, "");
        let entries: Vec<&str> = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
        let values: Vec<T> = entries.iter().filter_map(|entry| read(entry)).collect();
        if values.len() < entries.len() {
            self.fault(name, &format!("must be a comma-separated list of {wanted}"));
        }
        values
    }

    /// A variable that is a path already, so `…_FILE` means the same.
    pub fn path(&mut self, name: &str) -> Option<PathBuf> {
        let file_name = format!("{name}_FILE");
        let by_file = self.vars.get(&file_name).filter(|v| !v.is_empty()).cloned();
        let named = self.vars.get(name).filter(|v| !v.is_empty()).cloned();
        if by_file.is_some() && named.is_some() {
            self.fault(name, &format!("and {file_name} are both set: remove one"));
        }
        named.or(by_file).map(PathBuf::from)
    }
}

/// A value without the quotation marks around it, which Docker's `--env-file` and systemd's drop-ins written by hand keep.
pub(super) fn without_quotes(value: &str) -> &str {
    let inside = |quote| value.trim().strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}

/// The variables of `.env` in the working directory, if there is one.
pub(super) fn dot_env() -> Result<BTreeMap<String, String>, Faults> {
    let fault = |what: String| Faults(vec![format!(".env: {what}")]);
    let text = match text_of(Path::new(".env")) {
        Ok(text) => text,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => {
            return Err(fault(format!("cannot be read: {error}{}", why_unreadable(Path::new(".env"), &error))));
        }
    };
    let entries = dotenvy::from_read_iter(text.as_bytes());
    entries.collect::<Result<_, _>>().map_err(|_| fault("a line is not NAME=value".to_owned()))
}

/// The text of a file, without the byte order mark that some editors put before it.
fn text_of(path: &Path) -> io::Result<String> {
    let bytes = std::fs::read(path)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    String::from_utf8(bytes.to_vec()).map_err(|_| io::Error::other("it is not UTF-8 text: save it as UTF-8"))
}

/// Whether Kubernetes added this variable for a Service named `cartkey` or `cartkey-…`, or Docker for a link to a container of that
/// name: `CARTKEY_SERVICE_HOST`, `CARTKEY_SERVICE_PORT_HTTP`, `CARTKEY_PORT=tcp://…`, `CARTKEY_PORT_8080_TCP_ADDR`, and, Docker's
/// alone, `CARTKEY_NAME=/web/cartkey`, `CARTKEY_ENV_PATH`.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_number = |text: &str| text.parse::<u16>().is_ok();
    if name.ends_with("_SERVICE_HOST") {
        return value.parse::<IpAddr>().is_ok();
    }
    if name.contains("_ENV_") {
        return true;
    }
    if name.ends_with("_NAME") {
        return value.strip_prefix('/').is_some_and(|path| path.contains('/'));
    }
    if let Some((_, port)) = name.split_once("_SERVICE_PORT") {
        return (port.is_empty() || port.starts_with('_')) && is_number(value);
    }
    if let Some((_, port)) = name.split_once("_PORT_") {
        let parts: Vec<&str> = port.split('_').collect();
        return match parts[..] {
            [number, "TCP" | "UDP" | "SCTP", ref rest @ ..] => {
                let about = ["", "PROTO", "PORT", "ADDR", "START", "END", "PORT_START", "PORT_END"];
                is_number(number) && about.contains(&rest.join("_").as_str())
            }
            _ => false,
        };
    }
    name.ends_with("_PORT") && ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme))
}
