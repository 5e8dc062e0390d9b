//! Configuration: reads every variable and reports all errors at once.

mod env;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tracing_subscriber::filter::Targets;
use url::{Host, Url};

use crate::domain::{AppName, Network, Scope, Secret};
use crate::vault::RingSource;

use self::env::{Env, dot_env};

/// The configuration from the environment.
#[derive(Debug)]
pub struct Config {
    /// How the service is reached and what it is called.
    pub site: Site,
    /// `CARTKEY_LISTEN` (`127.0.0.1:8080`): serves the public pages, and everything else unless `internal_listen` is set.
    pub listen: SocketAddr,
    /// `CARTKEY_INTERNAL_LISTEN` (unset): if set, the dashboard and the service API are served only here.
    pub internal_listen: Option<SocketAddr>,
    /// `CARTKEY_DATABASE_URL` (`sqlite:data/cartkey.db`), or `postgres://…`; may contain a password.
    pub database_url: Secret,
    /// `CARTKEY_DATABASE_CONNECTIONS` (`16`): the maximum number of PostgreSQL connections, from 2 to 1,000.
    pub database_connections: u32,
    /// `CARTKEY_DATABASE_STATEMENT_TIMEOUT` (`40s`): the time after which PostgreSQL cancels a statement, from 1 s to 40 s.
    pub database_statement_timeout: Duration,
    /// `CARTKEY_DATABASE_TLS` (unset): how TLS to PostgreSQL is used where the address has no `sslmode`.
    pub database_tls: Option<String>,
    /// `CARTKEY_DATABASE_TLS_ROOTS` (unset): the CA certificates to trust for the PostgreSQL server.
    pub database_tls_roots: Option<PathBuf>,
    /// `CARTKEY_MASTER_KEY` (`data/master.key`), `CARTKEY_MASTER_KEY_TEXT` or `CARTKEY_MASTER_KEY_COMMAND`: the key ring. If none is
    /// set, systemd's credential `cartkey.master.key` comes first.
    pub master_key: RingSource,
    /// `CARTKEY_BACKUP_DIR` and its companions: scheduled backups, if any.
    pub backup: Option<Arc<BackupSchedule>>,
    /// `CARTKEY_CHECK_EVERY` (`15m`): how often a connected store is checked.
    pub check_every: Duration,
    pub log: Log,
}

/// When and where backups are written.
#[derive(Debug)]
pub struct BackupSchedule {
    /// `CARTKEY_BACKUP_DIR`: the folder.
    pub folder: PathBuf,
    /// `CARTKEY_BACKUP_EVERY` (`24h`): the interval, at least `5m`.
    pub every: Duration,
    /// `CARTKEY_BACKUP_KEEP` (`7`): how many complete backups to keep, from 1 to 10,000.
    pub keep: u32,
}

#[derive(Debug, Clone)]
pub struct Log {
    /// `CARTKEY_LOG` (`info`): a filter.
    pub filter: String,
    /// `CARTKEY_LOG_FORMAT` (`text`), or `json`.
    pub json: bool,
}

/// The public part of the configuration, used by pages and flows.
#[derive(Debug, Clone)]
pub struct Site {
    /// `CARTKEY_PUBLIC_URL` (`http://localhost:8080`), without a trailing slash.
    pub public_url: String,
    /// Its host, which WooCommerce shows on its approval page.
    pub public_host: String,
    /// Whether it is https; if so, cookies are `Secure`.
    pub secure: bool,
    /// `CARTKEY_APP_NAME` (`Cartkey`): the name that merchants see until an operator sets another.
    pub app_name: AppName,
    /// `CARTKEY_SCOPE` (`read_write`): the scope to request when a link does not specify one.
    pub scope: Scope,
    /// `CARTKEY_OPEN_CONNECT` (`true`): whether `/connect` works without a link.
    pub open_connect: bool,
    /// `CARTKEY_RETURN_ORIGINS` (none): origins to which a link may return the merchant.
    pub return_origins: Vec<String>,
    /// `CARTKEY_TRUSTED_PROXIES` (none): networks whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// `CARTKEY_EGRESS_IPS` (none): the addresses our requests come from, as merchants pass them on to their hosts.
    pub egress_ips: Vec<IpNet>,
    /// `CARTKEY_ALLOW_PRIVATE_STORES` (`false`): whether private addresses and plain http are allowed.
    pub network: Network,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0.len() == 1 { "" } else { "s" };
        write!(f, "{} error{plural} in the configuration: {}", self.0.len(), self.0.join("; "))
    }
}

