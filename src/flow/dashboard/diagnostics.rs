//! Diagnostics: whether this installation is in order, and what to fix. `cartkey doctor` prints the findings, and the dashboard
//! shows them.

mod kept;

use std::net::IpAddr;
use std::time::Duration;

use hyper::Method;
use hyper::header::{CONTENT_TYPE, DATE, HeaderValue, LOCATION};
use url::Url;

use crate::app::App;
use crate::domain::{Network, Time};
use crate::files::{free_space, network_file_system};
use crate::flow::transfer::rekey::{self, Role};
pub use crate::live::worker::{State as WorkerState, Status as WorkerStatus};
use crate::storage::{diagnostics, operators, ring_keys};
use crate::woo::{Call, Fault, Reply, public_ip};

/// The time limit for one request.
const WITHIN: Duration = Duration::from_secs(8);
/// The accepted clock difference: codes of a second factor and signatures are valid for 30 seconds or more.
const CLOCK_WITHIN: Duration = Duration::from_secs(20);
/// How many stores' clocks are compared.
const CLOCKS: i64 = 3;
/// Less free disk space than this, in bytes, is a finding.
const SPACE: u64 = 512 * 1024 * 1024;

/// A disk with less free space than this, in bytes, is full: SQLite's WAL and its index may need that much at once.
const FULL: u64 = 2 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Fine,
    /// Works, but needs attention.
    Warn,
    /// Does not work.
    Bad,
}

impl State {
    /// The form that the command line prints.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub area: &'static str,
    pub state: State,
    /// What was found and, if it is not in order, how to fix it.
    pub says: String,
}

impl Finding {
    pub fn new(area: &'static str, state: State, says: impl Into<String>) -> Self {
        Self { area, state, says: says.into() }
    }
}

/// The area of findings about the public address.
pub const PUBLIC_ADDRESS: &str = "Public address";
const CALLBACK: &str = "Callback";
const DATABASE: &str = "Database";
const KEY_RING: &str = "Key ring";
const CLOCK: &str = "Clock";
const OPERATORS: &str = "Operators";
const STORES: &str = "Stores";
const WORKERS: &str = "Workers";

/// The warning about a connection to PostgreSQL that others on the network can read.
pub const PLAIN_TEXT: &str = "the connection to PostgreSQL is not encrypted: fine only on a network that nobody else can reach; otherwise use sslmode=verify-full";

/// How thoroughly to examine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// A sample: a few seconds at most.
    Sample,
    /// Everything: every sealed value, and the integrity of a SQLite file of any size with its indexes.
    Everything,
}

pub async fn examine(app: &App, depth: Depth) -> Vec<Finding> {
    let (public, database, clock, operators) = tokio::join!(public(app), database(app), clock(app), operators(app));
    let mut findings = public;
    findings.extend(database);
    findings.extend(kept::damage(app, depth).await);
    findings.extend(ring(app).await);
    findings.extend(kept::seals(app, depth).await);
    findings.extend(kept::backups(app));
    findings.push(clock);
    findings.push(operators);
    findings.extend(app.workers.status().iter().filter_map(judge_worker));
    if app.site.network == Network::PrivateToo {
        let says = "CARTKEY_ALLOW_PRIVATE_STORES is on: for development only";
        findings.push(Finding::new(STORES, State::Warn, says));
    }
    findings
}

/// Checks the public address: https on port 443, a public IPv4 address, no redirect, and a reachable callback.
async fn public(app: &App) -> Vec<Finding> {
    let shown = &app.site.public_url;
    let say = |state, says: String| Finding::new(PUBLIC_ADDRESS, state, format!("public address {shown} {says}"));
    if !app.site.secure {
        return vec![say(State::Warn, "is not https: real stores reject it".to_owned())];
    }
    let mut findings = Vec::new();
    if let Some(port) = Url::parse(shown).ok().and_then(|url| url.port()) {
        findings.push(say(State::Warn, format!("is on port {port}: stores post to port 443 only")));
    }
    let client = app.woo.for_ourselves();
    match client.look_up(shown).await {
        Ok(addresses) => findings.extend(judge_addresses(&addresses).map(|says| say(State::Warn, says))),
        Err(_) => {
            findings.push(say(State::Bad, "does not resolve to an address: create a DNS record for it".to_owned()));
        }
    }
    let (alive, callback) = tokio::join!(
        ask(app, Method::GET, format!("{shown}/livez"), Vec::new()),
        ask(app, Method::POST, format!("{shown}/wc-auth/callback/diagnostics"), b"{}".to_vec()),
    );
    let judged = judge_alive(&alive);
    let answers = judged.state == State::Fine;
    findings.push(say(judged.state, judged.says));
    if answers {
        findings.push(judge_callback(&callback));
    }
    findings
}

