//! What only PostgreSQL can do to us: a connection pooler in between, and a failover to a server that is read-only. Skipped on
//! SQLite.

use std::fs;
use std::process::{Child, Command, Stdio};

use hyper::Method;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::binary::{Installation, ask, client};
use crate::process::until_async;

/// The server that the stories use.
fn server() -> Option<Url> {
    Some(std::env::var("TEST_POSTGRES_URL").ok()?.parse().expect("an address"))
}

/// `PgBouncer` in transaction mode in front of the server; ends when dropped.
struct Bouncer {
    child: Child,
    url: Url,
    _folder: tempfile::TempDir,
}

impl Bouncer {
    /// `None` where it is not installed.
    async fn before(server: &Url) -> Option<Self> {
        let program =
            ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].into_iter().find(|path| fs::exists(path).unwrap())?;
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let settings = format!(
            "[databases]\n* = host={} port={} user={} password={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             auth_type = any\npool_mode = transaction\nunix_socket_dir =\nignore_startup_parameters = options,extra_float_digits\n",
            server.host_str().unwrap(),
            server.port().unwrap_or(5432),
            server.username(),
            server.password().unwrap_or_default(),
        );
        let file = folder.path().join("pgbouncer.ini");
        fs::write(&file, settings).unwrap();
        let mut command = Command::new(program);
        if rustix::process::geteuid().is_root() {
            // It does not run as root, and must be able to read its settings.
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
            command.args(["-u", "nobody"]);
        }
        let child = command.arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until_async(async || TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await;
        let mut url = server.clone();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(port)).unwrap();
        Some(Self { child, url, _folder: folder })
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_pooler_in_transaction_mode_is_refused_by_name_with_what_to_do() {
    let Some(server) = server() else { return };
    // `scripts/test` installs it.
    let Some(bouncer) = Bouncer::before(&server).await else { return };
    let here = Installation::new().await.with("CARTKEY_DATABASE_URL", bouncer.url.as_str());
    let ran = here.run(&["serve"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let says = ran.err.lines().last().unwrap_or_default();
    for part in ["pooler in transaction mode (PgBouncer?)", "connect to PostgreSQL directly, or set pool_mode=session"]
    {
        assert!(says.contains(part), "{says}");
    }
    assert!(!says.contains("newer version"), "{says}");
}

/// A database of its own on the server: a failover changes all of it.
struct Own {
    admin: PgConnection,
    name: String,
}

impl Own {
    async fn on(server: &Url) -> (Self, Url) {
        let mut admin = PgConnection::connect(server.as_str()).await.unwrap();
        let name = format!("failover_{}", std::process::id());
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut admin).await.unwrap();
        let mut url = server.clone();
        url.set_path(&name);
        (Self { admin, name }, url)
    }

    /// Every connection ends, and new ones find a server that is read-only, or not any more.
    async fn fails_over(&mut self, read_only: bool) {
        let state = if read_only { "on" } else { "off" };
        let sql = format!(
            "ALTER DATABASE {0} SET default_transaction_read_only = {state};
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{0}'",
            self.name
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.admin).await.unwrap();
    }

    async fn ends(mut self) {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.admin).await.unwrap();
    }
}

#[tokio::test]
async fn after_a_failover_to_a_server_that_is_read_only_it_is_not_ready_until_one_writes_again() {
    let Some(server) = server() else { return };
    let (mut own, url) = Own::on(&server).await;
    let here = Installation::new().await.with("CARTKEY_DATABASE_URL", url.as_str());
    let mut cartkey = here.serve().await;
    let token = here.token("links:write");
    let client = client();
    let readyz = async || {
        let url = format!("http://{}/readyz", cartkey.listen);
        ask(&client, Method::GET, &url, &[], "").await.map(|(status, _)| status)
    };
    let link = async || {
        let new = json!({"user_id": "m"}).to_string();
        cartkey.ask(&client, Method::POST, "/api/v1/links", &token, &new).await.0
    };
    until_async(async || readyz().await == Some(200)).await;
    assert_eq!(link().await, 201);
    own.fails_over(true).await;
    until_async(async || readyz().await == Some(503)).await;
    assert_eq!(link().await, 503, "nothing is acknowledged");
    own.fails_over(false).await;
    until_async(async || readyz().await == Some(200)).await;
    assert_eq!(link().await, 201);
    cartkey.tell(rustix::process::Signal::TERM);
    assert_eq!(cartkey.ended().await.code(), Some(0));
    own.ends().await;
}
