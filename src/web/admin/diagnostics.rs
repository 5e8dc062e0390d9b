//! Diagnostics: a page that shows whether the installation works.

use askama::Template;
use axum::Router;
use axum::http::request::Parts;
use axum::routing::get;

use super::guard::SignedIn;
use super::show::{Section, Shell};
use crate::app::App;
use crate::flow::dashboard::diagnostics::{
    self, Depth, Finding, PUBLIC_ADDRESS, State as Stands, WorkerState, WorkerStatus,
};
use crate::web::page::Page;
use crate::web::{Peer, is_trusted};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/diagnostics", get(look))
}

#[derive(Template)]
#[template(path = "admin/diagnostics.html")]
struct DiagnosticsPage {
    shell: Shell,
    findings: Vec<Finding>,
    /// The state of each worker in this process.
    workers: Vec<WorkerStatus>,
    /// Names and values of the configuration, without secrets.
    settings: Vec<(&'static str, String)>,
}

impl DiagnosticsPage {
    /// The number of findings that need attention.
    fn troubles(&self) -> usize {
        self.findings.iter().filter(|finding| finding.state != Stands::Fine).count()
    }

    /// The badge's class and text.
    fn badge(finding: &Finding) -> (&'static str, &'static str) {
        match finding.state {
            Stands::Fine => ("good", "In order"),
            Stands::Warn => ("warn", "Warning"),
            Stands::Bad => ("bad", "Problem"),
        }
    }

    /// The badge's class and text.
    fn worker_badge(worker: &WorkerStatus) -> (&'static str, &'static str) {
        match worker.state {
            WorkerState::Running => ("good", "Running"),
            WorkerState::Idle => ("quiet", "Idle"),
            WorkerState::Down => ("bad", "Down"),
        }
    }
}

async fn look(who: SignedIn, parts: Parts) -> Page<DiagnosticsPage> {
    let mut findings = Box::pin(diagnostics::examine(&who.app, Depth::Sample)).await;
    findings.extend(proxy(&who.app, &parts));
    // Problems come first.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.state));
    let workers = who.app.workers.status();
    Page(DiagnosticsPage { shell: who.shell(Section::Diagnostics), findings, workers, settings: settings(&who.app) })
}

/// An untrusted proxy in front hides the clients' addresses: all visitors look like one.
fn proxy(app: &App, parts: &Parts) -> Option<Finding> {
    let peer = parts.extensions.get::<Peer>()?.0.ip().to_canonical();
    let trusted = is_trusted(&app.site.trusted_proxies, peer);
    (parts.headers.contains_key("x-forwarded-for") && !trusted).then(|| {
        let says = format!(
            "requests come through an untrusted proxy at {peer}, so all visitors count as one network: add the proxy to CARTKEY_TRUSTED_PROXIES"
        );
        Finding::new(PUBLIC_ADDRESS, Stands::Warn, says)
    })
}

fn settings(app: &App) -> Vec<(&'static str, String)> {
    let site = &app.site;
    let list = |all: Vec<String>| if all.is_empty() { "none".to_owned() } else { all.join(", ") };
    vec![
        ("Cartkey", env!("CARGO_PKG_VERSION").to_owned()),
        ("CARTKEY_PUBLIC_URL", site.public_url.clone()),
        ("CARTKEY_SCOPE", site.scope.to_string()),
        ("CARTKEY_OPEN_CONNECT", site.open_connect.to_string()),
        ("CARTKEY_RETURN_ORIGINS", list(site.return_origins.clone())),
        ("CARTKEY_TRUSTED_PROXIES", list(site.trusted_proxies.iter().map(ToString::to_string).collect())),
    ]
}
