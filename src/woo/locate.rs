//! Finds the WordPress site behind a typed address.

use url::Url;

use super::answer::{self, Heard};
use super::approval;
use super::elsewhere::{self, Api};
use super::http::{Client, Fault, Reply};
use super::products;
use super::site::{self, INDEX_FIELDS, Index};
use crate::domain::{Network, NotAStoreUrl, Product, RestBase, StoreUrl, Verdict};

/// How many directories above are tried, the last of them the root: people paste pages of their shop.
const PARENTS_AT_MOST: usize = 3;
/// How many redirects are followed in all, manually and without keys: to https, to www, to a new name, and again there.
const REDIRECTS_AT_MOST: usize = 6;
/// The longest page that asks for a password and nothing else, in bytes.
const PASSWORD_PAGE_AT_MOST: usize = 32 * 1024;

pub(super) enum Located {
    /// Its REST index answers.
    At(Site),
    /// The index is blocked: the last address requested, where the API is, and why.
    Hidden(StoreUrl, RestBase, Verdict),
    /// There is no site that a merchant could use.
    Not(Verdict),
}

/// A site whose index was read.
pub(super) struct Site {
    /// The directory that was found to be the site's.
    pub base: StoreUrl,
    /// Where its REST API answers.
    pub rest: RestBase,
    pub index: Index,
}

/// The result for one address.
enum Probe {
    Found(StoreUrl, Index),
    /// The answer may name the API of the site that sent it.
    NotHere(StoreUrl, Option<Reply>),
    /// WordPress itself answered that its API is closed to visitors.
    Closed(StoreUrl),
    Trouble(StoreUrl, Verdict),
}

/// Finds the site at the address, or at the same one with or without `www.` if only that has a name or a certificate.
pub(super) async fn locate(client: &Client, typed: &StoreUrl) -> Located {
    match locate_at(client, typed).await {
        Located::Not(verdict @ (Verdict::DnsFailed | Verdict::TlsFailed)) => {
            match Box::pin(locate_at(client, &typed.other_www())).await {
                Located::Not(_) | Located::Hidden(_, _, Verdict::ServerError | Verdict::AnswerUnreadable) => {
                    Located::Not(verdict)
                }
                found => found,
            }
        }
        located => located,
    }
}

/// Tries the address and its parents, then the places of a REST API that is not at the usual one, and at last the approval page.
async fn locate_at(client: &Client, typed: &StoreUrl) -> Located {
    let mut at = typed.clone();
    let (mut asked, mut rests) = (Vec::new(), Vec::new());
    let mut redirects = REDIRECTS_AT_MOST;
    let mut wall = None;
    for step in 0..=PARENTS_AT_MOST {
        match probe(client, &at, &mut redirects).await {
            Probe::Found(base, index) => return Located::At(Site { rest: RestBase::usual(&base), base, index }),
            Probe::Closed(base) => return closed(&base),
            Probe::Trouble(base, Verdict::RestClosed) => {
                return closed_unless_elsewhere(client, &base, &mut rests).await;
            }
            Probe::Trouble(base, verdict) => return sorted(base, verdict),
            Probe::NotHere(base, reply) => {
                rests.push(RestBase::usual(&base));
                let named = reply.as_ref().and_then(|reply| site::named(reply, &base));
                // WordPress itself answered that there is nothing here, and named the place of its API.
                if let Some(rest) = named.filter(|rest| *rest != RestBase::usual(&base))
                    && let Some(api) = elsewhere::once(client, rest, &mut rests).await
                {
                    let directory = StoreUrl::parse(api.rest.directory(), client.network());
                    return located(api, directory.unwrap_or(base));
                }
                // The root redirects visitors to a page that is not its API.
                if at.parent().is_none() && base != at && base.origin() == at.origin() {
                    if site::has_woocommerce(client, &RestBase::usual(&at)).await
                        || approval::is_there(client, &at).await
                    {
                        return closed_unless_elsewhere(client, &at, &mut rests).await;
                    }
                    asked.extend([base, at]);
                    break;
                }
                let is_last = step + 1 == PARENTS_AT_MOST;
                let root = || StoreUrl::parse(base.origin(), client.network()).ok();
                let up = base.parent().and_then(|up| if is_last { root() } else { Some(up) });
                if up.is_none() && reply.is_some_and(|reply| is_password_page(&reply)) {
                    wall = Some(base.clone());
                }
                asked.push(base);
                match up {
                    Some(up) => at = up,
                    None => break,
                }
            }
        }
    }
    for base in &asked {
        if let Some(api) = Box::pin(elsewhere::find(client, base, None, &mut rests)).await {
            return located(api, base.clone());
        }
    }
    // Plugins answer visitors as if the REST API did not exist.
    for base in asked {
        if approval::is_there(client, &base).await {
            return closed(&base);
        }
    }
    match wall {
        Some(base) => sorted(base, Verdict::LoginWall),
        None => Located::Not(Verdict::NoWordPress),
    }
}

