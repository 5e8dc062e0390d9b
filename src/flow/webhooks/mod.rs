//! Webhooks: add, change, rotate the secret, test, turn off and on, replay, delete.

pub mod deliver;
pub mod dispatch;

use self::deliver::Outcome;
use crate::app::App;
use crate::domain::delivery::TRIAL;
use crate::domain::page::Page;
use crate::domain::webhook::{DESCRIPTION_AT_MOST, KEPT_FOR, MOST, OVERLAP, PUT_OFF_AT_MOST};
use crate::domain::{
    Actor, Delivery, DeliveryId, DeliveryState, Event, EventId, Kind, OtherUsers, Secret, ServiceToken, Time, Users,
    Wanted, Webhook, WebhookId, WebhookUrl, WhyOff,
};
use crate::flow::open_vault::is_known;
use crate::flow::{Beneath, takes_in_beneath};
use crate::storage::webhooks::{self, Change, GoOn, WebhookWithSecret};
use crate::storage::{activity, deliveries, delivery_log, events};
use crate::vault::{Place, signature};
use crate::woo::Fault;

/// Rows changed or deleted per transaction.
const AT_ONCE: i64 = 500;

/// The properties of a webhook to add.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    pub url: WebhookUrl,
    /// Its description, cut to [`DESCRIPTION_AT_MOST`] characters.
    pub description: String,
    /// The event types it receives.
    pub wanted: Wanted,
    /// The only merchants whose events it receives; `None` means all.
    pub users: Option<Users>,
}

/// What to change of a webhook; what is `None` stays as it is.
#[derive(Debug, Default)]
pub struct Changes {
    pub url: Option<WebhookUrl>,
    pub description: Option<String>,
    pub wanted: Option<Wanted>,
    /// `Some(None)` means as many merchants as the token may access.
    pub users: Option<Option<Users>>,
}

impl Changes {
    /// Whether anything is to be changed.
    pub const fn is_any(&self) -> bool {
        self.url.is_some() || self.description.is_some() || self.wanted.is_some() || self.users.is_some()
    }
}

/// Which of two secrets a new one replaces. The time is the end of the overlap as the caller saw it, so a double click is refused
/// the second time and does not end the secret that the first click created.
#[derive(Debug, Clone, Copy)]
pub enum GivesWay {
    /// The older secret, because the newer one is in use.
    Older(Time),
    /// The newer secret, because it was never seen or is lost.
    Newer(Time),
}

/// Why an operation on a webhook fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no such webhook")]
    Unknown,
    #[error("there are already {MOST} webhooks; delete one that is not needed")]
    TooMany,
    /// The address is not allowed, or its name does not resolve.
    #[error("{0}")]
    Address(&'static str),
    #[error("somebody else has just changed this webhook; check it and try again")]
    Changed,
    #[error("this webhook is on")]
    On,
    #[error("this webhook is off; turn it on first")]
    Off,
    /// The webhook has two secrets, and the caller did not choose which one a third replaces.
    #[error(
        "this webhook has two secrets already; end the older one with --drop-old, or --drop-new when nobody has the newer one"
    )]
    TwoSecrets,
    #[error("this webhook no longer has an old secret")]
    OneSecret,
    #[error("there is no such delivery to resend")]
    NoDelivery,
    #[error("this webhook no longer receives this event type; change its event types first")]
    NotWanted,
    /// As many tests are running as may, of this webhook or in all.
    #[error("too many webhook tests are running; try again in 15 seconds")]
    TestsRunning,
    /// The token on whose behalf it is changed may not see all of its merchants.
    #[error(transparent)]
    OtherUsers(OtherUsers),
    #[error(transparent)]
    Beneath(Beneath),
}
takes_in_beneath!(Error);

/// Adds a webhook on behalf of a token, as [`add`] does. Without a limit of its own it gets that of the token. Fails with
/// [`Error::OtherUsers`] if the token may not see all of its merchants.
pub async fn add_for(
    app: &App,
    token: &ServiceToken,
    new: NewWebhook,
    actor: &Actor,
) -> Result<(Webhook, Secret), Error> {
    let users = token.limit(new.users).map_err(Error::OtherUsers)?;
    add(app, NewWebhook { users, ..new }, actor).await
}

