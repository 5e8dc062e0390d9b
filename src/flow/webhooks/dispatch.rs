//! Dispatch: creates and starts the deliveries of events to webhooks.
//!
//! The events table is the outbox: code that writes an event does nothing for webhooks. Each webhook has a cursor in it. One
//! transaction, which only one process can win, moves the cursor and creates the deliveries for the events passed, so no event is
//! lost or delivered from twice. A delivery is claimed for a limited time. A process that dies in between may have sent it, and it
//! is sent again: delivery is at least once.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::app::App;
use crate::domain::webhook::KEPT_FOR;
use crate::domain::{DeliveryId, EventId, News, Time, WebhookId};
use crate::flow::Beneath;
use crate::live::feed::Watcher;
use crate::live::worker::{Plan, Worker};
use crate::storage::deliveries::{self, Batch, New};
use crate::storage::events;
use crate::storage::webhooks::{self, WebhookWithSecret};

/// Concurrent deliveries per process: more than the maximum number of webhooks, so that each has a place.
const PLACES: usize = 64;
/// Concurrent deliveries per webhook, so that a slow one does not take the places of the others.
const PLACES_OF_ONE: usize = 4;
/// The lifetime of a claim: longer than a try can take.
const CLAIM: Duration = Duration::from_mins(1);
/// Events per transaction that creates deliveries.
const AT_ONCE: i64 = 200;
/// The longest sleep: changes to webhooks by another process do not wake this one.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// Events often come in groups: one transaction handles all that follow the first within this time.
const GATHER: Duration = Duration::from_millis(20);
/// The pause after a database failure.
const PAUSE: Duration = Duration::from_secs(1);

pub const WORKER: Plan = Plan::new("webhooks", "when an event occurs; polls every 10 s");

/// Delivers until shutdown, then waits for running deliveries.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let worker = app.workers.enter(WORKER);
    let (mut dispatcher, mut watcher) = (Dispatcher::default(), None);
    let (mut looks_at_all, mut look_again) = (true, Instant::now());
    while !*stop.borrow() {
        let before = dispatcher.begun;
        let due =
            if looks_at_all { dispatcher.begin(&app).await } else { dispatcher.begin_where_one_ended(&app).await };
        look_out(&app, &dispatcher, &mut watcher);
        if looks_at_all {
            look_again = Instant::now() + LOOK_AGAIN;
        }
        let (until, seen) = match due {
            Ok(due) => {
                worker.did(dispatcher.begun - before, "deliveries started");
                let due = due.map(|due| Instant::now() + due.since(app.now()).min(LOOK_AGAIN));
                (due.map_or(look_again, |due| due.min(look_again)), dispatcher.seen)
            }
            Err(error) => {
                worker.failed("webhook deliveries could not be dispatched", &error);
                // Leave the database alone for this long, whatever happens.
                (Instant::now() + PAUSE, EventId::of_number(i64::MAX))
            }
        };
        let failed = seen != dispatcher.seen;
        looks_at_all = tokio::select! {
            () = dispatcher.one_ended(&worker) => failed || dispatcher.is_crowded,
            () = beyond(watcher.as_mut(), seen) => {
                tokio::time::sleep(GATHER).await;
                true
            }
            () = app.dispatching.notified() => true,
            () = sleep_until(until) => true,
            _ = stop.changed() => true,
        };
    }
    while !dispatcher.running.is_empty() {
        dispatcher.one_ended(&worker).await;
    }
}

/// Delivers everything that is due, including what becomes due meanwhile. Returns the number of tries.
pub async fn run_due(app: &App) -> Result<usize, Beneath> {
    let (mut dispatcher, worker) = (Dispatcher::default(), app.workers.enter(WORKER));
    loop {
        let due = dispatcher.begin(app).await?;
        if !dispatcher.running.is_empty() {
            dispatcher.one_ended(&worker).await;
        } else if due.is_none_or(|due| due > app.now()) {
            return Ok(dispatcher.begun);
        }
    }
}