/// Whether a page asks for a password and nothing else. Many shops have a login form somewhere in each of their pages.
fn is_password_page(page: &Reply) -> bool {
    page.status.is_success()
        && page.body.len() <= PASSWORD_PAGE_AT_MOST
        && ["type=\"password\"", "type='password'", "type=password"].iter().any(|mark| products::says(page, mark))
}

/// The API of a site that refuses visitors at the usual place, or does not have it there.
async fn closed_unless_elsewhere(client: &Client, base: &StoreUrl, rests: &mut Vec<RestBase>) -> Located {
    rests.push(RestBase::usual(base));
    let found = Box::pin(elsewhere::find(client, base, None, rests)).await;
    found.map_or_else(|| closed(base), |api| located(api, base.clone()))
}

/// Its API refuses visitors.
fn closed(base: &StoreUrl) -> Located {
    Located::Hidden(base.clone(), RestBase::usual(base), Verdict::RestClosed)
}

fn located(Api { rest, index }: Api, base: StoreUrl) -> Located {
    match index {
        Some(index) => Located::At(Site { base, rest, index }),
        None => Located::Hidden(base, rest, Verdict::RestClosed),
    }
}

/// Whether `text` is a plain http address while that is not allowed.
pub(super) fn forbidden_http(text: &str, network: Network) -> bool {
    let http = text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("http://"));
    http && network == Network::Public
}

/// Converts a verdict. One that a browser may get past, that only takes patience, or that may be about the index alone, does not stop
/// the merchant here.
fn sorted(base: StoreUrl, verdict: Verdict) -> Located {
    let is_passable = matches!(
        verdict,
        Verdict::Blocked(_)
            | Verdict::LoginWall
            | Verdict::RateLimited
            | Verdict::TimedOut
            | Verdict::ServerError
            | Verdict::AnswerUnreadable
    );
    if !is_passable {
        return Located::Not(verdict);
    }
    let rest = RestBase::usual(&base);
    Located::Hidden(base, rest, verdict)
}

/// Requests the index below `base` and follows redirects. Each address passes the client's guard.
async fn probe(client: &Client, base: &StoreUrl, redirects: &mut usize) -> Probe {
    let mut base = base.clone();
    let mut address = index_of(&base);
    let mut seen = Vec::new();
    loop {
        let reply: Result<Reply, Fault> = site::get_index(client, &address).await;
        let reply = match reply {
            Ok(reply) => reply,
            // Too large, or not HTTP: something answers, but it is not a REST API.
            Err(Fault::TooLarge | Fault::Protocol) => return Probe::NotHere(base, None),
            // Servers hang up on programs that they do not like.
            Err(Fault::Closed) => return Probe::Trouble(base, Verdict::Blocked(Product::Unnamed)),
            Err(fault) => return Probe::Trouble(base, fault.verdict()),
        };
        let heard = answer::hear(&reply);
        if let Some(index) = site::read(&heard) {
            return Probe::Found(base, index);
        }
        let to = match heard {
            Heard::Elsewhere(Some(to)) => to,
            Heard::Trouble(Verdict::AnswerUnreadable) if reply.is_cut => return Probe::NotHere(base, None),
            // Another application may be in a directory beside the shop.
            Heard::Trouble(Verdict::Blocked(Product::BotCheck)) if base.parent().is_some() => {
                return Probe::NotHere(base, None);
            }
            Heard::Trouble(verdict) => return Probe::Trouble(base, verdict),
            Heard::Refused(refusal) => {
                return match refusal.meaning() {
                    // The API exists, but is closed to visitors or hides its index.
                    answer::Meaning::Other(Verdict::RestClosed) | answer::Meaning::NoRoute => Probe::Closed(base),
                    answer::Meaning::Other(verdict) if verdict != Verdict::AnswerUnreadable => {
                        Probe::Trouble(base, verdict)
                    }
                    _ => Probe::NotHere(base, None),
                };
            }
            Heard::Denied => return Probe::Trouble(base, Verdict::RestClosed),
            _ => return Probe::NotHere(base, Some(reply)),
        };
        if site::comes_back(&address, &to) {
            return match site::moved(&base, Some(&to)) {
                Verdict::Moved => Probe::Trouble(base, Verdict::LoginWall),
                _ if base.parent().is_some() => Probe::NotHere(base, None),
                _ => Probe::Trouble(base, Verdict::RestClosed),
            };
        }
        seen.push(address.clone());
        let Some(left) = redirects.checked_sub(1) else { return Probe::Trouble(base, Verdict::Moved) };
        *redirects = left;
        match follow(&address, &base, &to, client.network()) {
            // Round and round: WordPress's own address and that of its server differ.
            Ok(Some((base, next))) if seen.contains(&next) => {
                return Probe::Trouble(base, Verdict::ApprovalMisdirected);
            }
            Ok(Some((next_base, next))) => (base, address) = (next_base, next),
            // A page of the shop may redirect anywhere; only a redirect of the root means that the API is closed.
            Ok(None) if base.parent().is_some() => return Probe::NotHere(base, None),
            Ok(None) => return Probe::Trouble(base, Verdict::RestClosed),
            Err(verdict) => return Probe::Trouble(base, verdict),
        }
    }
}

