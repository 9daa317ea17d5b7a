//! One whole pass over a gzip layer without analyzers, and an index out of the cache.

use careen::index::build::{BuildSettings, Expected, build};
use careen::index::key::IndexKey;
use careen::index::store::Store;
use careen::oci::Digest;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::io::Write;

fn layer() -> (Vec<u8>, usize) {
    let mut tar = tar::Builder::new(Vec::new());
    let mut state = 1u32;
    for n in 0..2000 {
        let mut content = Vec::new();
        while content.len() < 8000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            content.extend_from_slice(format!("{:x} word ", state >> 12).as_bytes());
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("usr/share/f{n}"), &content[..]).unwrap();
    }
    let tar = tar.into_inner().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&tar).unwrap();
    (gzip.finish().unwrap(), tar.len())
}

fn index(c: &mut Criterion) {
    let (stored, tar_bytes) = layer();
    let expected =
        Expected { digest: Some(Digest::sha256(&stored)), size: Some(stored.len() as u64) };
    let pass = || {
        let settings = BuildSettings::default();
        build("bench", &mut &stored[..], &expected, Vec::new(), &settings, &|_| {}).unwrap()
    };
    let mut group = c.benchmark_group("index");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(tar_bytes as u64));
    group.bench_function("build", |b| b.iter(pass));

    let built = pass();
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let key = IndexKey::new(&[], [0; 32]);
    store.put(&built.digest, &built.index, &key).unwrap();
    group.bench_function("cached", |b| {
        b.iter(|| store.get_by_digest(&built.digest, &key).unwrap());
    });
    group.finish();
}

criterion_group!(benches, index);
criterion_main!(benches);