impl std::error::Error for Faults {}

const KNOWN: [&str; 24] = [
    "CARTKEY_EGRESS_IPS",
    "CARTKEY_PUBLIC_URL",
    "CARTKEY_LISTEN",
    "CARTKEY_INTERNAL_LISTEN",
    "CARTKEY_DATABASE_URL",
    "CARTKEY_MASTER_KEY",
    "CARTKEY_MASTER_KEY_TEXT",
    "CARTKEY_MASTER_KEY_COMMAND",
    "CARTKEY_APP_NAME",
    "CARTKEY_SCOPE",
    "CARTKEY_OPEN_CONNECT",
    "CARTKEY_RETURN_ORIGINS",
    "CARTKEY_TRUSTED_PROXIES",
    "CARTKEY_ALLOW_PRIVATE_STORES",
    "CARTKEY_CHECK_EVERY",
    "CARTKEY_BACKUP_DIR",
    "CARTKEY_BACKUP_EVERY",
    "CARTKEY_BACKUP_KEEP",
    "CARTKEY_DATABASE_CONNECTIONS",
    "CARTKEY_DATABASE_STATEMENT_TIMEOUT",
    "CARTKEY_DATABASE_TLS",
    "CARTKEY_DATABASE_TLS_ROOTS",
    "CARTKEY_LOG",
    "CARTKEY_LOG_FORMAT",
];

/// How TLS to PostgreSQL can be used, in PostgreSQL's own words.
const TLS_MODES: [&str; 5] = ["disable", "prefer", "require", "verify-ca", "verify-full"];

impl Config {
    /// Reads the environment, and from `.env` in the working directory what the environment does not set.
    pub fn load() -> Result<Self, Faults> {
        let mut vars = dot_env()?;
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            if name.starts_with("CARTKEY_") {
                let value = value.into_string().map_err(|_| Faults(vec![format!("{name}: not UTF-8 text")]))?;
                vars.insert(name, value);
            }
        }
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Self::read_with(vars.into_iter().filter(|(name, _)| name.starts_with("CARTKEY_")).collect(), credentials)
    }

    /// Reads the given variables.
    pub fn read(vars: BTreeMap<String, String>) -> Result<Self, Faults> {
        Self::read_with(vars, None)
    }

    /// The same, with the folder of systemd's credentials.
    fn read_with(vars: BTreeMap<String, String>, credentials: Option<PathBuf>) -> Result<Self, Faults> {
        let vars = vars.into_iter().map(|(name, value)| (name, env::without_quotes(&value).to_owned())).collect();
        let mut env = Env { vars, credentials, faults: Vec::new() };
        env.refuse_unknown(&KNOWN);
        let site = read_site(&mut env);
        let config = Self {
            site,
            listen: env.parse("CARTKEY_LISTEN", "127.0.0.1:8080", "an address and a port, such as 127.0.0.1:8080"),
            internal_listen: env.optional("CARTKEY_INTERNAL_LISTEN", "an address and a port, such as 127.0.0.1:8090"),
            database_url: Secret::new(env.text("CARTKEY_DATABASE_URL", "sqlite:data/cartkey.db")),
            database_connections: env.check("CARTKEY_DATABASE_CONNECTIONS", "16", "a number from 2 to 1000", |text| {
                text.parse().ok().filter(|connections| (2..=1000).contains(connections))
            }),
            database_statement_timeout: env.check(
                "CARTKEY_DATABASE_STATEMENT_TIMEOUT",
                "40s",
                "a time from 1s to 40s",
                |text| span(text).filter(|span| *span <= Duration::from_secs(40)),
            ),
            database_tls: env.given("CARTKEY_DATABASE_TLS"),
            database_tls_roots: env.path("CARTKEY_DATABASE_TLS_ROOTS"),
            master_key: env.ring_source(),
            backup: env.backup_schedule(),
            check_every: env.check("CARTKEY_CHECK_EVERY", "15m", "a time of at least 1m, such as 15m", |text| {
                span(text).filter(|span| *span >= Duration::from_mins(1))
            }),
            log: Log {
                filter: env.check("CARTKEY_LOG", "info", "a filter such as info or cartkey=debug", |text| {
                    text.parse::<Targets>().ok().map(|_| text.to_owned())
                }),
                json: env.check("CARTKEY_LOG_FORMAT", "text", "text or json", |text| {
                    ["text", "json"].contains(&text).then(|| text == "json")
                }),
            },
        };
        let scheme_is_fine =
            ["sqlite:", "postgres://", "postgresql://"].iter().any(|s| config.database_url.expose().starts_with(s));
        if !scheme_is_fine {
            env.fault("CARTKEY_DATABASE_URL", "must begin with sqlite: or postgres://");
        }
        if config.database_tls.as_ref().is_some_and(|mode| !TLS_MODES.contains(&mode.as_str())) {
            env.fault("CARTKEY_DATABASE_TLS", &format!("must be one of {}", TLS_MODES.join(", ")));
        }
        if env.faults.is_empty() { Ok(config) } else { Err(Faults(env.faults)) }
    }
}