/// Adds a webhook that receives events from now on. Its secret is returned once.
pub async fn add(app: &App, new: NewWebhook, actor: &Actor) -> Result<(Webhook, Secret), Error> {
    may_ask(app, &new.url).await?;
    let now = app.now();
    let webhook = Webhook {
        id: WebhookId::mint(now, &app.entropy),
        url: new.url,
        description: cut(&new.description),
        wanted: new.wanted,
        users: new.users,
        created_at: now,
        old_until: None,
        succeeded_at: None,
        failing_since: None,
        disabled_at: None,
        disabled_why: None,
    };
    let secret = signature::mint(&app.entropy);
    let sealed = seal(app, &webhook.id, &webhook.url, &secret);
    let event = Event::new(Kind::WebhookCreated, now, actor).webhook(&webhook.id);
    if !webhooks::insert(&app.db, &webhook, &sealed, &event).await? {
        return Err(Error::TooMany);
    }
    app.dispatching.notify_one();
    Ok((webhook, secret))
}

/// Changes a webhook on behalf of a token, as [`change`] does, and limits it as [`add_for`] does. What is `None` stays as it is.
pub async fn change_for(
    app: &App,
    token: &ServiceToken,
    id: &WebhookId,
    new: Changes,
    actor: &Actor,
) -> Result<(), Error> {
    let held = held_for(app, token, id).await?;
    let was = held.webhook.clone();
    let users = match new.users {
        Some(users) => token.limit(users).map_err(Error::OtherUsers)?,
        None => was.users,
    };
    let new = NewWebhook {
        url: new.url.unwrap_or(was.url),
        description: new.description.unwrap_or(was.description),
        wanted: new.wanted.unwrap_or(was.wanted),
        users,
    };
    change_held(app, held, new, actor).await
}

/// Changes a webhook. A new filter also applies to waiting deliveries: those no longer wanted are skipped when they become due.
/// Past events that the old filter excluded are not sent.
pub async fn change(app: &App, id: &WebhookId, new: NewWebhook, actor: &Actor) -> Result<(), Error> {
    change_held(app, held(app, id).await?, new, actor).await
}

/// Changes the webhook that was read; [`Error::Changed`] if somebody else has changed it since.
async fn change_held(app: &App, held: WebhookWithSecret, new: NewWebhook, actor: &Actor) -> Result<(), Error> {
    let id = &held.webhook.id;
    if new.url != held.webhook.url {
        may_ask(app, &new.url).await?;
        is_known(app, &held.secret).await?;
    }
    // A secret that does not open is left unchanged: it may open again at the address it was sealed for.
    let reseal = |sealed: &Vec<u8>| match app.vault.open_secret(&Place::webhook(id, &held.webhook.url), sealed) {
        Ok(secret) => seal(app, id, &new.url, &secret),
        Err(_) => sealed.clone(),
    };
    let secret = reseal(&held.secret);
    let old_secret = held.old_secret.as_ref().map(reseal);
    let description = cut(&new.description);
    let to = Change {
        url: &new.url,
        description: &description,
        wanted: &new.wanted,
        users: new.users.as_ref(),
        secret: &secret,
        old_secret: old_secret.as_deref(),
    };
    let event = Event::new(Kind::WebhookChanged, app.now(), actor).webhook(id);
    if webhooks::change(&app.db, &held, &to, &event).await? { Ok(()) } else { Err(Error::Changed) }
}

/// Creates a new secret for a webhook and returns it once. The current one continues to sign for [`OVERLAP`]. Only two can sign:
/// while there are two, `gives_way` states which one ends. A secret that does not open is dropped and does not count.
pub async fn rotate(
    app: &App,
    id: &WebhookId,
    gives_way: Option<GivesWay>,
    actor: &Actor,
) -> Result<(Webhook, Secret), Error> {
    rotate_held(app, held(app, id).await?, gives_way, actor).await
}

