//! Tell: events go to the webhooks that want them.
//!
//! The events are the outbox: whoever writes one does nothing for webhooks. Each webhook has a place in them; moving it on
//! and making the deliveries for what was passed is one transaction that only one process can win, so no event is lost or
//! made twice. A delivery is claimed until its claim runs out: a process that dies in the middle may have sent it, and it is
//! sent again. So each is sent at least once.

mod deliver;

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

pub use self::deliver::{Outcome, WITHIN, try_once};
use super::Beneath;
use super::feed::Watcher;
use crate::app::App;
use crate::domain::id::{DeliveryId, WebhookId};
use crate::domain::news::{EventId, News};
use crate::domain::time::Time;
use crate::domain::webhook::KEPT_FOR;
use crate::live::worker::{Plan, Worker};
use crate::storage::deliveries::{self, Batch, New};
use crate::storage::events;
use crate::storage::webhooks::{self, Held};

/// Deliveries at a time in one process: more than there may be webhooks, so that each has a place.
const PLACES: usize = 64;
/// Deliveries at a time to one webhook: a slow one does not take the places of the others.
const PLACES_OF_ONE: usize = 4;
/// How long a claim holds: longer than a try can take.
const CLAIM: Duration = Duration::from_mins(1);
/// Events that one transaction makes deliveries of.
const AT_ONCE: i64 = 200;
/// The longest that it sleeps: what another process changes of webhooks does not wake this one.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// After an event came, others often follow: one transaction serves all that come within so long.
const GATHER: Duration = Duration::from_millis(20);
/// How long it waits when the database does not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// This worker.
pub const WORKER: Plan = Plan::new("webhooks", "when something happens; polls every 10 s");

/// Delivers until told to stop, then sees through what has begun.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let worker = app.workers.enter(WORKER);
    let (mut desk, mut watcher) = (Desk::default(), None);
    let (mut looks_at_all, mut look_again) = (true, Instant::now());
    while !*stop.borrow() {
        let before = desk.begun;
        let due = if looks_at_all { desk.begin(&app).await } else { desk.begin_where_one_ended(&app).await };
        look_out(&app, &desk, &mut watcher);
        if looks_at_all {
            look_again = Instant::now() + LOOK_AGAIN;
        }
        let (until, seen) = match due {
            Ok(due) => {
                worker.did(desk.begun - before, "deliveries started");
                let due = due.map(|due| Instant::now() + due.since(app.now()).min(LOOK_AGAIN));
                (due.map_or(look_again, |due| due.min(look_again)), desk.seen)
            }
            Err(error) => {
                worker.failed("webhooks could not be told", &error);
                // Whatever happens meanwhile, the database is left alone for so long.
                (Instant::now() + PAUSE, EventId::of_number(i64::MAX))
            }
        };
        let failed = seen != desk.seen;
        looks_at_all = tokio::select! {
            () = desk.one_ended(&worker) => failed || desk.is_crowded,
            () = beyond(watcher.as_mut(), seen) => {
                tokio::time::sleep(GATHER).await;
                true
            }
            () = app.telling.notified() => true,
            () = sleep_until(until) => true,
            _ = stop.changed() => true,
        };
    }
    while !desk.running.is_empty() {
        desk.one_ended(&worker).await;
    }
}

/// Delivers everything that is due now, also what comes due meanwhile; gives back how many tries that were.
pub async fn run_due(app: &App) -> Result<usize, Beneath> {
    let (mut desk, worker) = (Desk::default(), app.workers.enter(WORKER));
    loop {
        let due = desk.begin(app).await?;
        if !desk.running.is_empty() {
            desk.one_ended(&worker).await;
        } else if due.is_none_or(|due| due > app.now()) {
            return Ok(desk.begun);
        }
    }
}