/// The base and the address to which a redirect of the index leads; `None` if that is just another page of the same
/// site.
fn follow(asked: &str, base: &StoreUrl, to: &str, network: Network) -> Result<Option<(StoreUrl, String)>, Verdict> {
    let url = Url::parse(asked).and_then(|asked| asked.join(to)).map_err(|_| Verdict::AnswerUnreadable)?;
    if forbidden_http(url.as_str(), network) {
        return Err(Verdict::NoHttps);
    }
    if url.path().ends_with("wp-login.php") {
        return Err(Verdict::RestClosed);
    }
    let next = StoreUrl::parse(url.as_str(), network).map_err(|why| match why {
        NotAStoreUrl::IpAddress | NotAStoreUrl::PrivateName => Verdict::PrivateAddress,
        _ => Verdict::AnswerUnreadable,
    })?;
    if next == *base {
        let still_the_index = url.path().contains("/wp-json") && url.as_str() != asked;
        return Ok(still_the_index.then(|| (next, url.into())));
    }
    let address = index_of(&next);
    Ok(Some((next, address)))
}

fn index_of(base: &StoreUrl) -> String {
    RestBase::usual(base).at("", INDEX_FIELDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_without_https_is_for_development_only() {
        for (text, public, private) in [
            ("http://shop.example.com", true, false),
            ("HTTP://shop.example.com/de", true, false),
            ("https://shop.example.com", false, false),
            ("shop.example.com", false, false),
        ] {
            assert_eq!(forbidden_http(text, Network::Public), public, "{text}");
            assert_eq!(forbidden_http(text, Network::PrivateToo), private, "{text}");
        }
    }

    #[test]
    fn redirects_lead_only_where_a_shop_may_be() {
        let base = StoreUrl::parse("shop.example.com", Network::Public).unwrap();
        let asked = index_of(&base);
        let to = |to: &str| {
            follow(&asked, &base, to, Network::Public)
                .map(|to| to.map_or_else(String::new, |(base, url)| format!("{base} {url}")))
        };
        let www = format!("https://www.shop.example.com {}", asked.replace("shop.", "www.shop."));
        assert_eq!(to("https://www.shop.example.com/wp-json/?x=1"), Ok(www.clone()));
        assert_eq!(to("//www.shop.example.com/"), Ok(www));
        assert_eq!(to("/shop/wp-json/").map(|s| s.starts_with("https://shop.example.com/shop ")), Ok(true));
        assert_eq!(to("/wp-json?a=b"), Ok("https://shop.example.com https://shop.example.com/wp-json?a=b".to_owned()));
        assert_eq!(to("/"), Ok(String::new()));
        for (away, verdict) in [
            ("http://shop.example.com/wp-json/", Verdict::NoHttps),
            ("/wp-login.php?redirect_to=x", Verdict::RestClosed),
            ("https://127.0.0.1/wp-json/", Verdict::PrivateAddress),
            ("https://2130706433/", Verdict::PrivateAddress),
            ("https://[::1]/", Verdict::PrivateAddress),
            ("https://localhost/", Verdict::PrivateAddress),
            ("https://u:p@shop.example.com/", Verdict::AnswerUnreadable),
            ("https://shop.example.com:22/", Verdict::AnswerUnreadable),
            ("file:///etc/passwd", Verdict::AnswerUnreadable),
            ("javascript:alert(1)", Verdict::AnswerUnreadable),
        ] {
            assert_eq!(to(away), Err(verdict), "{away}");
        }
    }
}
