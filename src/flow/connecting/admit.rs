//! Admit: decides who may begin an attempt, before any request to a store. Each link has its own budget, as has each
//! network on the open page. So visitors of the open page cannot use up what links need, nor one network what another
//! needs.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::app::App;
use crate::domain::{Actor, ClientNetwork, StoreUrl};
use crate::flow::Beneath;
use crate::flow::connecting::connect::{Error, Invitation, Limit};
use crate::live::preflights::{Permit, Whose};
use crate::storage::Db;
use crate::storage::budgets::{self, Budget};
use crate::storage::strangers;

/// Attempts per link: the burst, and the interval that restores one. 30 in ten minutes, because people mistype.
const OF_LINK: (u32, Duration) = (30, Duration::from_secs(20));
/// The same for all links of one merchant.
const OF_MERCHANT: (u32, Duration) = (60, Duration::from_secs(10));
/// The same for one network (an IPv4 address, an IPv6 /64) on the open page.
const OF_NETWORK: (u32, Duration) = (10, Duration::from_secs(20));
/// The same for one wide network (an IPv4 /24, an IPv6 /48) on the open page.
const OF_WIDE: (u32, Duration) = (40, Duration::from_secs(5));

/// The most approvals from one network through the open page in `A_DAY`. The limit exists because each is kept forever.
const GRANTS_OF_NETWORK: i64 = 100;
/// The same for one wide network.
const GRANTS_OF_WIDE: i64 = 300;
/// The same for all visitors of the open page together.
const GRANTS_OF_STRANGERS: i64 = 6_000;
/// See `GRANTS_OF_NETWORK`.
const A_DAY: Duration = Duration::from_hours(24);

/// The `Retry-After` when no preflight place is free.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Permission to begin one attempt, with a place for its preflight.
#[derive(Debug)]
pub(super) struct Admitted {
    /// The merchant's network.
    pub(super) network: ClientNetwork,
    /// Held while the preflight runs.
    pub(super) permit: Permit,
}

/// Admits `actor` to begin an attempt at `store`, or returns the limit that was reached. Charges the budgets in one
/// transaction before the preflight, and refunds them if no place is free.
pub(super) async fn admit(
    app: &App,
    invitation: &Invitation,
    store: &StoreUrl,
    actor: &Actor,
) -> Result<Admitted, Error> {
    let network = ClientNetwork::of(actor.from().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
    let budget = |subject: String, (burst, every)| Budget { subject, burst, every };
    let (budgets, whose) = if let Some(link) = &invitation.link_id {
        let (of_link, of_merchant) = (format!("connect {link}"), format!("connect user {}", invitation.user_id));
        (vec![budget(of_link, OF_LINK), budget(of_merchant, OF_MERCHANT)], Whose::Link(link, &invitation.user_id))
    } else {
        within_a_day(app, &network).await?;
        let narrow = budget(format!("connect {}", network.narrow), OF_NETWORK);
        let wide = budget(format!("connect {}", network.wide), OF_WIDE);
        (vec![narrow, wide], Whose::OpenPage(&network))
    };
    let limit = if invitation.link_id.is_some() { Limit::Link } else { Limit::Network };
    let db = database_for(app, invitation.link_id.is_some());
    if let Some(spent) = budgets::take(&db, &budgets, app.now()).await? {
        return Err(Error::Limited(limit, spent.wait));
    }
    if let Some(permit) = app.preflights.take(whose, store).await {
        return Ok(Admitted { network, permit });
    }
    budgets::refund(&db, &budgets).await?;
    Err(Error::Limited(Limit::Places, TRY_AGAIN_AFTER))
}

/// The database for an attempt that is begun: on the open page, anybody can cause these writes.
pub(super) fn database_for(app: &App, has_link: bool) -> Db {
    if has_link { app.db.clone() } else { app.db.for_strangers() }
}

/// A received approval is never refused, so a network with too many approvals may begin no further attempts.
async fn within_a_day(app: &App, network: &ClientNetwork) -> Result<(), Error> {
    let since = app.now().minus(A_DAY);
    let (narrow, wide, all) = strangers::granted(&app.db, network, since).await.map_err(Beneath::from)?;
    if narrow >= GRANTS_OF_NETWORK || wide >= GRANTS_OF_WIDE || all >= GRANTS_OF_STRANGERS {
        return Err(Error::Limited(Limit::Day, Duration::from_hours(1)));
    }
    Ok(())
}