/// Watches the feed while there are webhooks, so that a new event wakes the dispatcher.
fn look_out(app: &App, dispatcher: &Dispatcher, watcher: &mut Option<Watcher>) {
    if !dispatcher.has_webhooks {
        *watcher = None;
    } else if watcher.is_none() {
        *watcher = Some(app.feed.watch(&app.db));
    }
}

async fn beyond(watcher: Option<&mut Watcher>, seen: EventId) {
    let goes_on = match watcher {
        Some(watcher) => watcher.beyond(seen).await,
        None => false,
    };
    if !goes_on {
        std::future::pending::<()>().await;
    }
}

/// The running deliveries of this process.
#[derive(Default)]
struct Dispatcher {
    running: JoinSet<()>,
    /// The webhook of each running delivery.
    whose: HashMap<Id, WebhookId>,
    /// The number of deliveries started.
    begun: usize,
    /// Whether any webhook receives events.
    has_webhooks: bool,
    seen: EventId,
    /// Round-robin counter: which webhook comes first.
    turn: usize,
    /// When each webhook's next delivery is due, if it has a free place, as of the last look.
    due: HashMap<WebhookId, Time>,
    /// Webhooks whose deliveries have ended since.
    ended: BTreeSet<WebhookId>,
    /// Whether a webhook had to wait because all places were taken.
    is_crowded: bool,
}

impl Dispatcher {
    /// Creates deliveries for new events and starts due ones while places are free. Returns when the next one with a free place is
    /// due.
    async fn begin(&mut self, app: &App) -> Result<Option<Time>, Beneath> {
        // A claim that this process cannot finish would block other replicas until it expires.
        if app.is_draining() {
            return Ok(None);
        }
        let mut webhooks = webhooks::sent_events(&app.db).await?;
        self.has_webhooks = !webhooks.is_empty();
        self.is_crowded = false;
        self.due.clear();
        self.ended.clear();
        if !self.has_webhooks {
            return Ok(None);
        }
        let now = app.now();
        let is_behind = self.make(app, &webhooks).await?;
        self.turn = self.turn.wrapping_add(1);
        let first = self.turn % webhooks.len();
        webhooks.rotate_left(first);
        for webhook in webhooks {
            self.look_at(app, webhook).await?;
        }
        Ok(if is_behind { Some(now) } else { self.next() })
    }

    /// The same, only for webhooks where a delivery has ended: what is due to the others is known.
    async fn begin_where_one_ended(&mut self, app: &App) -> Result<Option<Time>, Beneath> {
        if app.is_draining() {
            return Ok(None);
        }
        for id in std::mem::take(&mut self.ended) {
            self.due.remove(&id);
            // The last delivery may have turned the webhook off.
            let held = webhooks::find(&app.db, &id).await?.filter(|held| held.webhook.disabled_at.is_none());
            if let Some(held) = held {
                self.look_at(app, held).await?;
            }
        }
        Ok(self.next())
    }

    async fn look_at(&mut self, app: &App, held: WebhookWithSecret) -> Result<(), Beneath> {
        let id = held.webhook.id.clone();
        if let Some(due) = self.begin_for(app, Arc::new(held)).await? {
            self.due.insert(id, due);
        }
        Ok(())
    }

    fn next(&self) -> Option<Time> {
        self.due.values().min().copied()
    }

    /// Creates deliveries for the events after each webhook's cursor. Returns whether there are more.
    async fn make(&mut self, app: &App, webhooks: &[WebhookWithSecret]) -> Result<bool, Beneath> {
        self.seen = events::newest(&app.db).await?;
        // Usually all webhooks have the same cursor.
        let mut read: HashMap<EventId, Vec<News>> = HashMap::new();
        let mut batches = Vec::new();
        for held in webhooks.iter().filter(|held| held.cursor < self.seen) {
            let news = match read.entry(held.cursor) {
                Entry::Occupied(read) => read.into_mut(),
                Entry::Vacant(unread) => unread.insert(events::news(&app.db, held.cursor, self.seen, AT_ONCE).await?),
            };
            let Some(last) = news.last() else { continue };
            batches.push(batch(app, held, held.cursor, last.id, news));
        }
        let is_behind = batches.iter().any(|batch| batch.to < self.seen);
        if !batches.is_empty() {
            deliveries::make(&app.db, &batches, app.now()).await?;
        }
        Ok(is_behind)
    }

