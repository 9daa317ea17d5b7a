//! How fast the secret engine goes, alone, on one core. `CAREEN_BENCH_TREE` names a folder of real
//! files (default `/usr/share`); up to 300 MB of them are read before the clock starts.
//! `CAREEN_BENCH_LIST` prints what is found, masked.

use careen::analyze::secrets::{Patterns, SecretAnalyzer};
use careen::analyze::{Analyzer, Confidence, Facts};
use careen::layer::{Entry, LayerPath};
use std::path::Path;
use std::time::Instant;

const MOST: u64 = 300_000_000;

fn gather(folder: &Path, files: &mut Vec<(LayerPath, Vec<u8>)>, total: &mut u64) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<_> = entries.flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        let Ok(meta) = path.symlink_metadata() else {
            continue;
        };
        if meta.is_dir() {
            gather(&path, files, total);
        } else if meta.is_file()
            && *total < MOST
            && let Ok(bytes) = std::fs::read(&path)
        {
            *total += bytes.len() as u64;
            files.push((LayerPath::new(path.as_os_str().as_encoded_bytes()), bytes));
        }
    }
}

fn main() {
    let tree = std::env::var("CAREEN_BENCH_TREE").unwrap_or_else(|_| "/usr/share".into());
    let mut files = Vec::new();
    let mut total = 0;
    gather(Path::new(&tree), &mut files, &mut total);
    let mut analyzer = SecretAnalyzer::new(Patterns::builtin(), false);
    let rounds = if cfg!(debug_assertions) { 1 } else { 3 };
    let mut best = f64::MAX;
    let mut facts = Facts::default();
    for _ in 0..rounds {
        facts = Facts::default();
        let start = Instant::now();
        for (number, (path, bytes)) in files.iter().enumerate() {
            let entry = Entry::file(path.clone(), bytes.len() as u64);
            if analyzer.begin(number as u32, &entry) == careen::layer::Interest::Skip {
                continue;
            }
            for chunk in bytes.chunks(64 * 1024) {
                analyzer.chunk(chunk);
            }
            analyzer.end(&mut facts);
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    let likely = facts.secrets.iter().filter(|s| s.confidence >= Confidence::Likely).count();
    println!(
        "{tree}: {} files, {:.0} MB, {:.0} MB/s, {} matches, {likely} of them likely or better",
        files.len(),
        total as f64 / 1e6,
        total as f64 / 1e6 / best,
        facts.secrets.len(),
    );
    if std::env::var_os("CAREEN_BENCH_LIST").is_some() {
        for s in &facts.secrets {
            println!(
                "{:?} {} {}:{:?} {}",
                s.confidence, s.pattern, files[s.entry as usize].0, s.line, s.masked
            );
        }
    }
}