async fn ask(app: &App, method: Method, url: String, body: Vec<u8>) -> Result<Reply, Fault> {
    let headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    let call = Call { method, url: &url, headers, body, within: WITHIN, at_most: 64 * 1024 };
    app.woo.for_ourselves().send(call).await
}

/// The problem with the resolved addresses, if any.
fn judge_addresses(addresses: &[IpAddr]) -> Option<String> {
    if let Some(private) = addresses.iter().find(|ip| !public_ip::is_public(**ip)) {
        return Some(format!(
            "resolves from here to {private}, which is not a public address: make sure that it resolves to a public address on the internet"
        ));
    }
    let has_ipv4 = addresses.iter().any(IpAddr::is_ipv4);
    (!has_ipv4).then(|| "has no IPv4 address, but many store hosts support only IPv4: add an A record".to_owned())
}

fn judge_alive(alive: &Result<Reply, Fault>) -> Finding {
    let say = |state, says: String| Finding::new(PUBLIC_ADDRESS, state, says);
    match alive {
        Ok(reply) if reply.status.as_u16() == 200 && reply.body == *b"ok\n" => say(State::Fine, "answers".to_owned()),
        Ok(reply) if reply.status.is_redirection() => {
            let to = reply.headers.get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("elsewhere");
            let to: String = to.chars().take(200).collect();
            say(
                State::Bad,
                format!(
                    "redirects to {to}, but stores do not follow redirects: set CARTKEY_PUBLIC_URL to the final address"
                ),
            )
        }
        Ok(reply) => {
            say(State::Bad, format!("answers {} and is not Cartkey: check the proxy in front of Cartkey", reply.status))
        }
        // The address may still be reachable from outside, or be started later.
        Err(fault) => say(State::Warn, format!("does not answer from here: {fault}")),
    }
}

/// Requests from stores must arrive unchanged: a firewall's captcha or a proxy's login page loses keys.
fn judge_callback(callback: &Result<Reply, Fault>) -> Finding {
    let say = |state, says: String| Finding::new(CALLBACK, state, says);
    match callback {
        Ok(reply) if reply.status.as_u16() == 404 && is_ours(reply) => {
            say(State::Fine, "requests from stores reach the callback".to_owned())
        }
        Ok(reply) => say(
            State::Bad,
            format!(
                "something in front of Cartkey answers requests for /wc-auth/callback/ with {}: let these requests through unchanged",
                reply.status
            ),
        ),
        Err(fault) => say(State::Bad, format!("the callback does not answer: {fault}")),
    }
}

fn is_ours(reply: &Reply) -> bool {
    reply.headers.contains_key("cartkey-request-id")
}

/// Whether the disk of a SQLite file is full: nothing can be recorded, so no key can be received or lent.
pub async fn is_disk_full(app: &App) -> bool {
    let file = diagnostics::file(&app.db).await.ok().flatten();
    file.and_then(|file| free_space(&file)).is_some_and(|free| free < FULL)
}

/// The warning about a SQLite file on a network file system.
pub async fn on_network(app: &App) -> Option<String> {
    let kind = network_file_system(&diagnostics::file(&app.db).await.ok().flatten()?)?;
    Some(format!(
        "the SQLite file is on a network file system ({kind}), whose locks and syncs may fail silently: move it to a local disk, or use PostgreSQL"
    ))
}

