//! Translations: what merchants read, in their language.
//!
//! The sentences are in `templates/languages`, one file per language. For texts that services read too (verdicts,
//! scopes, address errors), the English is in the source. Where a language lacks a sentence, English is used.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use askama::filters::{Escaper as _, Html, HtmlSafe};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

use crate::domain::{Language, NotAHalf, NotAStoreUrl, Scope, Verdict};
use crate::flow::transfer::add_by_keys;

#[cfg(test)]
mod tests;

/// All sentences, by language in the order of [`Language::ALL`].
static BUNDLES: LazyLock<[FluentBundle<FluentResource>; 6]> = LazyLock::new(|| Language::ALL.map(bundle));

const fn source(language: Language) -> &'static str {
    match language {
        Language::English => include_str!("../../templates/languages/en.ftl"),
        Language::German => include_str!("../../templates/languages/de.ftl"),
        Language::French => include_str!("../../templates/languages/fr.ftl"),
        Language::Spanish => include_str!("../../templates/languages/es.ftl"),
        Language::Portuguese => include_str!("../../templates/languages/pt.ftl"),
        Language::Japanese => include_str!("../../templates/languages/ja.ftl"),
    }
}

fn bundle(language: Language) -> FluentBundle<FluentResource> {
    let tag = language.code().parse().expect("our codes are language tags");
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    // All six are written from left to right, and the isolation marks would end up in titles and JSON.
    bundle.set_use_isolating(false);
    // A faulty line is omitted, and a test reports it; no page fails because of it.
    let resource = FluentResource::try_new(source(language).to_owned()).unwrap_or_else(|(rest, _)| rest);
    bundle.add_resource_overriding(resource);
    bundle
}

