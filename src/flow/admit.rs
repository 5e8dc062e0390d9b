//! Admit: who may begin an attempt, before anything is asked for them. A link has a budget of its own; the open page has one for
//! each network. So visitors of the open page use up nothing that links need, and one network nothing that another needs.

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

/// Attempts of one link at once, and how long until it has one more: 30 in ten minutes. People mistype.
const OF_LINK: (u32, Duration) = (30, Duration::from_secs(20));
/// The same for all links of one merchant.
const OF_MERCHANT: (u32, Duration) = (60, Duration::from_secs(10));
/// The same for one network (an IPv4 address, an IPv6 /64) on the open page.
const OF_NETWORK: (u32, Duration) = (10, Duration::from_secs(20));
/// The same for one wide network (an IPv4 /24, an IPv6 /48) on the open page.
const OF_WIDE: (u32, Duration) = (40, Duration::from_secs(5));

/// Approvals that one network may bring through the open page in `A_DAY`: each is kept for good.
const GRANTS_OF_NETWORK: i64 = 100;
/// The same for one wide network.
const GRANTS_OF_WIDE: i64 = 300;
/// The same for all visitors of the open page together.
const GRANTS_OF_STRANGERS: i64 = 6_000;
/// See `GRANTS_OF_NETWORK`.
const A_DAY: Duration = Duration::from_hours(24);

/// When whoever found no place for a preflight had better try again.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Leave to begin one attempt: what was taken from the budgets, and a place for its preflight.
#[derive(Debug)]
pub(super) struct Admitted {
    /// Where they come from.
    pub(super) network: Network,
    /// Held while the store is asked.
    pub(super) permit: Permit,
}

/// Lets `actor` begin an attempt at `store`, or says which limit does not. Takes from the budgets in one transaction before the
/// store is asked, and gives back what it took when there is no place.
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

/// Approvals are never refused once they come, so whoever brought too many begins no more.
async fn within_a_day(app: &App, network: &Network) -> Result<(), Error> {
    let since = app.now().minus(A_DAY);
    let (narrow, wide, all) = strangers::granted(&app.db, network, since).await.map_err(Beneath::from)?;
    if narrow >= GRANTS_OF_NETWORK || wide >= GRANTS_OF_WIDE || all >= GRANTS_OF_STRANGERS {
        return Err(Error::Limited(Limit::Day, Duration::from_hours(1)));
    }
    Ok(())
}
