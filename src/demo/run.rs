//! `cartkey demo`: the service and a pretend store on loopback, with throw-away data and no configuration.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::pretend_store::{PretendStore, Setup, Switches, USER_PASSWORD};
use super::sample_app::{self, Settings};
use crate::app::App;
use crate::config::Config;
use crate::domain::{Actor, Clock, Confirm, Entropy, Network, Permissions, Secret, StoreUrl};
use crate::flow::connecting::links::{self, NewLink};
use crate::flow::{lending::tokens, operators};
use crate::woo::{Client, Outgoing, Resolver};
use crate::{serve, telemetry, web};

const USER_ID: &str = "merchant-42";
const OPERATOR: &str = "demo";

/// Runs the demo until stopped.
pub async fn run() -> anyhow::Result<()> {
    let folder = ThrowAway::new(&std::env::temp_dir())?;
    let (listener, store) = (free_port(8_080).await?, pretend_store().await?);
    let sample = free_port(8_082).await?;
    let sample_origin = format!("http://localhost:{}", sample.local_addr()?.port());
    let config = config(&folder.0, listener.local_addr()?.port(), &sample_origin)?;
    telemetry::start(&config.log);
    let app = serve::open(&config).await?;
    let home = StoreUrl::parse(&store.home(), Network::PrivateToo).context("the pretend store's address")?;
    let new = tokens::NewToken::new("demo", Permissions::all());
    let (_, token) = tokens::issue(&app, new, &Actor::cli()).await?;
    let new = NewLink {
        user_id: USER_ID.parse()?,
        account_label: Some("Demo account".to_owned()),
        home: Some(home),
        store_id: None,
        scope: None,
        return_url: None,
        confirm: Confirm::Browser,
        lives: Some(crate::domain::link::LONGEST_LIFE),
    };
    let (_, link) = links::make(&app, new, &Actor::cli()).await?;
    let of_user = format!("{}/api/v1/users/{USER_ID}", config.site.public_url);
    let password = Secret::new(app.entropy.secret().expose().chars().take(16).collect());
    operators::add(&app, OPERATOR.parse()?, &password, &Actor::cli()).await?;
    tell(&store.home(), link.expose(), token.expose(), &of_user)?;
    tell_dashboard(&config.site.public_url, &password, &sample_origin)?;
    let sample_app = sample_app::router(sample_settings(&app, sample_origin).await?);
    let router = web::all(&app);
    serve::until_stopped(serve::StopSignals::listen()?, app, vec![(listener, router), (sample, sample_app.into())])
        .await
}

/// The sample application's settings: its own token and all addresses.
async fn sample_settings(app: &App, origin: String) -> anyhow::Result<Settings> {
    let new = tokens::NewToken::new("sample application", "links:write,stores:read".parse()?);
    let (_, token) = tokens::issue(app, new, &Actor::cli()).await?;
    Ok(Settings {
        api: app.site.public_url.clone(),
        token,
        cartkey: app.site.public_url.clone(),
        origin,
        client: Client::new(outgoing("sample-application/1.0"), Clock::System, Entropy::System),
        entropy: Entropy::System,
    })
}

/// Treats loopback addresses as public, because both ends run here.
fn outgoing(user_agent: &str) -> Outgoing {
    Outgoing {
        network: Network::PrivateToo,
        resolver: Resolver::System,
        extra_roots: Vec::new(),
        user_agent: user_agent.to_owned(),
        own_host: None,
    }
}

/// The demo's data directory, readable only by its owner and deleted however the demo ends.
struct ThrowAway(PathBuf);

impl ThrowAway {
    fn new(beside: &Path) -> anyhow::Result<Self> {
        let mut bytes = [0_u8; 6];
        Entropy::System.fill(&mut bytes);
        let name = bytes.iter().fold("cartkey-demo-".to_owned(), |text, byte| format!("{text}{byte:02x}"));
        let folder = beside.join(name);
        let made = std::fs::DirBuilder::new().mode(0o700).create(&folder);
        made.with_context(|| format!("cannot create the folder {}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for ThrowAway {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn config(folder: &Path, port: u16, sample_origin: &str) -> anyhow::Result<Config> {
    let at = |name: &str| folder.join(name).display().to_string();
    let vars = [
        ("CARTKEY_PUBLIC_URL", format!("http://localhost:{port}")),
        ("CARTKEY_DATABASE_URL", format!("sqlite:{}", at("cartkey.db"))),
        ("CARTKEY_MASTER_KEY", at("master.key")),
        ("CARTKEY_APP_NAME", "Acme Shipping".to_owned()),
        ("CARTKEY_ALLOW_PRIVATE_STORES", "true".to_owned()),
        ("CARTKEY_RETURN_ORIGINS", sample_origin.to_owned()),
        ("CARTKEY_LOG", std::env::var("CARTKEY_LOG").unwrap_or_else(|_| "warn".to_owned())),
    ];
    let vars: BTreeMap<String, String> = vars.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(Config::read(vars)?)
}

/// Listens on the usual port, or on any free one if it is taken.
async fn free_port(usual: u16) -> anyhow::Result<TcpListener> {
    let at = |port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    // Clients try `localhost` by IPv6 first: a listener there alone would get our visitors.
    let elsewhere = TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, usual))).await;
    let is_taken = elsewhere.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse);
    match at(usual).await {
        Ok(listener) if !is_taken => Ok(listener),
        _ => at(0).await.context("no free port on loopback"),
    }
}

async fn pretend_store() -> anyhow::Result<PretendStore> {
    let usual = free_port(8_081).await?.local_addr()?;
    let setup = Setup {
        listen: usual,
        home: "http://localhost:0".to_owned(),
        name: "Harbour Coffee Roasters".to_owned(),
        tls: None,
        outgoing: Client::new(outgoing("WordPress/7.0.4"), Clock::System, Entropy::System),
        clock: Clock::System,
        entropy: Entropy::System,
        switches: Switches { accept_http_callback: true, ..Switches::default() },
    };
    PretendStore::start(setup).await.context("the pretend store cannot listen")
}

fn tell(store: &str, link: &str, token: &str, of_user: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "\nCartkey is running with throw-away data, beside a pretend WooCommerce store at {store}\n\
         \n\
         1. Connect the store. Open this in a browser, press Connect store, log in as\n   \
            admin with the password {USER_PASSWORD}, press Approve:\n\
         \n   {link}\n\
         \n\
         2. Fetch its keys, or call the store without them, as an internal service would:\n\
         \n   curl -H 'Authorization: Bearer {token}' {of_user}/keys\n   \
            curl -H 'Authorization: Bearer {token}' {of_user}/wp-json/wc/v3/orders\n"
    )?;
    out.flush()
}

fn tell_dashboard(base: &str, password: &Secret, sample: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "3. See it on the dashboard: open this, sign in as {OPERATOR} with the password {}\n\n   {base}/admin\n\n\
4. See an application connect its users' stores: open this, sign in as anybody, and as somebody else in another browser\n\n   \
         {sample}\n\n   What it asks of Cartkey: {base}/api/v1/docs\n\n\
         Ctrl-C stops it and throws everything away.\n",
        password.expose()
    )?;
    out.flush()
}