/// The values in a sentence, by name.
type Values = Vec<(&'static str, Value)>;

#[derive(Debug, Clone)]
enum Value {
    Text(String),
    Number(usize),
}

fn format(language: Language, key: &str, values: &[(&'static str, Value)]) -> Option<String> {
    let bundle = &BUNDLES[language as usize];
    let pattern = bundle.get_message(key)?.value()?;
    let value = |value: &Value| match value {
        Value::Text(text) => FluentValue::from(text.clone()),
        Value::Number(number) => FluentValue::from(*number),
    };
    let args: FluentArgs = values.iter().map(|(name, given)| (*name, value(given))).collect();
    Some(bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned())
}

/// The sentences in one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words(pub Language);

impl Words {
    /// The sentence `key`.
    pub const fn say(self, key: &'static str) -> Said {
        Said { language: self.0, key, values: Vec::new() }
    }

    /// A verdict on `store` (the address for people).
    pub fn verdict(self, verdict: Verdict, store: &str) -> String {
        let key = format!("verdict-{}", verdict.code());
        let translated = format(self.0, &key, &[("store", Value::Text(store.to_owned()))]);
        translated.unwrap_or_else(|| verdict.says(store))
    }

    /// A verdict on a key that the merchant typed: the sentence for an approval would not fit.
    pub fn verdict_by_hand(self, verdict: Verdict, store: &str) -> String {
        let key = match verdict {
            Verdict::KeyRejected => "by-hand-key_rejected",
            Verdict::SecretRejected => "by-hand-secret_rejected",
            Verdict::RoleLost => "by-hand-role_lost",
            Verdict::OtherStore => "by-hand-other_store",
            Verdict::ScopeNarrower => "by-hand-scope_narrower",
            Verdict::ScopeWider => "by-hand-scope_wider",
            verdict => return self.verdict(verdict, store),
        };
        let translated = format(self.0, key, &[("store", Value::Text(store.to_owned()))]);
        translated.unwrap_or_else(|| add_by_keys::says(verdict, store))
    }

    /// The sentence for a verdict on a key that was just approved. `returned` means that the store received our answer.
    pub fn verdict_on_approval(self, verdict: Verdict, store: &str, returned: bool) -> String {
        let key = match verdict {
            Verdict::KeyRejected if returned => "new-key_rejected",
            Verdict::KeyRejected => "new-key_lost",
            Verdict::RoleLost => "new-role_lost",
            verdict => return self.verdict(verdict, store),
        };
        self.say(key).with("store", store).to_string()
    }

    /// The sentence for a warning before the approval: that of a key's verdict would claim more than we know.
    pub fn warning(self, verdict: Verdict, store: &str) -> String {
        match verdict {
            Verdict::RestClosed => self.say("warning-rest_closed").with("store", store).to_string(),
            verdict => self.verdict(verdict, store),
        }
    }

    /// The permissions of a scope, as WooCommerce lists them on its approval page (`get_permissions_in_scope` in
    /// `includes/class-wc-auth.php`, the same since 2.4).
    pub fn permissions(self, scope: Scope) -> Vec<Said> {
        let keys: &[&'static str] = match scope {
            Scope::Read => &["view-coupons", "view-customers", "view-orders", "view-products"],
            Scope::Write => {
                &["create-webhooks", "create-coupons", "create-customers", "create-orders", "create-products"]
            }
            Scope::ReadWrite => {
                &["create-webhooks", "manage-coupons", "manage-customers", "manage-orders", "manage-products"]
            }
        };
        keys.iter().map(|key| self.say(key)).collect()
    }

    /// WooCommerce's name of a scope.
    pub const fn scope_name(self, scope: Scope) -> Said {
        self.say(match scope {
            Scope::Read => "by-hand-read",
            Scope::Write => "by-hand-write",
            Scope::ReadWrite => "by-hand-read_write",
        })
    }

    /// Why a typed text is not half of a key.
    pub fn half(self, fault: NotAHalf) -> String {
        let key = match fault.code() {
            "key_empty" => "half-key_empty",
            "secret_empty" => "half-secret_empty",
            "key_is_secret" => "half-key_is_secret",
            "secret_is_key" => "half-secret_is_key",
            "shortened" => "half-shortened",
            "key_shape" => "half-key_shape",
            _ => "half-secret_shape",
        };
        format(self.0, key, &[]).unwrap_or_else(|| fault.to_string())
    }

    /// What a key of this scope may do, for use in a sentence.
    pub fn scope(self, scope: Scope) -> String {
        format(self.0, &format!("scope-{scope}"), &[]).unwrap_or_else(|| scope.in_words().to_owned())
    }

    /// Why a typed address cannot be a store's.
    pub fn fault(self, fault: NotAStoreUrl) -> String {
        let key = match fault {
            NotAStoreUrl::Empty => "address-empty",
            NotAStoreUrl::TooLong => "address-too_long",
            NotAStoreUrl::Unreadable => "address-unreadable",
            NotAStoreUrl::Userinfo => "address-userinfo",
            NotAStoreUrl::Scheme => "address-scheme",
            NotAStoreUrl::IpAddress => "address-ip_address",
            NotAStoreUrl::PrivateName => "address-private_name",
            NotAStoreUrl::Port => "address-port",
        };
        format(self.0, key, &[]).unwrap_or_else(|| fault.to_string())
    }
}

/// A sentence with its values, as plain text: pages escape it like any other text.
#[derive(Debug, Clone)]
#[must_use]
pub struct Said {
    language: Language,
    key: &'static str,
    values: Values,
}

impl Said {
    /// Changes the language.
    pub const fn in_words(mut self, words: Words) -> Self {
        self.language = words.0;
        self
    }

    /// Adds a text value.
    pub fn with(mut self, name: &'static str, text: impl fmt::Display) -> Self {
        self.values.push((name, Value::Text(text.to_string())));
        self
    }

    /// Adds a numeric value.
    pub fn count(mut self, name: &'static str, number: usize) -> Self {
        self.values.push((name, Value::Number(number)));
        self
    }

    /// The sentence as HTML, to which markup can be added.
    pub fn html(self) -> Markup {
        let escape = |value| match value {
            Value::Text(text) => Value::Text(escaped(&text)),
            number @ Value::Number(_) => number,
        };
        Markup(Self { values: self.values.into_iter().map(|(name, value)| (name, escape(value))).collect(), ..self })
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = format(self.language, self.key, &self.values);
        let said = said.or_else(|| format(Language::English, self.key, &self.values));
        // A key missing in all languages: tests find it; a merchant sees the key rather than nothing.
        f.write_str(said.as_deref().unwrap_or(self.key))
    }
}

impl From<Said> for Cow<'static, str> {
    fn from(said: Said) -> Self {
        Cow::Owned(said.to_string())
    }
}

/// A sentence as HTML. The sentences contain no markup (tested), each value is escaped when inserted, and tags are
/// added only here: so pages may write it without escaping.
#[derive(Debug, Clone)]
#[must_use]
pub struct Markup(Said);

impl Markup {
    fn raw(mut self, name: &'static str, html: String) -> Self {
        self.0.values.push((name, Value::Text(html)));
        self
    }

    /// Adds an emphasised text.
    pub fn strong(self, name: &'static str, text: impl fmt::Display) -> Self {
        let html = format!("<strong>{}</strong>", escaped(&text.to_string()));
        self.raw(name, html)
    }

    /// Adds text in code style: for machine output, or for copying.
    pub fn code(self, name: &'static str, text: &str) -> Self {
        let html = format!("<code>{}</code>", escaped(text));
        self.raw(name, html)
    }

    /// Adds the last seven characters of a key.
    pub fn key(self, name: &'static str, last7: &str) -> Self {
        self.raw(name, key(last7))
    }

    /// Adds the last seven characters of several keys.
    pub fn keys(self, name: &'static str, last7: &[String]) -> Self {
        let html: Vec<String> = last7.iter().map(|last7| key(last7)).collect();
        self.raw(name, html.join(", "))
    }

    pub fn link(self, name: &'static str, href: impl fmt::Display, label: impl fmt::Display) -> Self {
        let html = format!("<a href=\"{}\">{}</a>", escaped(&href.to_string()), escaped(&label.to_string()));
        self.raw(name, html)
    }

    /// Adds a link that opens in a new tab, and says so.
    pub fn abroad(self, name: &'static str, href: impl fmt::Display, label: impl fmt::Display) -> Self {
        let says = Words(self.0.language).say("new-tab");
        let html = format!(
            "<a href=\"{}\" target=\"_blank\" rel=\"noreferrer\">{}<span class=\"unseen\"> {}</span></a>",
            escaped(&href.to_string()),
            escaped(&label.to_string()),
            escaped(&says.to_string())
        );
        self.raw(name, html)
    }
}

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl HtmlSafe for Markup {}

fn key(last7: &str) -> String {
    format!("<code class=\"key\">…{}</code>", escaped(last7))
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    Html.write_escaped_str(&mut html, text).expect("writing to a String cannot fail");
    html
}
