//! The reader against what SQLite itself writes, and against lies.

use super::*;
use proptest::prelude::*;
use rusqlite::{Connection, MAIN_DB};

const RPM: &str =
    "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)";

fn database(statements: &[&str], blobs: &[Vec<u8>]) -> Vec<u8> {
    let db = Connection::open_in_memory().unwrap();
    for sql in statements {
        db.execute_batch(sql).unwrap();
    }
    for blob in blobs {
        db.execute("INSERT INTO Packages (blob) VALUES (?1)", [blob]).unwrap();
    }
    db.serialize(MAIN_DB).unwrap().to_vec()
}

fn read(file: &[u8]) -> Result<Vec<Vec<u8>>, TableError> {
    let mut out = Vec::new();
    blobs(file, "Packages", &mut |b| out.push(b.to_vec())).map(|()| out)
}

#[test]
fn rows_of_every_length_come_in_their_order() {
    let lengths =
        [0, 1, 100, 470, 480, 4000, 4056, 4057, 4061, 4062, 4096, 9000, 100_000, 3_000_000];
    let blobs: Vec<Vec<u8>> =
        (0..3000).map(|n| vec![n as u8; lengths.get(n).copied().unwrap_or(n % 700)]).collect();
    for size in [512, 4096, 65536] {
        let page = format!("PRAGMA page_size = {size}");
        let more = "CREATE TABLE a (x); CREATE TABLE Basenames (key, hnum); CREATE INDEX i ON Basenames (key)";
        let file = database(&[&page, more, RPM], &blobs);
        assert_eq!(read(&file).as_ref(), Ok(&blobs), "{size}");
    }
}

#[test]
fn only_a_table_is_read() {
    let endless = "CREATE VIEW Packages AS WITH RECURSIVE c(x) AS (VALUES(1) UNION ALL SELECT x + 1 FROM c) \
        SELECT zeroblob(1000000) AS blob, -x AS hnum FROM c";
    assert_eq!(read(&database(&[endless], &[])), Err(TableError::NotATable("Packages")));
    let module = "CREATE VIRTUAL TABLE Packages USING fts5(hnum, blob)";
    assert_eq!(read(&database(&[module], &[])), Err(TableError::NotATable("Packages")));
    assert_eq!(
        read(&database(&["CREATE TABLE Name (a)"], &[])),
        Err(TableError::NoTable("Packages"))
    );
    assert_eq!(read(b"no database"), Err(TableError::NotADatabase));
    // What a column would compute is not there.
    let computed =
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, x, blob AS (zeroblob(1000000000)))";
    let file = database(&[computed, "INSERT INTO Packages (x) VALUES (1)"], &[]);
    assert_eq!(read(&file), Ok(Vec::new()));
}

#[test]
fn a_tree_that_comes_back_to_itself_ends() {
    let blobs: Vec<Vec<u8>> = (0..3000).map(|n| vec![n as u8; 200]).collect();
    let mut file = database(&["PRAGMA page_size = 512", RPM], &blobs);
    let interior = (1..file.len() / 512).find(|n| file[n * 512] == INTERIOR).unwrap();
    let own = (interior as u32 + 1).to_be_bytes();
    file[interior * 512 + 8..][..4].copy_from_slice(&own);
    assert_eq!(read(&file), Err(TableError::Broken));
}

proptest! {
    #[test]
    fn no_file_panics(changes in prop::collection::vec((0usize..6000, any::<u8>()), 0..8), cut in 0usize..8000) {
        let mut file = database(&["PRAGMA page_size = 512", RPM], &[vec![7; 40], vec![8; 2000], vec![9; 300]]);
        for (at, byte) in changes {
            if let Some(b) = file.get_mut(at) { *b = byte; }
        }
        file.truncate(cut);
        let _ = read(&file);
    }
}
