//! Finds out where a store has moved: it reports a new address, or its address redirects.
//!
//! All requests here are sent without keys: a key is sent only to the address it was created for, whatever that address
//! claims. So it can only be seen which site answers where and which address it reports. Two sites that share a key
//! cannot be distinguished from one site with two names, so that verdict is only a suspicion.

use super::http::Client;
use super::locate::{Located, locate};
use super::site;
use crate::domain::{RestBase, StoreUrl, Verdict};

/// The site at `home`, whose API is at `rest`, accepted the key and reported `claimed`, a different address, as its home.
pub(super) async fn claimed(client: &Client, home: &StoreUrl, rest: &RestBase, claimed: &StoreUrl) -> Verdict {
    if home.bare_host() == claimed.bare_host() {
        return Verdict::Moved;
    }
    // It reports one address to visitors and another with the key: one of the two answers is not from this store.
    if told_at(client, rest).await.as_ref() == Some(home) {
        return Verdict::OtherStore;
    }
    match Box::pin(locate(client, claimed)).await {
        Located::At(site) if StoreUrl::parse(&site.index.home, client.network()).as_ref() == Ok(claimed) => {
            Verdict::CloneSuspected
        }
        // No site answers there, or none reports that address: only this site has it.
        _ => Verdict::Moved,
    }
}

/// `home` redirects its REST API to `to`; returns the verdict, and the address of the store found there.
pub(super) async fn redirected(client: &Client, home: &StoreUrl, to: &str) -> (Verdict, Option<StoreUrl>) {
    let target = url::Url::parse(home.as_str()).and_then(|base| base.join(to)).ok();
    let Some(target) = target.and_then(|url| StoreUrl::parse(url.as_str(), client.network()).ok()) else {
        return (Verdict::Moved, None);
    };
    match Box::pin(locate(client, &target)).await {
        Located::At(site) => {
            let told = StoreUrl::parse(&site.index.home, client.network()).ok();
            (Verdict::Moved, told.filter(|told| told != home))
        }
        // The domain was sold or has lapsed: what answers there is not a store.
        Located::Not(verdict @ (Verdict::NoWordPress | Verdict::PrivateAddress)) => (verdict, None),
        Located::Hidden(..) | Located::Not(_) => (Verdict::Moved, None),
    }
}

/// The home that the site with this API reports to visitors.
pub(super) async fn told_at(client: &Client, rest: &RestBase) -> Option<StoreUrl> {
    let index = site::index(client, rest).await?;
    StoreUrl::parse(&index.home, client.network()).ok()
}
