//! Where a store is that is not at its address any more: it says so itself, or its address leads elsewhere.
//!
//! Everything here is asked without keys: a key is sent to the address that it was made for and to no other, whatever that
//! address says. So what can be told is who answers where, and who calls itself what; two sites that share a key cannot be
//! told from one site with two names, and the verdict then only suspects.

use super::http::Client;
use super::locate::{Located, locate};
use super::site;
use crate::domain::store_url::StoreUrl;
use crate::domain::verdict::Verdict;

/// The site at `home` took the key and told that its home is `claimed`, which is another address.
pub(super) async fn claimed(client: &Client, home: &StoreUrl, claimed: &StoreUrl) -> Verdict {
    if same_host(home, claimed) {
        return Verdict::Moved;
    }
    // What it tells every visitor and what it told the key are two things: one of the two answers is not this store's.
    if told_at(client, home).await.as_ref() == Some(home) {
        return Verdict::OtherStore;
    }
    match told_at(client, claimed).await {
        Some(told) if told == *claimed => Verdict::CloneSuspected,
        // Nobody answers there, or calls itself so: only this site has that address.
        _ => Verdict::Moved,
    }
}

/// `home` sends its REST API on to `to`; gives what that means, and the address of the store that is there.
pub(super) async fn redirected(client: &Client, home: &StoreUrl, to: &str) -> (Verdict, Option<StoreUrl>) {
    let target = url::Url::parse(home.as_str()).and_then(|base| base.join(to)).ok();
    let Some(target) = target.and_then(|url| StoreUrl::parse(url.as_str(), client.reach()).ok()) else {
        return (Verdict::Moved, None);
    };
    match locate(client, &target, &mut false).await {
        Located::At(_, index) => {
            let told = StoreUrl::parse(&index.home, client.reach()).ok();
            (Verdict::Moved, told.filter(|told| told != home))
        }
        // An address that was sold, or forgotten: what answers there is no store.
        Located::Not(verdict @ (Verdict::NoWordPress | Verdict::PrivateAddress)) => (verdict, None),
        Located::Hidden(..) | Located::Not(_) => (Verdict::Moved, None),
    }
}

/// Whether two addresses are on one host; `www` is no host of its own.
fn same_host(one: &StoreUrl, other: &StoreUrl) -> bool {
    bare(one.host()) == bare(other.host())
}

/// An address or a host without `www`.
pub(super) fn bare(text: &str) -> &str {
    text.trim_start_matches("www.")
}

/// What the site at `address` says to everybody that its home is.
pub(super) async fn told_at(client: &Client, address: &StoreUrl) -> Option<StoreUrl> {
    let index = site::index(client, address).await?;
    StoreUrl::parse(&index.home, client.reach()).ok()
}
