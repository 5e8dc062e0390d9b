//! Host pauses: how long hosts asked us to leave them alone. Each process keeps that in memory; on PostgreSQL its replicas know too.

use std::time::Duration;

use crate::app::App;
use crate::flow::Beneath;
use crate::storage::host_pauses;

/// How long the pause still lasts that the host asked for, this process or another replica; `None` if it did not.
pub async fn left(app: &App, host: &str) -> Result<Option<Duration>, Beneath> {
    if app.db.is_postgres() {
        Box::pin(learn(app, &[host])).await?;
    }
    Ok(app.outgoing.hosts.pause(host, app.clock.instant()))
}

/// Learns for how long these hosts asked other replicas for a pause.
pub async fn learn(app: &App, hosts: &[&str]) -> Result<(), Beneath> {
    if !app.db.is_postgres() || hosts.is_empty() {
        return Ok(());
    }
    let now = app.now();
    for (host, until) in host_pauses::of(&app.db, hosts, now).await? {
        app.outgoing.hosts.stay_away(&host, until.since(now), app.clock.instant());
    }
    Ok(())
}

/// Records that the host asked for a pause. Replicas that cannot be told will hear it from the host.
pub async fn keep(app: &App, host: &str, pause: Duration) {
    app.outgoing.hosts.stay_away(host, pause, app.clock.instant());
    if !app.db.is_postgres() || pause.is_zero() {
        return;
    }
    let now = app.now();
    if let Err(error) = host_pauses::save(&app.db, host, now, now.plus(pause)).await {
        tracing::warn!(
            host,
            error = &error as &dyn std::error::Error,
            "other replicas do not know that a host asked for a pause"
        );
    }
}
