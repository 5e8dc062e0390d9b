//! Admit: decides who may begin an attempt, before any store is asked. Each link has a budget of its own, and on the open page
//! each network. So visitors of the open page use up nothing that links need, nor one network what another needs.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::Beneath;
use super::connect::{Error, Ground, Limit};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::network::Network;
use crate::domain::store_url::StoreUrl;
use crate::live::preflights::{Permit, Whose};
use crate::storage::budgets::{self, Budget};
use crate::storage::strangers;

/// The burst of attempts for one link, and the interval for one more: 30 in ten minutes, because people mistype.
const OF_LINK: (u32, Duration) = (30, Duration::from_secs(20));
/// The same for all links of one merchant.
const OF_MERCHANT: (u32, Duration) = (60, Duration::from_secs(10));
/// The same for one network (an IPv4 address, an IPv6 /64) on the open page.
const OF_NETWORK: (u32, Duration) = (10, Duration::from_secs(20));
/// The same for one wide network (an IPv4 /24, an IPv6 /48) on the open page.
const OF_WIDE: (u32, Duration) = (40, Duration::from_secs(5));

/// The most approvals from one network through the open page in `A_DAY`, because each is kept forever.
const GRANTS_OF_NETWORK: i64 = 100;
/// The same for one wide network.
const GRANTS_OF_WIDE: i64 = 300;
/// The same for all visitors of the open page together.
const GRANTS_OF_STRANGERS: i64 = 6_000;
/// See `GRANTS_OF_NETWORK`.
const A_DAY: Duration = Duration::from_hours(24);

/// When to try again after finding no place for a preflight.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Permission to begin one attempt, with a place for its preflight.
#[derive(Debug)]
pub(super) struct Admitted {
    /// The merchant's network.
    pub(super) network: Network,
    /// Held while the store is asked.
    pub(super) permit: Permit,
}

/// Lets `actor` begin an attempt at `store`, or returns the limit that was reached. Takes from the budgets in one transaction
/// before the store is asked, and returns what it took when no place is free.
pub(super) async fn admit(app: &App, ground: &Ground, store: &StoreUrl, actor: &Actor) -> Result<Admitted, Error> {
    let network = Network::of(actor.from().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
    let budget = |subject: String, (burst, every)| Budget { subject, burst, every };
    let (budgets, whose) = if let Some(link) = &ground.link_id {
        let (of_link, of_merchant) = (format!("connect {link}"), format!("connect user {}", ground.user_id));
        (vec![budget(of_link, OF_LINK), budget(of_merchant, OF_MERCHANT)], Whose::Link(link, &ground.user_id))
    } else {
        within_a_day(app, &network).await?;
        let narrow = budget(format!("connect {}", network.narrow), OF_NETWORK);
        let wide = budget(format!("connect {}", network.wide), OF_WIDE);
        (vec![narrow, wide], Whose::OpenPage(&network))
    };
    let limit = if ground.link_id.is_some() { Limit::Link } else { Limit::Network };
    if let Some(spent) = budgets::take(&app.db, &budgets, app.now()).await? {
        return Err(Error::Limited(limit, spent.wait));
    }
    if let Some(permit) = app.preflights.take(whose, store).await {
        return Ok(Admitted { network, permit });
    }
    budgets::give_back(&app.db, &budgets).await?;
    Err(Error::Limited(Limit::Places, TRY_AGAIN_AFTER))
}

/// Approvals are never refused once they arrive, so a network with too many may begin no more attempts.
async fn within_a_day(app: &App, network: &Network) -> Result<(), Error> {
    let since = app.now().minus(A_DAY);
    let (narrow, wide, all) = strangers::granted(&app.db, network, since).await.map_err(Beneath::from)?;
    if narrow >= GRANTS_OF_NETWORK || wide >= GRANTS_OF_WIDE || all >= GRANTS_OF_STRANGERS {
        return Err(Error::Limited(Limit::Day, Duration::from_hours(1)));
    }
    Ok(())
}
