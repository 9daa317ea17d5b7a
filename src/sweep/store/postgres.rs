//! The store for many machines: a PostgreSQL server, over TLS where the address asks for it.

use super::StoreError;
use super::engine::{Dialect, EachRow, Engine, Row, Value};
use postgres::config::{Config, Host, SslMode};
use postgres::error::SqlState;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, NoTls, Statement};
use rustls_platform_verifier::ConfigVerifierExt as _;
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long to wait for the server, where the address does not say.
const CONNECT: Duration = Duration::from_secs(15);

/// How long the server may say nothing to what was sent.
const SILENCE: Duration = Duration::from_secs(30);

/// What the server sees us as.
const NAME: &str = "careen";

pub struct Postgres {
    config: Config,
    place: String,
    client: Client,
    statements: HashMap<String, Statement>,
    read_only: bool,
}

impl Postgres {
    /// Without the password.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Connects. `address`: `postgres://user:password@host/database?…` as libpq has it.
    pub fn open(address: &str, read_only: bool) -> Result<Self, StoreError> {
        let mut config: Config =
            address.parse().map_err(|e: postgres::Error| StoreError::Open {
                place: "postgres".to_owned(),
                // The address may hold a password; the parser's words name a part of it.
                why: format!("the address is not valid: {}", cause(&e)),
            })?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_application_name().is_none() {
            config.application_name(NAME);
        }
        // A server that vanishes without a word must not be waited for.
        config.tcp_user_timeout(SILENCE).keepalives_idle(SILENCE);
        let place = place(&config);
        let client = connect(&config, read_only).map_err(|e| refused(&place, &config, &e))?;
        Ok(Self { config, place, client, statements: HashMap::new(), read_only })
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(known) = self.statements.get(sql) {
            return Ok(known.clone());
        }
        let made = self.client.prepare(sql).map_err(|e| wrong(&self.place, &e))?;
        self.statements.insert(sql.to_owned(), made.clone());
        Ok(made)
    }
}

/// The address without its password.
fn place(config: &Config) -> String {
    let host = config.get_hosts().first().map_or_else(String::new, |h| match h {
        // An unescaped `@` in a password makes the rest of it a part of the host.
        Host::Tcp(name) => name.rsplit('@').next().unwrap_or_default().to_owned(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    });
    let port = config.get_ports().first().map(|p| format!(":{p}")).unwrap_or_default();
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("postgres://{host}{port}/{database}")
}

fn connect(config: &Config, read_only: bool) -> Result<Client, postgres::Error> {
    let plain = config.get_ssl_mode() == SslMode::Disable;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls = if plain { None } else { rustls::ClientConfig::with_platform_verifier().ok() };
    let mut client = match tls {
        Some(tls) => config.connect(MakeRustlsConnect::new(tls))?,
        None => config.connect(NoTls)?,
    };
    if read_only {
        // The user's own SQL runs in one transaction, which cannot make itself one that writes.
        client.batch_execute("SET default_transaction_read_only = on; BEGIN READ ONLY")?;
    }
    Ok(client)
}

/// Why nobody answers, or the server does not let us in, and what to do about it.
fn refused(place: &str, config: &Config, e: &postgres::Error) -> StoreError {
    let why = cause(e);
    let user = config.get_user().unwrap_or("you");
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    let hint = match e.code() {
        Some(code)
            if *code == SqlState::INVALID_PASSWORD
                || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION =>
        {
            format!(
                "check the user and the password of the address (postgres://USER:PASSWORD@HOST/DATABASE), \
                 and that pg_hba.conf lets {user} in"
            )
        }
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => {
            format!("make it first: `createdb {database}`")
        }
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            format!("let {user} in: `GRANT CONNECT ON DATABASE {database} TO {user}`")
        }
        Some(code) if *code == SqlState::TOO_MANY_CONNECTIONS => {
            "use fewer workers, or raise the server's max_connections".to_owned()
        }
        Some(_) => "the server's own log says more".to_owned(),
        None if is_of_tls(e) => {
            "`?sslmode=disable` where the server speaks no TLS; a certificate of one's own \
             authority is trusted by way of the system or SSL_CERT_FILE"
                .to_owned()
        }
        None if is_of_password(&why) => {
            "write it into the address: postgres://USER:PASSWORD@HOST/DATABASE".to_owned()
        }
        None => "is the server running there, and does it listen on that host and port?".to_owned(),
    };
    StoreError::Refused { place: place.to_owned(), why, hint }
}