/// Creates a new secret on behalf of a token, as [`rotate`] does.
pub async fn rotate_for(
    app: &App,
    token: &ServiceToken,
    id: &WebhookId,
    gives_way: Option<GivesWay>,
    actor: &Actor,
) -> Result<(Webhook, Secret), Error> {
    rotate_held(app, held_for(app, token, id).await?, gives_way, actor).await
}

async fn rotate_held(
    app: &App,
    held: WebhookWithSecret,
    gives_way: Option<GivesWay>,
    actor: &Actor,
) -> Result<(Webhook, Secret), Error> {
    let id = &held.webhook.id;
    for sealed in [&held.secret].into_iter().chain(&held.old_secret) {
        is_known(app, sealed).await?;
    }
    let now = app.now();
    let opens = |sealed: &&Vec<u8>| app.vault.open_secret(&Place::webhook(id, &held.webhook.url), sealed).is_ok();
    let old = held.old_secret.as_ref().filter(|_| held.webhook.has_two_secrets(now)).filter(opens);
    let in_use = match (old, gives_way) {
        (None, _) => &held.secret,
        (Some(_), Some(GivesWay::Older(until))) if held.webhook.old_until == Some(until) => &held.secret,
        (Some(old), Some(GivesWay::Newer(until))) if held.webhook.old_until == Some(until) => old,
        (Some(_), _) => return Err(Error::TwoSecrets),
    };
    let secret = signature::mint(&app.entropy);
    let sealed = seal(app, id, &held.webhook.url, &secret);
    let event = Event::new(Kind::WebhookSecretRotated, now, actor).webhook(id);
    let old = Some(in_use).filter(opens).map(|in_use| (in_use.as_slice(), now.plus(OVERLAP)));
    if !webhooks::rotate(&app.db, &held, &sealed, old, &event).await? {
        return Err(Error::Changed);
    }
    Ok((Webhook { old_until: old.map(|(_, until)| until), ..held.webhook }, secret))
}

/// Ends a webhook's old secret before its overlap is over.
pub async fn end_old_secret(app: &App, id: &WebhookId, actor: &Actor) -> Result<(), Error> {
    let event = Event::new(Kind::WebhookSecretEnded, app.now(), actor).webhook(id);
    if webhooks::end_old_secret(&app.db, id, &event).await? { Ok(()) } else { Err(Error::OneSecret) }
}

/// Turns a webhook off: nothing is sent until it is turned on again.
pub async fn disable(app: &App, id: &WebhookId, actor: &Actor) -> Result<(), Error> {
    let (now, why) = (app.now(), WhyOff::ByHand);
    let event = Event::new(Kind::WebhookDisabled, now, actor).webhook(id).because_of(why.as_str());
    if webhooks::disable(&app.db, id, why, now, &event).await? {
        return Ok(());
    }
    held(app, id).await?;
    Err(Error::Off)
}

/// Turns a webhook on. With `catches_up`, it receives what it missed: events since it was turned off, waiting deliveries, and those
/// that failed since it began to fail. Otherwise it receives events from now on.
pub async fn enable(app: &App, id: &WebhookId, catches_up: bool, actor: &Actor) -> Result<(), Error> {
    let webhook = held(app, id).await?.webhook;
    let Some(disabled_at) = webhook.disabled_at else { return Err(Error::On) };
    // While the webhook is off, no new delivery starts to wait.
    let how = if catches_up {
        // Use the log, not the events: deliveries that have left the log would be sent again.
        let (since, now) = (webhook.failing_since.unwrap_or(disabled_at), app.now());
        for state in [DeliveryState::Waiting, DeliveryState::Failed] {
            let mut after = DeliveryId::least(Time::from_millis(0));
            while let Some(last) = delivery_log::due_again(&app.db, id, state, since, &after, now, AT_ONCE).await? {
                after = last;
            }
        }
        GoOn::FromItsPlace
    } else {
        while delivery_log::skip(&app.db, id, app.now(), AT_ONCE).await? > 0 {}
        GoOn::FromNow
    };
    let event = Event::new(Kind::WebhookEnabled, app.now(), actor).webhook(id);
    if !webhooks::enable(&app.db, id, how, &event).await? {
        return Err(Error::On);
    }
    app.dispatching.notify_one();
    Ok(())
}