/// Parses a time span such as `90s`, `15m`, `12h`, `90d`; `None` if it is invalid or zero.
pub fn span(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let number: u64 = text.strip_suffix(unit)?.parse().ok().filter(|n| *n > 0)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).filter(|all| *all <= 100 * 365 * 86_400).map(Duration::from_secs)
}

/// The origin of a web address (`https://app.example`), if it is http(s) without a user name.
pub fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    plain.then(|| url.origin().ascii_serialization())
}

impl Env {
    fn backup_schedule(&mut self) -> Option<Arc<BackupSchedule>> {
        let every = self.check("CARTKEY_BACKUP_EVERY", "24h", "a time of at least 5m, such as 24h", |text| {
            span(text).filter(|span| *span >= Duration::from_mins(5))
        });
        let keep = self.check("CARTKEY_BACKUP_KEEP", "7", "a number from 1 to 10000", |text| {
            text.parse().ok().filter(|keep| (1..=10_000).contains(keep))
        });
        let folder = self.given("CARTKEY_BACKUP_DIR")?;
        Some(Arc::new(BackupSchedule { folder: folder.into(), every, keep }))
    }

    /// Where the key ring comes from. `CARTKEY_MASTER_KEY` is a path already, so `…_FILE` means the same.
    fn ring_source(&mut self) -> RingSource {
        const NAMES: [&str; 4] =
            ["CARTKEY_MASTER_KEY", "CARTKEY_MASTER_KEY_FILE", "CARTKEY_MASTER_KEY_TEXT", "CARTKEY_MASTER_KEY_COMMAND"];
        let given = |name: &&'static str| {
            self.vars.get(*name).filter(|value| !value.is_empty()).cloned().map(move |value| (*name, value))
        };
        let set: Vec<(&str, String)> = NAMES.iter().filter_map(given).collect();
        if let [(first, _), (second, _), ..] = set[..] {
            self.fault(first, &format!("and {second} are both set: remove one"));
        }
        // The file's permissions would not be checked.
        for name in ["CARTKEY_MASTER_KEY_TEXT_FILE", "CARTKEY_MASTER_KEY_COMMAND_FILE"] {
            if self.vars.contains_key(name) {
                self.fault(name, "is not supported: set CARTKEY_MASTER_KEY to the path of the key ring");
            }
        }
        match set.into_iter().next() {
            Some(("CARTKEY_MASTER_KEY_TEXT", text)) => RingSource::Text(Secret::new(text)),
            Some(("CARTKEY_MASTER_KEY_COMMAND", command)) => RingSource::Command(command),
            Some((_, path)) => RingSource::File(PathBuf::from(path)),
            None => {
                let credential = self.credentials.as_ref().map(|folder| folder.join("cartkey.master.key"));
                let credential = credential.filter(|path| path.exists()).map(RingSource::Credential);
                credential.unwrap_or_else(|| RingSource::File(PathBuf::from("data/master.key")))
            }
        }
    }
}

