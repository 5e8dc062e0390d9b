//! Brand: the application's name, colour, help link and logo on merchants' pages. It is read from the database for each page, so a
//! change is visible at once on every replica.

use crate::app::App;
use crate::domain::{Accent, Actor, AppName, Brand, Event, HelpLink, Kind, Logo, LogoFormat, LogoRef};
use crate::flow::Beneath;
use crate::storage::settings;
use crate::woo::authorize;

const APP_NAME: &str = "app_name";
const ACCENT: &str = "accent";
const HELP: &str = "help_url";

/// What operators have set; `None` means the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The application's name; defaults to `CARTKEY_APP_NAME`.
    pub app_name: Option<AppName>,
    /// The accent colour.
    pub accent: Option<Accent>,
    /// Where merchants find help.
    pub help: Option<HelpLink>,
}

/// The brand that merchants see now.
pub async fn current(app: &App) -> Result<Brand, Beneath> {
    let (chosen, logo) = look(app).await?;
    Ok(as_seen(app, chosen, logo))
}

/// The brand that merchants would see with these settings.
pub fn as_seen(app: &App, chosen: Chosen, logo: Option<LogoRef>) -> Brand {
    Brand {
        app_name: chosen.app_name.unwrap_or_else(|| app.site.app_name.clone()),
        accent: chosen.accent,
        help: chosen.help,
        logo,
    }
}

/// The settings and the logo. A value that this version cannot parse counts as unset.
pub async fn look(app: &App) -> Result<(Chosen, Option<LogoRef>), Beneath> {
    let set = settings::all(&app.db).await?;
    let value = |name: &str| set.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let chosen = Chosen {
        app_name: value(APP_NAME).and_then(|text| text.parse().ok()),
        accent: value(ACCENT).and_then(|text| text.parse().ok()),
        help: value(HELP).and_then(|text| text.parse().ok()),
    };
    let logo = value(settings::LOGO).and_then(|text| {
        let (hash, kind) = text.split_once(' ')?;
        Some(LogoRef { format: LogoFormat::of_media_type(kind)?, hash: hash.to_owned() })
    });
    Ok((chosen, logo))
}

/// Replaces all three settings. Setting the current values again records no event.
pub async fn choose(app: &App, chosen: Chosen, actor: &Actor) -> Result<(), Beneath> {
    let (before, _) = look(app).await?;
    if before == chosen {
        return Ok(());
    }
    let changes = [
        (APP_NAME, chosen.app_name.map(|name| name.to_string())),
        (ACCENT, chosen.accent.map(|accent| accent.to_string())),
        (HELP, chosen.help.map(|help| help.to_string())),
    ];
    Ok(settings::change(&app.db, &changes, &changed(app, actor)).await?)
}

/// Sets the logo; `None` removes it.
pub async fn set_logo(app: &App, logo: Option<Logo>, actor: &Actor) -> Result<(), Beneath> {
    let kept = logo.as_ref().map(|logo| (logo, hash(logo)));
    let kept = kept.as_ref().map(|(logo, hash)| (*logo, hash.as_str()));
    Ok(settings::set_logo(&app.db, kept, &changed(app, actor)).await?)
}

/// The current logo, if it has this hash.
pub async fn logo(app: &App, hash: &str) -> Result<Option<Logo>, Beneath> {
    Ok(settings::logo(&app.db, hash).await?)
}

/// The name as stores show it on the approval page and in the list of keys: only ASCII letters, digits, spaces and hyphens.
pub fn name_at_stores(name: &AppName) -> String {
    authorize::app_name(name.as_str())
}

fn changed(app: &App, actor: &Actor) -> Event {
    Event::new(Kind::SettingsChanged, app.now(), actor)
}

fn hash(logo: &Logo) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, &logo.bytes);
    digest.as_ref()[..8].iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
