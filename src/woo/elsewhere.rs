//! Finds a REST API that is not at its usual place, without keys: another prefix, permalinks without URL rewriting, plain
//! permalinks, and the API of a site whose pages have a language in their address.

use url::Url;

use super::answer::{self, Heard, Meaning};
use super::http::Client;
use super::site::{self, Index};
use crate::domain::{RestBase, StoreUrl, Verdict};

/// How many redirects of the front page are followed, for example to the page of a language.
const REDIRECTS_AT_MOST: usize = 2;
/// How many directories above the store's own are searched for its API.
const PARENTS_AT_MOST: usize = 2;

pub(super) struct Api {
    pub rest: RestBase,
    /// Its index; `None` if the API refuses visitors.
    pub index: Option<Index>,
}

/// A REST API of the site at `home` that is not in `asked`; adds those that it tries to `asked`. `named` is the one that an answer
/// of the site named. Tries one address after the other, because imports and checks send a host one request at a time: the one that
/// the site's pages name, the usual one, those of both kinds of permalinks, and those of the directories above.
pub(super) async fn find(
    client: &Client,
    home: &StoreUrl,
    named: Option<RestBase>,
    asked: &mut Vec<RestBase>,
) -> Option<Api> {
    if let Some(rest) = named
        && let Some(found) = once(client, rest, asked).await
    {
        return Some(found);
    }
    let named = named_by_page(client, home).await;
    let places = [RestBase::usual(home), RestBase::through_index(home), RestBase::plain(home)];
    for rest in named.into_iter().chain(places) {
        if let Some(found) = once(client, rest, asked).await {
            return Some(found);
        }
    }
    above(client, home, asked).await
}

/// The API that the front page names, or the page of the same site to which it redirects.
async fn named_by_page(client: &Client, home: &StoreUrl) -> Option<RestBase> {
    let mut address = Url::parse(&home.at("/")).ok()?;
    for _ in 0..=REDIRECTS_AT_MOST {
        let page = site::get(client, address.as_str()).await.ok()?;
        if let Some(rest) = site::named(&page, home) {
            return Some(rest);
        }
        let Heard::Elsewhere(Some(to)) = answer::hear(&page) else { return None };
        address = address.join(&to).ok().filter(|to| to.origin() == address.origin())?;
    }
    None
}

/// The API at `rest`, unless it was asked for before.
pub(super) async fn once(client: &Client, rest: RestBase, asked: &mut Vec<RestBase>) -> Option<Api> {
    if asked.contains(&rest) {
        return None;
    }
    asked.push(rest.clone());
    at(client, rest).await
}

/// The API at `rest`, if one answers there.
pub(super) async fn at(client: &Client, rest: RestBase) -> Option<Api> {
    let heard = site::ask_index(client, &rest).await?;
    let index = site::read(&heard);
    (index.is_some() || is_wordpress(&heard)).then_some(Api { rest, index })
}

/// The API of a directory above that states `home` as its own.
async fn above(client: &Client, home: &StoreUrl, asked: &mut Vec<RestBase>) -> Option<Api> {
    let mut at = home.parent();
    for _ in 0..PARENTS_AT_MOST {
        let parent = at?;
        if let Some(Api { rest, index: Some(index) }) = once(client, RestBase::usual(&parent), asked).await
            && StoreUrl::parse(&index.home, client.network()).is_ok_and(|stated| stated == *home)
        {
            return Some(Api { rest, index: Some(index) });
        }
        at = parent.parent();
    }
    None
}

/// Whether this is a refusal by WordPress's REST API, which proves that it exists.
fn is_wordpress(heard: &Heard) -> bool {
    match heard {
        Heard::Refused(refusal) => {
            refusal.code.starts_with("rest_") || refusal.meaning() == Meaning::Other(Verdict::RestClosed)
        }
        _ => false,
    }
}