async fn database(app: &App) -> Vec<Finding> {
    let begun = app.clock.instant();
    let found = match (app.db.version().await, app.db.ping().await) {
        (Ok(version), Ok(())) => {
            let took = app.clock.instant().since(begun).as_millis();
            Finding::new(DATABASE, State::Fine, format!("database {version} answers ({took} ms)"))
        }
        _ => Finding::new(DATABASE, State::Bad, "the database does not answer"),
    };
    let mut findings = vec![found];
    if diagnostics::is_plain_text(&app.db).await.is_ok_and(|plain| plain) {
        findings.push(Finding::new(DATABASE, State::Warn, PLAIN_TEXT));
    }
    findings.extend(on_network(app).await.map(|says| Finding::new(DATABASE, State::Warn, says)));
    if let Ok(Some(file)) = diagnostics::file(&app.db).await
        && let Some(free) = free_space(&file)
        && free < SPACE
    {
        let says = format!("only {} MiB are free on the disk of the database: free up space", free / 1_048_576);
        findings.push(Finding::new(DATABASE, State::Warn, says));
    }
    findings
}

/// Lists the ring's keys and their roles. Start-up has already verified that they open the stored values.
async fn ring(app: &App) -> Vec<Finding> {
    let (Ok(keys), Ok(sealing)) = (rekey::roles(app).await, ring_keys::sealing(&app.db).await) else {
        return vec![Finding::new(KEY_RING, State::Bad, "the database does not answer")];
    };
    let mut findings: Vec<Finding> = keys.iter().map(|(id, role)| judge_key(id, *role)).collect();
    if let Some(id) = sealing.filter(|id| !app.vault.has(id)) {
        let says =
            format!("the key ring lacks the key {id}, which seals new values: add its line, then restart this process");
        findings.insert(0, Finding::new(KEY_RING, State::Bad, says));
    }
    findings
}

fn judge_key(id: &str, role: Role) -> Finding {
    let (state, says) = match role {
        Role::Seals => (State::Fine, format!("key ring opened the stored secrets at start-up; the key {id} seals")),
        Role::Ready => (State::Fine, format!("the key {id} is ready: run “cartkey rekey” to seal with it")),
        Role::Needed(values) => (
            State::Warn,
            format!(
                "the key {id} is still needed by sealed values ({values}): they are being re-sealed, keep its line"
            ),
        ),
        Role::Unneeded => (
            State::Fine,
            format!("the key {id} is no longer needed: remove its line from every key ring, then restart"),
        ),
    };
    Finding::new(KEY_RING, state, says)
}

/// Compares our clock with the database server's and those of connected stores.
async fn clock(app: &App) -> Finding {
    let mut skews = Vec::new();
    if let Ok(Some(theirs)) = diagnostics::clock(&app.db).await {
        skews.push(("the database server", skew(app.now(), theirs)));
    }
    let mut asked = tokio::task::JoinSet::new();
    for home in diagnostics::some_homes(&app.db, CLOCKS).await.unwrap_or_default() {
        let app = app.clone();
        asked.spawn(async move {
            let url = home.at("/wp-json/");
            let (method, headers, body) = (Method::HEAD, Vec::new(), Vec::new());
            let reply =
                app.woo.send(Call { method, url: &url, headers, body, within: WITHIN, at_most: 1 }).await.ok()?;
            date_of(&reply).map(|theirs| ("a connected store", skew(app.now(), theirs)))
        });
    }
    skews.extend(asked.join_all().await.into_iter().flatten());
    judge_clock(&mut skews)
}

fn date_of(reply: &Reply) -> Option<Time> {
    let date = httpdate::parse_http_date(reply.headers.get(DATE)?.to_str().ok()?).ok()?;
    let since = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().map(Time::from_millis)
}

fn skew(ours: Time, theirs: Time) -> Duration {
    ours.since(theirs).max(theirs.since(ours))
}

