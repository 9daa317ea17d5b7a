//! The embedded store: SQLite in one file, with a write-ahead log.

use super::StoreError;
use super::engine::{Dialect, EachRow, Engine, Row, Value};
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{File, TryLockError};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Memory for pages, in KiB.
const PAGE_CACHE: i64 = 32 << 10;

pub struct Sqlite {
    path: PathBuf,
    connection: Connection,
    read_only: bool,
}

impl Sqlite {
    /// Opens the file; to write, makes it (and its folder) where there is none.
    pub fn open(path: &Path, read_only: bool) -> Result<Self, StoreError> {
        let place = path.display().to_string();
        let failed = |why: String| StoreError::Open { place: place.clone(), why };
        if read_only && !path.is_file() {
            return Err(failed("there is no such file".to_owned()));
        }
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty() && !read_only) {
            std::fs::create_dir_all(folder).map_err(|e| failed(e.to_string()))?;
        }
        check_header(path, &place)?;
        let connection = connect(path, read_only).map_err(|e| match explain(&place, e) {
            StoreError::Damaged { place, why, .. } => set_aside(path, place, why, read_only),
            StoreError::Sql { place, why } => StoreError::Open { place, why },
            other => other,
        })?;
        Ok(Self { path: path.to_owned(), connection, read_only })
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn wrong(&self, e: rusqlite::Error) -> StoreError {
        found_in(&self.path, self.read_only, e)
    }
}

/// The right to sweep into a file; it ends with the process, also when that is killed.
#[derive(Debug)]
pub struct Lock(
    #[expect(dead_code, reason = "a lock is held as long as its file is open")] Vec<File>,
);

/// Takes the right to sweep into the file, whatever name leads to it: of two names of one file (a link to
/// it, another hard link) the second is refused.
pub fn lock(path: &Path) -> Result<Lock, StoreError> {
    let open = |e: std::io::Error| StoreError::Open {
        place: path.display().to_string(),
        why: e.to_string(),
    };
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(open)?;
    }
    // Beside the file, for those who know no other lock, and the file itself, which may have two names.
    let mut names = vec![with_suffix(&real(path), ".lock")];
    if cfg!(unix) {
        // Of another kind than SQLite's own locks, and no hindrance to them (flock(2)). Elsewhere it would be.
        names.push(path.to_owned());
    }
    let mut held = Vec::new();
    for name in names {
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(name).map_err(open)?;
        match file.try_lock() {
            Ok(()) => held.push(file),
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse { place: path.display().to_string() });
            }
            Err(TryLockError::Error(e)) => return Err(open(e)),
        }
    }
    Ok(Lock(held))
}

