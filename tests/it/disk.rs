//! Changes a story's database like another program would, and inspects its file.

use cartkey::storage::{Db, Pools};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

use crate::database::{change, column};

/// Turns syncing off for stories that do not test durability, which would otherwise sync thousands of times. Only for SQLite; a
/// server decides for itself.
pub async fn hurry(db: &Db) {
    if is_file(db) {
        change(db, "PRAGMA synchronous = OFF").await;
    }
}

/// Whether this database is a SQLite file.
pub fn is_file(db: &Db) -> bool {
    matches!(db.pools(), Pools::Sqlite { .. })
}

/// The number of grants whose key is not wiped.
pub async fn sealed_grants(db: &Db) -> usize {
    column(db, "SELECT id FROM grants WHERE sealed IS NOT NULL").await.len()
}

/// All sealed values in this table of a SQLite file, as stored.
pub async fn sealed_bytes(db: &Db, table: &str) -> Vec<Vec<u8>> {
    let hex = column(db, &format!("SELECT hex(sealed) FROM {table} WHERE sealed IS NOT NULL")).await;
    let byte = |hex: &str, at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    hex.iter().map(|hex| (0..hex.len()).step_by(2).map(|at| byte(hex, at)).collect()).collect()
}

/// Checkpoints the WAL of a SQLite file and truncates it.
pub async fn fold_wal(db: &Db) {
    change(db, "PRAGMA wal_checkpoint(TRUNCATE)").await;
}

/// Another program that blocks all writers until released.
pub enum Locked {
    /// Of a file.
    File(SqliteConnection),
    /// Of a server.
    Server(PgConnection),
}

impl Locked {
    /// Takes the lock.
    pub async fn hold(database_url: &str) -> Self {
        if database_url.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(database_url).await.expect("the file is there");
            sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.expect("nobody writes just now");
            return Self::File(connection);
        }
        let mut connection = PgConnection::connect(database_url).await.expect("the server answers");
        let lock = "BEGIN; LOCK TABLE attempts, grants, events IN SHARE ROW EXCLUSIVE MODE";
        sqlx::raw_sql(lock).execute(&mut connection).await.expect("nobody writes just now");
        Self::Server(connection)
    }

    /// Releases the lock.
    pub async fn release(self) {
        match self {
            Self::File(mut connection) => sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.map(drop),
            Self::Server(mut connection) => sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.map(drop),
        }
        .expect("the lock was held");
    }
}

/// Makes commits fail for every transaction that writes to one table.
pub struct Refusal(&'static str);

impl Refusal {
    /// Starts the failures.
    pub async fn of_commits(db: &Db, table: &'static str) -> Self {
        let refuse = if is_file(db) {
            format!(
                "CREATE TABLE nobody (id TEXT PRIMARY KEY);
                 CREATE TABLE somebody (id TEXT REFERENCES nobody (id) DEFERRABLE INITIALLY DEFERRED);
                 CREATE TRIGGER refuse_new AFTER INSERT ON {table} BEGIN INSERT INTO somebody VALUES ('x'); END;
                 CREATE TRIGGER refuse_changed AFTER UPDATE ON {table} BEGIN INSERT INTO somebody VALUES ('x'); END;"
            )
        } else {
            format!(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '58030'; END $$;
                 CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE ON {table}
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();"
            )
        };
        change(db, &refuse).await;
        Self(table)
    }

    /// Ends the failures.
    pub async fn ends(self, db: &Db) {
        let undo = if is_file(db) {
            "DROP TRIGGER refuse_new; DROP TRIGGER refuse_changed; DROP TABLE somebody; DROP TABLE nobody".to_owned()
        } else {
            format!("DROP TRIGGER refuse ON {}; DROP FUNCTION refuse()", self.0)
        };
        change(db, &undo).await;
    }
}

/// A proxy to a PostgreSQL server that a story can interrupt.
pub struct Way {
    /// The database's address through this proxy.
    pub url: String,
    is_open: watch::Sender<bool>,
}

impl Way {
    /// Starts a proxy to this server.
    pub async fn to(database_url: &str) -> Self {
        let mut url = Url::parse(database_url).expect("an address");
        let server = (url.host_str().expect("a host").to_owned(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(listener.local_addr().expect("bound").port())).expect("a port");
        let (is_open, seen) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut here, _)) = listener.accept().await {
                let (server, mut seen) = (server.clone(), seen.clone());
                tokio::spawn(async move {
                    if *seen.borrow_and_update() {
                        let mut there = TcpStream::connect(&server).await?;
                        tokio::select! {
                            _ = copy_bidirectional(&mut here, &mut there) => {}
                            _ = seen.wait_for(|is_open| !is_open) => {}
                        }
                    }
                    std::io::Result::Ok(())
                });
            }
        });
        Self { url: url.into(), is_open }
    }

    /// Cuts every connection and refuses new ones, or accepts them again.
    pub fn set_open(&self, is_open: bool) {
        self.is_open.send_replace(is_open);
    }
}