/// Another clock may be wrong. Ours counts as wrong only if at least two others were compared and all differ.
fn judge_clock(skews: &mut [(&str, Duration)]) -> Finding {
    skews.sort_by_key(|(_, skew)| *skew);
    match skews.first() {
        None => Finding::new(CLOCK, State::Fine, "clock: nothing to compare it with until a store is connected"),
        Some((_, skew)) if *skew <= CLOCK_WITHIN => Finding::new(CLOCK, State::Fine, "clock is right"),
        Some((whose, skew)) => {
            let state = if skews.len() > 1 { State::Bad } else { State::Warn };
            let says = format!("clock differs from that of {whose} by {} s: synchronize it with NTP", skew.as_secs());
            Finding::new(CLOCK, state, says)
        }
    }
}

async fn operators(app: &App) -> Finding {
    let Ok(all) = operators::all(&app.db).await else {
        return Finding::new(OPERATORS, State::Bad, "the database does not answer");
    };
    let bare: Vec<&str> = all.iter().filter(|one| !one.second_factor).map(|one| one.name.as_str()).collect();
    if all.is_empty() {
        return Finding::new(
            OPERATORS,
            State::Warn,
            "there is no operator yet: create one with “cartkey operator add”",
        );
    }
    if bare.is_empty() {
        return Finding::new(OPERATORS, State::Fine, format!("operators: {}, each with a second factor", all.len()));
    }
    Finding::new(OPERATORS, State::Warn, format!("operators without a second factor: {}", bare.join(", ")))
}

/// Reports a worker only if it has panicked; the dashboard lists all of them.
fn judge_worker(status: &WorkerStatus) -> Option<Finding> {
    let name = status.plan.name;
    let times = match status.panics {
        0 => return None,
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    let report = "report it with the preceding log lines";
    Some(match status.state {
        WorkerState::Down => Finding::new(
            WORKERS,
            State::Bad,
            format!("the worker “{name}” is down and restarts within a minute; it has panicked {times}: {report}"),
        ),
        _ => Finding::new(
            WORKERS,
            State::Warn,
            format!("the worker “{name}” has panicked {times} since start-up: {report}"),
        ),
    })
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use hyper::header::HeaderMap;

    use super::*;

    fn reply(status: u16, headers: &[(&'static str, &str)], body: &str) -> Reply {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: map,
            body: body.as_bytes().to_vec(),
            is_cut: false,
        }
    }

    #[test]
    fn a_public_address_is_judged_by_what_answers_there() {
        let state = |reply| judge_alive(&Ok(reply)).state;
        assert_eq!(state(reply(200, &[], "ok\n")), State::Fine);
        assert_eq!(state(reply(200, &[], "<html>")), State::Bad);
        assert_eq!(judge_alive(&Err(Fault::Connect)).state, State::Warn);
        let moved = judge_alive(&Ok(reply(301, &[("location", "https://www.keys.example/livez")], "")));
        assert!(moved.state == State::Bad && moved.says.contains("https://www.keys.example/livez"), "{moved:?}");
    }

    #[test]
    fn a_callback_must_be_answered_by_us() {
        let state = |reply| judge_callback(&Ok(reply)).state;
        assert_eq!(state(reply(404, &[("cartkey-request-id", "rq_1")], "")), State::Fine);
        assert_eq!(state(reply(404, &[], "")), State::Bad);
        assert_eq!(state(reply(403, &[], "captcha")), State::Bad);
    }

    #[test]
    fn names_should_lead_to_public_ipv4() {
        let judge =
            |addresses: &[&str]| judge_addresses(&addresses.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<_>>());
        assert_eq!(judge(&["198.51.99.1", "2001:4860::1"]), None);
        assert!(judge(&["2001:4860::1"]).unwrap().contains("no IPv4"));
        assert!(judge(&["192.168.0.7"]).unwrap().contains("192.168.0.7"));
    }

    #[test]
    fn our_clock_is_wrong_when_all_others_say_so() {
        let judge = |seconds: &[u64]| {
            let mut skews: Vec<_> = seconds.iter().map(|s| ("a store", Duration::from_secs(*s))).collect();
            judge_clock(&mut skews).state
        };
        assert_eq!(judge(&[]), State::Fine);
        assert_eq!(judge(&[9_000, 1]), State::Fine, "the store's clock is wrong");
        assert_eq!(judge(&[9_000]), State::Warn, "theirs or ours");
        assert_eq!(judge(&[90, 91]), State::Bad);
    }
}