/// While there are webhooks, whoever writes an event wakes the desk.
fn look_out(app: &App, desk: &Desk, watcher: &mut Option<Watcher>) {
    if !desk.has_webhooks {
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

/// What is being delivered by this process.
#[derive(Default)]
struct Desk {
    running: JoinSet<()>,
    /// For which webhook each of them is.
    whose: HashMap<Id, WebhookId>,
    /// How many have been begun.
    begun: usize,
    /// Whether any webhook is sent events.
    has_webhooks: bool,
    /// The newest event that was seen.
    seen: EventId,
    /// Which webhook comes first: each in turn.
    turn: usize,
    /// When the next delivery to each is due for which there is a place, as the last look at it found.
    due: HashMap<WebhookId, Time>,
    /// To whom deliveries have ended since.
    ended: BTreeSet<WebhookId>,
    /// A webhook had to wait because all places were taken.
    is_crowded: bool,
}

impl Desk {
    /// Makes deliveries for what has happened and begins those that are due, as far as there are places; gives back when the
    /// next is due for which there is one.
    async fn begin(&mut self, app: &App) -> Result<Option<Time>, Beneath> {
        // A claim that this process cannot see through would keep the others away until it runs out.
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

    /// The same for those webhooks alone to which a delivery has ended: what is due to the others is known.
    async fn begin_where_one_ended(&mut self, app: &App) -> Result<Option<Time>, Beneath> {
        if app.is_draining() {
            return Ok(None);
        }
        for id in std::mem::take(&mut self.ended) {
            self.due.remove(&id);
            // Its last delivery may have turned it off.
            let held = webhooks::find(&app.db, &id).await?.filter(|held| held.webhook.disabled_at.is_none());
            if let Some(held) = held {
                self.look_at(app, held).await?;
            }
        }
        Ok(self.next())
    }

    async fn look_at(&mut self, app: &App, held: Held) -> Result<(), Beneath> {
        let id = held.webhook.id.clone();
        if let Some(due) = self.begin_for(app, Arc::new(held)).await? {
            self.due.insert(id, due);
        }
        Ok(())
    }

    fn next(&self) -> Option<Time> {
        self.due.values().min().copied()
    }

    /// Makes deliveries of what has happened since each webhook's place; whether there is more.
    async fn make(&mut self, app: &App, webhooks: &[Held]) -> Result<bool, Beneath> {
        self.seen = events::newest(&app.db).await?;
        // Mostly all webhooks are at the same place.
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

    /// Begins what is due for one webhook; when nothing is, some of what it is sent again is made due.
    async fn begin_for(&mut self, app: &App, held: Arc<Held>) -> Result<Option<Time>, Beneath> {
        let now = app.now();
        let places = self.places(&held);
        self.is_crowded |= self.running.len() >= PLACES;
        let due = deliveries::next_due(&app.db, &held.webhook.id).await?;
        if due.is_none_or(|due| due > now) && make_again(app, &held).await? {
            // What was made is due, or there is more to be looked through.
            return Ok(Some(now).filter(|_| places > 0));
        }
        if places == 0 || due.is_none_or(|due| due > now) {
            return Ok(due.filter(|_| places > 0));
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
                if let Err(error) = deliver::deliver(&app, &held, &delivery, until).await {
                    tracing::error!(delivery.id = %name, error = &error as &dyn std::error::Error, "a delivery could not be tried");
                }
            });
            self.whose.insert(running.id(), id);
        }
        // When all places are taken, the end of one says when to go on.
        if is_full { Ok(None) } else { Ok(deliveries::next_due(&app.db, &held.webhook.id).await?) }
    }

    /// How many more deliveries may go to this webhook now. One where nothing arrives gets one at a time.
    fn places(&self, held: &Held) -> usize {
        let of_one = if held.webhook.failing_since.is_some() { 1 } else { PLACES_OF_ONE };
        let taken = self.whose.values().filter(|id| **id == held.webhook.id).count();
        of_one.saturating_sub(taken).min(PLACES.saturating_sub(self.running.len()))
    }

    /// Waits until one delivery has ended; for ever when none is under way.
    async fn one_ended(&mut self, worker: &Worker) {
        let Some(ended) = self.running.join_next_with_id().await else { return std::future::pending().await };
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
        self.ended.extend(self.whose.remove(&id));
        worker.task_ended(ended);
    }
}

/// Makes some of the deliveries that a webhook is sent again; whether there were any.
async fn make_again(app: &App, held: &Held) -> Result<bool, Beneath> {
    let (Some(after), Some(last)) = (held.replay_after, held.replay_to) else { return Ok(false) };
    let mut news = events::news(&app.db, after, last, AT_ONCE).await?;
    let to = news.last().map_or(last, |news| news.id);
    if !held.replay_all {
        // Of what happened before, the log does not know any more whether it was delivered.
        let known = app.now().minus(KEPT_FOR);
        news.retain(|news| news.at >= known);
    }
    let batch = batch(app, held, after, to, &news);
    // A claim ends within that: what is on its way is not sent beside itself.
    let (now, due) = (app.now(), app.now().plus(CLAIM));
    Ok(deliveries::make_again(&app.db, &batch, last, held.replay_all, now, due).await?)
}

/// What of `news` a webhook wants.
fn batch(app: &App, held: &Held, from: EventId, to: EventId, news: &[News]) -> Batch {
    let webhook = &held.webhook;
    let wanted: Vec<&News> = news.iter().filter(|news| webhook.is_told_of(news)).collect();
    let mut ids: Vec<DeliveryId> = wanted.iter().map(|_| DeliveryId::mint(app.now(), &app.entropy)).collect();
    // Made in the same moment, they are in no order by themselves; the log is read in that of the events.
    ids.sort_unstable();
    let new = |(news, id): (&News, DeliveryId)| New { id, event: news.id, kind: news.kind.clone() };
    let deliveries = wanted.into_iter().zip(ids).map(new).collect();
    Batch { webhook_id: webhook.id.clone(), from, to, deliveries }
}