/// Deletes a webhook and its log.
pub async fn delete(app: &App, id: &WebhookId, actor: &Actor) -> Result<(), Error> {
    let now = app.now();
    let event = Event::new(Kind::WebhookDeleted, now, actor).webhook(id);
    if webhooks::delete(&app.db, id, now, &event).await? { Ok(()) } else { Err(Error::Unknown) }
}

/// Sends a webhook the matching events since `since` again: all of them, or with `missed_only` those not delivered, as far back as
/// the log reaches.
pub async fn replay(app: &App, id: &WebhookId, since: Time, missed_only: bool, actor: &Actor) -> Result<(), Error> {
    held(app, id).await?;
    let since = if missed_only { since.max(app.now().minus(KEPT_FOR)) } else { since };
    let first = activity::first_since(&app.db, since).await?;
    let after = match first {
        Some(first) => EventId::of_number(first - 1),
        None => events::newest(&app.db).await?,
    };
    let event = Event::new(Kind::WebhookReplayed, app.now(), actor).webhook(id);
    if !webhooks::replay(&app.db, id, after, !missed_only, &event).await? {
        return Err(Error::Off);
    }
    app.dispatching.notify_one();
    Ok(())
}

/// Sends one delivery again. Fails if the webhook is off or no longer receives the event type.
pub async fn replay_one(app: &App, id: &WebhookId, delivery: &DeliveryId, actor: &Actor) -> Result<(), Error> {
    let webhook = held(app, id).await?.webhook;
    if webhook.disabled_at.is_some() {
        return Err(Error::Off);
    }
    let event = delivery_log::event(&app.db, id, delivery).await?.ok_or(Error::NoDelivery)?;
    let news = events::find(&app.db, event).await?.ok_or(Error::NoDelivery)?;
    if !webhook.is_told_of(&news) {
        return Err(Error::NotWanted);
    }
    let event = Event::new(Kind::WebhookReplayed, app.now(), actor).webhook(id);
    if !deliveries::again(&app.db, id, delivery, app.now(), &event).await? {
        return Err(Error::NoDelivery);
    }
    app.dispatching.notify_one();
    Ok(())
}

/// Sends a test delivery to a webhook now, once, even if it is off. Returns the result. Fails with [`Error::TestsRunning`] at
/// once if too many are running in this process.
pub async fn test(app: &App, id: &WebhookId, actor: &Actor) -> Result<Outcome, Error> {
    let held = held(app, id).await?;
    let _place = app.webhook_tests.enter(id).ok_or(Error::TestsRunning)?;
    let made_at = app.now();
    let name = DeliveryId::mint(made_at, &app.entropy);
    let body = serde_json::json!({"id": name, "type": TRIAL, "timestamp": made_at, "data": {"webhook_id": id}});
    let outcome = deliver::try_once(app, &held, name.as_str(), body.to_string()).await;
    let state = if outcome.is_delivered() { DeliveryState::Delivered } else { DeliveryState::Failed };
    let now = app.now();
    let delivery = Delivery {
        id: name,
        webhook_id: id.clone(),
        event: None,
        kind: TRIAL.to_owned(),
        state,
        made_at,
        due_at: None,
        tries: 1,
        tried_at: Some(now),
        ended_at: Some(now),
        status: outcome.status.map(|status| i64::from(status.as_u16())),
        fault: outcome.fault.map(str::to_owned),
        took_ms: Some(outcome.took_ms()),
    };
    let event = Event::new(Kind::WebhookTested, now, actor).webhook(id);
    deliveries::keep_trial(&app.db, &delivery, &event).await?;
    Ok(outcome)
}

/// All webhooks, oldest first.
pub async fn all(app: &App) -> Result<Vec<Webhook>, Beneath> {
    Ok(webhooks::all(&app.db).await?)
}

/// The webhooks within the limit of `token`, oldest first.
pub async fn all_for(app: &App, token: &ServiceToken) -> Result<Vec<Webhook>, Beneath> {
    Ok(all(app).await?.into_iter().filter(|webhook| token.covers(webhook.users.as_ref())).collect())
}