/// The file behind links, also one that is not there yet.
fn real(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf();
    // As many links as Linux follows (path_resolution(7)).
    for _ in 0..40 {
        let Ok(target) = path.read_link() else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// What every SQLite file begins with (fileformat2.html, 1.3).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// A file that never was a database is somebody's, and left alone. An empty one is a new database.
fn check_header(path: &Path, place: &str) -> Result<(), StoreError> {
    let Ok(mut file) = File::open(path) else { return Ok(()) };
    let mut head = Vec::new();
    let read = (&mut file).take(16).read_to_end(&mut head);
    if read.is_err() || head.is_empty() || head == MAGIC {
        return Ok(());
    }
    Err(StoreError::Foreign { place: place.to_owned(), why: "it is no SQLite database".to_owned() })
}

/// An error of the file in use; a damaged one is moved.
fn found_in(path: &Path, read_only: bool, e: rusqlite::Error) -> StoreError {
    match explain(&path.display().to_string(), e) {
        StoreError::Damaged { place, why, .. } => set_aside(path, place, why, read_only),
        other => other,
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn connect(path: &Path, read_only: bool) -> rusqlite::Result<Connection> {
    let flags = match read_only {
        true => OpenFlags::SQLITE_OPEN_READ_ONLY,
        false => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    };
    let new = path.metadata().map_or(true, |m| m.len() == 0);
    let c = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    c.busy_timeout(PATIENCE)?;
    c.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // Reads the header and the schema: what is broken there is found out here. Somebody else's database
    // is not to be changed.
    let count = |sql: &str| c.query_row(sql, [], |r| r.get::<_, i64>(0));
    let tables = count("SELECT COUNT(*) FROM sqlite_schema")?;
    let ours = count("SELECT COUNT(*) FROM sqlite_schema WHERE name = 'careen_schema'")?;
    let wanted_read_only = read_only;
    let read_only = read_only || (tables > 0 && ours == 0);
    c.pragma_update(None, "cache_size", -PAGE_CACHE)?;
    // As PostgreSQL's LIKE.
    c.pragma_update(None, "case_sensitive_like", "ON")?;
    if !read_only {
        if new {
            // Room that is given back shrinks the file; it must be set before the first table.
            c.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            own(path);
        }
        c.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        // What is taken out leaves nothing behind in the file.
        c.pragma_update(None, "secure_delete", "ON")?;
        // With WAL, a power cut may lose the last commits but never breaks the file.
        c.pragma_update(None, "synchronous", "NORMAL")?;
        c.pragma_update(None, "foreign_keys", "ON")?;
    }
    if wanted_read_only {
        c.authorizer(Some(|asked: AuthContext| may_read(&asked.action)))?;
    }
    Ok(c)
}

/// What a question may do. The file is opened to be read only, but `ATTACH` opens others, `VACUUM INTO`
/// writes one, and some pragmas change what the connection may do.
fn may_read(action: &AuthAction) -> Authorization {
    match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => {
            Authorization::Allow
        }
        AuthAction::Function { function_name }
            if !function_name.eq_ignore_ascii_case("load_extension") =>
        {
            Authorization::Allow
        }
        // The names of a table's columns, as `sqlite3` shows them.
        AuthAction::Pragma { pragma_name, .. } if SHOWING.contains(pragma_name) => {
            Authorization::Allow
        }
        // `BEGIN` and `COMMIT` around a look at one moment.
        AuthAction::Transaction { .. } => Authorization::Allow,
        _ => Authorization::Deny,
    }
}

/// Pragmas that tell and change nothing.
const SHOWING: [&str; 6] =
    ["table_info", "table_xinfo", "table_list", "index_list", "index_info", "foreign_key_list"];

/// The findings of a whole registry are their owner's.
fn own(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600));
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// Moves a damaged file out of the way, with its log.
fn set_aside(path: &Path, place: String, why: String, read_only: bool) -> StoreError {
    let mut aside = None;
    if !read_only {
        let target =
            (1..1000).map(|n| with_suffix(path, &format!(".damaged-{n}"))).find(|p| !p.exists());
        if let Some(target) = target
            && std::fs::rename(path, &target).is_ok()
        {
            for log in ["-wal", "-shm"] {
                let _ = std::fs::rename(with_suffix(path, log), with_suffix(&target, log));
            }
            aside = Some(target);
        }
    }
    StoreError::Damaged { place, why, aside }
}

fn explain(place: &str, e: rusqlite::Error) -> StoreError {
    let place = place.to_owned();
    let why = e.to_string();
    match e.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Damaged { place, why, aside: None }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Lost { place, why: "another process writes to it".to_owned() }
        }
        Some(ErrorCode::DiskFull) => StoreError::Full { place },
        Some(ErrorCode::AuthorizationForStatementDenied) => StoreError::NotAllowed { place },
        _ => StoreError::Sql { place, why },
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(n) => ValueRef::Integer(*n),
            Self::Real(x) => ValueRef::Real(*x),
            Self::Text(s) => ValueRef::Text(s.as_bytes()),
            Self::Bytes(b) => ValueRef::Blob(b),
        }))
    }
}

fn value(v: ValueRef<'_>) -> Value {
    match v {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Int(n),
        ValueRef::Real(x) => Value::Real(x),
        ValueRef::Text(t) => Value::Text(String::from_utf8_lossy(t).into_owned()),
        ValueRef::Blob(b) => Value::Bytes(b.to_vec()),
    }
}

/// SQLite numbers its arguments by `?1`.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

impl Engine for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn run(&mut self, sql: &str, args: &[Value]) -> Result<u64, StoreError> {
        let run = || {
            let mut statement = self.connection.prepare_cached(&numbered(sql))?;
            statement.execute(rusqlite::params_from_iter(args))
        };
        Ok(run().map_err(|e| self.wrong(e))? as u64)
    }

    fn each(&mut self, sql: &str, args: &[Value], row: EachRow) -> Result<(), StoreError> {
        let wrong = |e| found_in(&self.path, self.read_only, e);
        // A `$` in the user's own SQL, which has no arguments, is just text.
        let sql = if args.is_empty() { sql.to_owned() } else { numbered(sql) };
        let mut statement = self.connection.prepare_cached(&sql).map_err(wrong)?;
        let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
        let mut rows = statement.query(rusqlite::params_from_iter(args)).map_err(wrong)?;
        while let Some(r) = rows.next().map_err(wrong)? {
            let values = (0..names.len()).map(|i| r.get_ref(i).map(value));
            let values = values.collect::<Result<_, _>>().map_err(wrong)?;
            if row(&names, Row(values))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn is_question(&mut self, sql: &str) -> Result<bool, StoreError> {
        let statement =
            self.connection.prepare_cached(&numbered(sql)).map_err(|e| self.wrong(e))?;
        Ok(statement.readonly() && statement.column_count() > 0)
    }

    fn columns(&mut self, sql: &str) -> Result<Vec<String>, StoreError> {
        let statement =
            self.connection.prepare_cached(&numbered(sql)).map_err(|e| self.wrong(e))?;
        Ok(statement.column_names().into_iter().map(str::to_owned).collect())
    }

    fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        self.connection.execute_batch(sql).map_err(|e| self.wrong(e))
    }

    fn reconnect(&mut self) -> Result<(), StoreError> {
        let place = self.place();
        self.connection = connect(&self.path, self.read_only).map_err(|e| explain(&place, e))?;
        Ok(())
    }
}
