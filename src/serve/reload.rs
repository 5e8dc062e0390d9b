//! SIGHUP: reloads what can change while serving; nothing is interrupted.

use tokio::signal::unix::Signal;
use tokio::sync::watch;

use crate::app::App;
use crate::config::Config;
use crate::telemetry;

/// Reloads at each signal until shutdown.
pub(super) async fn run(mut hangups: Signal, app: App, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            Some(()) = hangups.recv() => reload(&app),
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

fn reload(app: &App) {
    app.woo.forget_roots();
    // The environment of a process does not change, but `.env` and the files that variables name may.
    match Config::load() {
        Ok(config) => {
            telemetry::filter_by(&config.log.filter);
            tracing::info!(
                filter = config.log.filter,
                "SIGHUP: reloaded the log filter and the trusted certificates; every other setting needs a restart"
            );
        }
        Err(faults) => {
            tracing::warn!(%faults, "SIGHUP: reloaded the trusted certificates; the log filter stays, because of errors in the configuration");
        }
    }
}