fn read_site(env: &mut Env) -> Site {
    let private = env.boolean("CARTKEY_ALLOW_PRIVATE_STORES", "false");
    let wanted = "an https:// address without a path, query, user name or port (http:// is allowed only for localhost)";
    let public = env.check("CARTKEY_PUBLIC_URL", "http://localhost:8080", wanted, |text| public_url(text, private));
    Site {
        public_host: public.host_str().unwrap_or_default().to_owned(),
        secure: public.scheme() == "https",
        public_url: public.as_str().trim_end_matches('/').to_owned(),
        app_name: env.parse("CARTKEY_APP_NAME", "Cartkey", "1 to 60 characters"),
        scope: env.parse("CARTKEY_SCOPE", "read_write", "read, write or read_write"),
        open_connect: env.boolean("CARTKEY_OPEN_CONNECT", "true"),
        return_origins: env.list("CARTKEY_RETURN_ORIGINS", "origins such as https://app.example.com", |text| {
            origin(text).filter(|origin| origin == text.trim_end_matches('/'))
        }),
        trusted_proxies: env.list("CARTKEY_TRUSTED_PROXIES", "networks such as 10.0.0.0/8", network),
        egress_ips: env.list("CARTKEY_EGRESS_IPS", "addresses or networks such as 203.0.113.7", network),
        network: if private { Network::PrivateToo } else { Network::Public },
    }
}