/// The webhook with this ID, if it is within the limit of `token`.
pub async fn find_for(app: &App, token: &ServiceToken, id: &WebhookId) -> Result<Option<Webhook>, Beneath> {
    Ok(find(app, id).await?.filter(|webhook| token.covers(webhook.users.as_ref())))
}

pub async fn find(app: &App, id: &WebhookId) -> Result<Option<Webhook>, Beneath> {
    Ok(webhooks::find(&app.db, id).await?.map(|held| held.webhook))
}

/// One page of a webhook's log, newest first, starting before `before`. With `users`, only tests and events about these.
pub async fn log(
    app: &App,
    id: &WebhookId,
    state: Option<DeliveryState>,
    users: Option<&Users>,
    before: Option<&DeliveryId>,
    limit: i64,
) -> Result<Page<Delivery>, Beneath> {
    let newest = DeliveryId::least(Time::from_millis(i64::MAX));
    let rows = delivery_log::list(&app.db, id, state, users, before.unwrap_or(&newest), limit + 1).await?;
    Ok(Page::of(rows, limit, |delivery| delivery.id.to_string()))
}

/// The number of deliveries to a webhook in this state, counted up to `most`.
pub async fn count(app: &App, id: &WebhookId, state: DeliveryState, most: i64) -> Result<i64, Beneath> {
    Ok(delivery_log::count(&app.db, id, state, most).await?)
}

/// Wipes old secrets whose overlap has ended, deletes old log entries and the remains of deleted webhooks, and makes due the
/// deliveries that were postponed while a clock was ahead.
pub async fn sweep(app: &App) -> Result<(), Beneath> {
    let now = app.now();
    webhooks::wipe_old_secrets(&app.db, now, now.plus(OVERLAP)).await?;
    let beyond = now.plus(PUT_OFF_AT_MOST);
    for webhook in webhooks::all(&app.db).await? {
        while deliveries::bring_forward(&app.db, &webhook.id, beyond, now, AT_ONCE).await? > 0 {}
    }
    let before = now.minus(KEPT_FOR);
    while !app.is_draining() && delivery_log::delete_ended(&app.db, before, AT_ONCE).await? > 0 {}
    for id in delivery_log::deleted(&app.db).await? {
        while !app.is_draining() && delivery_log::clear(&app.db, &id, AT_ONCE).await? > 0 {}
    }
    Ok(())
}

async fn held(app: &App, id: &WebhookId) -> Result<WebhookWithSecret, Error> {
    webhooks::find(&app.db, id).await?.ok_or(Error::Unknown)
}

/// The webhook, if it is within the limit of `token`.
async fn held_for(app: &App, token: &ServiceToken, id: &WebhookId) -> Result<WebhookWithSecret, Error> {
    let held = held(app, id).await?;
    if token.covers(held.webhook.users.as_ref()) { Ok(held) } else { Err(Error::Unknown) }
}

fn seal(app: &App, id: &WebhookId, url: &WebhookUrl, secret: &Secret) -> Vec<u8> {
    app.vault.seal_secret(&app.entropy, &Place::webhook(id, url), secret)
}

fn cut(description: &str) -> String {
    description.trim().chars().filter(|c| !c.is_control()).take(DESCRIPTION_AT_MOST).collect()
}

/// Checks the address against the guard, as a delivery would.
async fn may_ask(app: &App, url: &WebhookUrl) -> Result<(), Error> {
    app.woo.may_ask(url.as_str()).await.map_err(|fault| {
        Error::Address(match fault {
            Fault::Dns => "This name does not exist. Check the spelling of the address, and whether the name is known outside your network.",
            Fault::PrivateAddress => "This name leads to an address that is not public, or to Cartkey itself. Give your service a public name with https; only for development, CARTKEY_ALLOW_PRIVATE_STORES=true allows private addresses.",
            _ => "This address cannot be used. Type a complete address, such as https://app.example.com/hooks/cartkey.",
        })
    })
}
