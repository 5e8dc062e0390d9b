//! `cartkey check`: checks one store, or all of them, as many at a time as the limits of the watch allow.

use std::io::{self, IsTerminal as _, Write};

use anyhow::{Context as _, bail};
use tokio::task::JoinSet;

use super::progress::{Progress, grouped};
use super::{each_store, line};
use crate::app::App;
use crate::domain::{Actor, StoreId, StoreStatus};
use crate::flow::watching::watch;

/// Checks and prints a line for each store, in the order in which they answer; fails if any of them cannot be used.
pub(super) async fn run(app: &App, id: Option<StoreId>, out: &mut impl Write) -> anyhow::Result<()> {
    let is_one = id.is_some();
    let ids = match id {
        Some(id) => vec![id],
        None => connected_stores(app).await?,
    };
    // If stdout is a terminal too, its lines already show the progress.
    let mut progress = (ids.len() > 1 && io::stderr().is_terminal() && !io::stdout().is_terminal())
        .then(|| Progress::new(ids.len() as u64));
    let (mut done, mut bad) = (0, 0);
    let mut waiting = ids.into_iter();
    let mut asking = JoinSet::new();
    loop {
        while asking.len() < app.outgoing.demanded()
            && let Some(id) = waiting.next()
        {
            let app = app.clone();
            asking.spawn(async move {
                let looked = watch::check_in_turn(&app, &id, &Actor::cli()).await;
                let looked = looked.with_context(|| format!("{id} could not be checked"))?;
                looked.map(|looked| looked.store).with_context(|| format!("there is no store {id}"))
            });
        }
        let Some(ended) = asking.join_next().await else { break };
        let works = match ended.context("a check was aborted").flatten() {
            Ok(store) => {
                writeln!(out, "{}", line(&store))?;
                store.status == StoreStatus::Connected
            }
            Err(error) if is_one => return Err(error),
            // A store that cannot be checked does not stop the others.
            Err(error) => {
                tracing::error!("{error:#}");
                false
            }
        };
        done += 1;
        bad += u64::from(!works);
        if let Some(progress) = &mut progress {
            progress.at(done, format_args!("{} checked, {} cannot be used", grouped(done), grouped(bad)));
        }
    }
    drop(progress);
    if bad > 0 {
        bail!("{} of the checked stores cannot be used", grouped(bad));
    }
    Ok(())
}

/// Every store that was not deliberately disconnected.
async fn connected_stores(app: &App) -> anyhow::Result<Vec<StoreId>> {
    let mut ids = Vec::new();
    each_store(app, |store| {
        if store.status != StoreStatus::Disconnected {
            ids.push(store.id);
        }
        Ok(())
    })
    .await?;
    Ok(ids)
}