/// A network, or a single address.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn public_url(text: &str, private: bool) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let local = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    };
    // Stores post only to ports 80, 443 and 8080, and only over https (docs/protocol/store-answers.md §1).
    let fits = match url.scheme() {
        "https" => url.port().is_none() || private,
        "http" => local || private,
        _ => false,
    };
    (bare && fits).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, Faults> {
        Config::read(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn nothing_set_is_a_working_configuration() {
        let config = read(&[]).expect("the defaults");
        assert_eq!(config.site.public_url, "http://localhost:8080");
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.check_every, Duration::from_mins(15));
        assert!(config.site.open_connect && config.site.network == Network::Public);
    }

    #[test]
    fn every_fault_is_reported_at_once_by_name() {
        let faults = read(&[
            ("CARTKEY_PUBLIC_URL", "http://keys.example.com"),
            ("CARTKEY_LISTEN", "8080"),
            ("CARTKEY_SCOPE", "admin"),
            ("CARTKEY_OPEN_CONNECT", "perhaps"),
            ("CARTKEY_TRUSTED_PROXIES", "10.0.0.0/8, nowhere"),
            ("CARTKEY_RETURN_ORIGINS", "https://app.example.com/path"),
            ("CARTKEY_DATABASE_URL", "mysql://user:hunter2@db"),
            ("CARTKEY_CHECK_EVERY", "15"),
            ("CARTKEY_LOG_FORMAT", "xml"),
            ("CARTKEY_PUBLIC_URI", "x"),
        ])
        .expect_err("nine faults");
        let text = faults.to_string();
        for name in [
            "PUBLIC_URL",
            "LISTEN",
            "SCOPE",
            "OPEN_CONNECT",
            "TRUSTED_PROXIES",
            "RETURN_ORIGINS",
            "DATABASE_URL",
            "CHECK_EVERY",
            "LOG_FORMAT",
            "PUBLIC_URI",
        ] {
            assert!(text.contains(&format!("CARTKEY_{name} ")), "{name} in {text}");
        }
        assert!(!text.contains("hunter2"));
    }

    #[test]
    fn what_kubernetes_adds_for_a_service_of_this_name_is_no_setting() {
        let config = read(&[
            ("CARTKEY_SERVICE_HOST", "10.0.0.9"),
            ("CARTKEY_SERVICE_PORT", "8080"),
            ("CARTKEY_SERVICE_PORT_HTTP", "8080"),
            ("CARTKEY_PORT", "tcp://10.0.0.9:8080"),
            ("CARTKEY_PORT_8080_TCP", "tcp://10.0.0.9:8080"),
            ("CARTKEY_PORT_8080_TCP_PROTO", "tcp"),
            ("CARTKEY_PORT_8080_TCP_PORT", "8080"),
            ("CARTKEY_PORT_8080_TCP_ADDR", "10.0.0.9"),
            ("CARTKEY_INTERNAL_SERVICE_HOST", "fd00::9"),
            ("CARTKEY_INTERNAL_PORT", "udp://10.0.0.9:8090"),
            ("CARTKEY_PORT_8080_TCP_START", "tcp://172.17.0.2:8080"),
            ("CARTKEY_PORT_8080_TCP_PORT_END", "8081"),
            ("CARTKEY_NAME", "/web/cartkey"),
            ("CARTKEY_ENV_CARTKEY_LISTEN", "0.0.0.0:8080"),
        ]);
        assert!(config.is_ok(), "{config:?}");
        // Docker's --env-file keeps quotation marks.
        for value in ["\"True\"", "'on'", "TRUE"] {
            let config = read(&[("CARTKEY_ALLOW_PRIVATE_STORES", value), ("CARTKEY_LISTEN", "\"127.0.0.1:1\"")]);
            assert!(config.is_ok(), "{value}: {config:?}");
        }
        for (name, value) in [
            ("CARTKEY_PORT", "8080"),
            ("CARTKEY_SERVICE_HOST", "keys.example.com"),
            ("CARTKEY_SERVICE_PORTS", "8080"),
            ("CARTKEY_PORT_HTTP", "8080"),
            ("CARTKEY_PORT_8080_TCP_NAME", "x"),
            ("CARTKEY_LISTEN_PORT", "8080"),
            ("CARTKEY_SERVICE", "x"),
            ("CARTKEY_NAME", "Acme"),
        ] {
            let faults = read(&[(name, value)]).expect_err(name).to_string();
            assert!(faults.contains(&format!("{name} is not a known variable")), "{faults}");
        }
    }

    #[test]
    fn a_value_may_stand_in_a_file_but_not_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("name");
        std::fs::write(&path, "Shop Desk\n").unwrap();
        let path = path.to_str().unwrap();
        assert_eq!(read(&[("CARTKEY_APP_NAME_FILE", path)]).expect("read").site.app_name.as_str(), "Shop Desk");
        assert!(read(&[("CARTKEY_APP_NAME_FILE", path), ("CARTKEY_APP_NAME", "x")]).is_err());
        assert!(read(&[("CARTKEY_APP_NAME_FILE", "/nowhere/at/all")]).is_err());
        std::fs::write(path, "\u{feff}Shop Desk\r\n").unwrap();
        assert_eq!(read(&[("CARTKEY_APP_NAME_FILE", path)]).expect("read").site.app_name.as_str(), "Shop Desk");
    }

    #[test]
    fn a_connection_to_postgresql_is_set_by_variables() {
        let config = read(&[
            ("CARTKEY_DATABASE_STATEMENT_TIMEOUT", "5s"),
            ("CARTKEY_DATABASE_TLS", "verify-ca"),
            ("CARTKEY_DATABASE_TLS_ROOTS", "/etc/ca.pem"),
        ])
        .expect("read");
        assert_eq!(config.database_statement_timeout, Duration::from_secs(5));
        assert_eq!(config.database_tls_roots, Some("/etc/ca.pem".into()));
        for (name, value) in [("CARTKEY_DATABASE_STATEMENT_TIMEOUT", "41s"), ("CARTKEY_DATABASE_TLS", "on")] {
            assert!(read(&[(name, value)]).expect_err(name).to_string().contains(name));
        }
    }

    #[test]
    fn public_addresses() {
        for good in
            ["https://keys.example.com", "https://keys.example.com/", "http://localhost:9", "http://127.0.0.1:8080"]
        {
            assert!(read(&[("CARTKEY_PUBLIC_URL", good)]).is_ok(), "{good}");
        }
        for bad in [
            "keys.example.com",
            "https://keys.example.com:8443",
            "https://u:p@keys.example.com",
            "https://keys.example.com/x",
            "http://10.0.0.1",
        ] {
            assert!(read(&[("CARTKEY_PUBLIC_URL", bad)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans() {
        assert_eq!(span("90d"), Some(Duration::from_hours(90 * 24)));
        assert_eq!(span("15m"), Some(Duration::from_mins(15)));
        for bad in ["", "15", "m", "0s", "-1h", "1.5h", "1w", "99999999999999999999s", "9999999999999d", "1é"] {
            assert_eq!(span(bad), None, "{bad}");
        }
    }
}