/// Whether it was the encryption that failed.
fn is_of_tls(e: &postgres::Error) -> bool {
    let mut source: Option<&(dyn Error + 'static)> = Some(e);
    while let Some(inner) = source {
        let words = inner.to_string().to_ascii_lowercase();
        if inner.is::<rustls::Error>() || words.contains("tls") || words.contains("certificate") {
            return true;
        }
        source = inner.source();
    }
    false
}

fn is_of_password(why: &str) -> bool {
    why.contains("password")
}

/// The innermost words.
fn cause(e: &dyn Error) -> String {
    let mut words = e.to_string();
    let mut source = e.source();
    while let Some(inner) = source {
        words = inner.to_string();
        source = inner.source();
    }
    words
}

fn wrong(place: &str, e: &postgres::Error) -> StoreError {
    let place = place.to_owned();
    let why = cause(e);
    let Some(code) = e.code() else {
        // Without a code it was not the server that spoke: the connection, or our own argument.
        let ours = e.source().is_some_and(|s| s.is::<postgres::types::WrongType>());
        return match ours {
            true => StoreError::Sql { place, why },
            false => StoreError::Lost { place, why },
        };
    };
    let transient = [
        &SqlState::ADMIN_SHUTDOWN,
        &SqlState::CRASH_SHUTDOWN,
        &SqlState::CANNOT_CONNECT_NOW,
        &SqlState::TOO_MANY_CONNECTIONS,
        &SqlState::T_R_SERIALIZATION_FAILURE,
        &SqlState::T_R_DEADLOCK_DETECTED,
        &SqlState::LOCK_NOT_AVAILABLE,
    ];
    if *code == SqlState::DISK_FULL {
        return StoreError::Full { place };
    }
    if transient.contains(&code) || code.code().starts_with("08") {
        return StoreError::Lost { place, why };
    }
    StoreError::Sql { place, why }
}

/// By its first word, behind comments and brackets. What a `WITH` writes, the transaction refuses.
fn begins_a_question(sql: &str) -> bool {
    let mut rest = sql.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
    loop {
        let behind = match rest {
            line if line.starts_with("--") => line.split_once('\n').map(|(_, behind)| behind),
            block if block.starts_with("/*") => block.split_once("*/").map(|(_, behind)| behind),
            _ => break,
        };
        rest = behind.unwrap_or("").trim_start_matches(|c: char| c.is_whitespace() || c == '(');
    }
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let word = rest[..end].to_ascii_lowercase();
    ["select", "with", "values", "table", "show", "explain"].contains(&word.as_str())
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(n) if *ty == Type::INT4 => i32::try_from(*n)?.to_sql(ty, out),
            Self::Int(n) if *ty == Type::FLOAT8 => (*n as f64).to_sql(ty, out),
            Self::Int(n) if *ty == Type::TEXT => n.to_string().to_sql(ty, out),
            Self::Int(n) => n.to_sql(ty, out),
            Self::Real(x) => x.to_sql(ty, out),
            Self::Text(s) => s.to_sql(ty, out),
            Self::Bytes(b) => b.to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *ty {
            Type::INT8 => Self::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Self::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT2 => Self::Int(i16::from_sql(ty, raw)?.into()),
            Type::BOOL => Self::Int(bool::from_sql(ty, raw)?.into()),
            Type::FLOAT8 => Self::Real(f64::from_sql(ty, raw)?),
            Type::FLOAT4 => Self::Real(f32::from_sql(ty, raw)?.into()),
            Type::BYTEA => Self::Bytes(<Vec<u8>>::from_sql(ty, raw)?),
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::BPCHAR | Type::UNKNOWN => {
                Self::Text(String::from_sql(ty, raw)?)
            }
            _ => return Err(format!("a column of type {ty}: cast it to text").into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl Engine for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn run(&mut self, sql: &str, args: &[Value]) -> Result<u64, StoreError> {
        let statement = self.prepare(sql)?;
        let args: Vec<&(dyn ToSql + Sync)> = args.iter().map(|a| a as _).collect();
        self.client.execute(&statement, &args).map_err(|e| wrong(&self.place, &e))
    }

    fn each(&mut self, sql: &str, args: &[Value], row: EachRow) -> Result<(), StoreError> {
        let statement = self.prepare(sql)?;
        let names: Vec<String> = statement.columns().iter().map(|c| c.name().to_owned()).collect();
        let place = self.place.clone();
        let mut rows = self.client.query_raw(&statement, args).map_err(|e| wrong(&place, &e))?;
        while let Some(r) = rows.next().map_err(|e| wrong(&place, &e))? {
            let values = (0..names.len()).map(|i| r.try_get::<_, Value>(i));
            let values = values.collect::<Result<_, _>>().map_err(|e| wrong(&place, &e))?;
            if row(&names, Row(values))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// `COPY … TO PROGRAM`, `SET` and their like run in a transaction that only reads, too: what has no rows to
    /// show is no question.
    fn is_question(&mut self, sql: &str) -> Result<bool, StoreError> {
        if !begins_a_question(sql) {
            return Ok(false);
        }
        Ok(!self.prepare(sql)?.columns().is_empty())
    }

    fn columns(&mut self, sql: &str) -> Result<Vec<String>, StoreError> {
        Ok(self.prepare(sql)?.columns().iter().map(|c| c.name().to_owned()).collect())
    }

    fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        self.client.batch_execute(sql).map_err(|e| wrong(&self.place, &e))
    }

    fn reconnect(&mut self) -> Result<(), StoreError> {
        self.statements.clear();
        self.client = connect(&self.config, self.read_only).map_err(|e| wrong(&self.place, &e))?;
        Ok(())
    }
}
