//! Icon: shows the merchant the icon of the store that they are connecting. Pages load nothing from elsewhere, so we fetch it.
//!
//! It takes a place of the preflights, so a stranger makes this process send no more requests at a time than those may, and it is
//! fetched once per attempt, so no more requests in all than attempts may begin.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::domain::{Actor, Attempt, ClientNetwork, Icon, StoreUrl};
use crate::live::preflights::Whose;
use crate::woo::icon;

/// The time limit for a free place, and for fetching.
const WITHIN: Duration = Duration::from_secs(3);

/// The icon of the store of `attempt`, if it can be had. It is fetched while the merchant may still approve; later, it is known or
/// not shown.
pub async fn find(app: &App, attempt: &Attempt, actor: &Actor) -> Option<Arc<Icon>> {
    let url = attempt.icon_url.clone()?;
    if let Some(known) = app.icons.known(&attempt.id) {
        return known.icon().await;
    }
    if app.now() >= attempt.expires_at {
        return None;
    }
    let host = StoreUrl::parse(url.as_str(), app.site.network).ok()?;
    let network = ClientNetwork::of(actor.from().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
    let whose = match &attempt.link_id {
        Some(link) => Whose::Link(link, &attempt.user_id),
        None => Whose::OpenPage(&network),
    };
    let within = WITHIN.min(app.preflight_within);
    // Who gets no place in time may ask again.
    let permit = tokio::time::timeout(within, app.preflights.take(whose, &host)).await.ok()??;
    let client = app.woo.clone();
    let fetch = async move {
        let icon = icon::fetch(&client, &url, within).await;
        drop(permit);
        icon
    };
    app.icons.fetch(&attempt.id, fetch).icon().await
}