    /// Starts due deliveries of one webhook. If there are none, makes part of its replay due.
    async fn begin_for(&mut self, app: &App, held: Arc<WebhookWithSecret>) -> Result<Option<Time>, Beneath> {
        let now = app.now();
        let places = self.places(&held);
        self.is_crowded |= self.running.len() >= PLACES;
        let due = deliveries::due(&app.db, &held.webhook.id, now).await?;
        if !due.now && make_again(app, &held).await? {
            // The new deliveries are due, or there are more events to go through.
            return Ok(Some(now).filter(|_| places > 0));
        }
        if places == 0 || !due.now {
            return Ok(due.next.filter(|_| places > 0));
        }
        let until = now.plus(CLAIM);
        let most = i64::try_from(places).unwrap_or(0);
        let claimed = deliveries::claim(&app.db, &held.webhook.id, now, until, most).await?;
        let is_full = claimed.len() == places;
        for delivery in claimed {
            self.begun += 1;
            let (app, held) = (app.clone(), Arc::clone(&held));
            let id = held.webhook.id.clone();
            let running = self.running.spawn(async move {
                let name = delivery.id.clone();
                if let Err(error) = super::deliver::deliver(&app, &held, &delivery, until).await {
                    tracing::error!(delivery.id = %name, error = &error as &dyn std::error::Error, "a delivery could not be tried");
                }
            });
            self.whose.insert(running.id(), id);
        }
        // If all places are taken, the end of a delivery triggers the next look. What was just claimed is due again only when its
        // claim expires, long after the next look at all webhooks.
        Ok(due.next.filter(|_| !is_full))
    }

    /// How many more deliveries to this webhook may start now. A failing webhook gets one at a time.
    fn places(&self, held: &WebhookWithSecret) -> usize {
        let of_one = if held.webhook.failing_since.is_some() { 1 } else { PLACES_OF_ONE };
        let taken = self.whose.values().filter(|id| **id == held.webhook.id).count();
        of_one.saturating_sub(taken).min(PLACES.saturating_sub(self.running.len()))
    }

    /// Waits until a delivery has ended; forever if none is running.
    async fn one_ended(&mut self, worker: &Worker) {
        let Some(ended) = self.running.join_next_with_id().await else { return std::future::pending().await };
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
        self.ended.extend(self.whose.remove(&id));
        worker.task_ended(ended);
    }
}

/// Creates some of the deliveries of a replay. Returns whether there were any.
async fn make_again(app: &App, held: &WebhookWithSecret) -> Result<bool, Beneath> {
    let (Some(after), Some(last)) = (held.replay_after, held.replay_to) else { return Ok(false) };
    let mut news = events::news(&app.db, after, last, AT_ONCE).await?;
    let to = news.last().map_or(last, |news| news.id);
    if !held.replay_all {
        // The log no longer shows whether older events were delivered.
        let known = app.now().minus(KEPT_FOR);
        news.retain(|news| news.at >= known);
    }
    let batch = batch(app, held, after, to, &news);
    // Running claims end by then, so a delivery in progress is not sent a second time in parallel.
    let (now, due) = (app.now(), app.now().plus(CLAIM));
    Ok(deliveries::make_again(&app.db, &batch, last, held.replay_all, now, due).await?)
}

/// The deliveries of those `news` that the webhook receives.
fn batch(app: &App, held: &WebhookWithSecret, from: EventId, to: EventId, news: &[News]) -> Batch {
    let webhook = &held.webhook;
    let wanted: Vec<&News> = news.iter().filter(|news| webhook.is_told_of(news)).collect();
    let mut ids: Vec<DeliveryId> = wanted.iter().map(|_| DeliveryId::mint(app.now(), &app.entropy)).collect();
    // Ids minted in the same moment are unordered; the log must follow the order of events.
    ids.sort_unstable();
    let new = |(news, id): (&News, DeliveryId)| New { id, event: news.id, kind: news.kind.clone() };
    let deliveries = wanted.into_iter().zip(ids).map(new).collect();
    Batch { webhook_id: webhook.id.clone(), from, to, deliveries }
}
