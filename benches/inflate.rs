//! Stored bytes to verified, inflated bytes, by compression. Throughput is of inflated bytes.

use careen::oci::Digest;
use careen::stream::{Decompress, LimitedReader, Limits, VerifyReader};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::io::{self, Write};

/// Text-like bytes that compress about three times, the same in every run.
fn content(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut out = Vec::with_capacity(len + 16);
    while out.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        out.extend_from_slice(format!("{:x} word ", state >> 12).as_bytes());
    }
    out.truncate(len);
    out
}

fn inflate(c: &mut Criterion) {
    let plain = content(16 << 20);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&plain).unwrap();
    let stored = [
        ("gzip", gzip.finish().unwrap()),
        ("zstd", zstd::encode_all(&plain[..], 3).unwrap()),
        ("plain", plain.clone()),
    ];
    let mut group = c.benchmark_group("inflate");
    group.throughput(Throughput::Bytes(plain.len() as u64));
    group.sample_size(10);
    for (name, stored) in &stored {
        let digest = Digest::sha256(stored);
        group.bench_with_input(BenchmarkId::from_parameter(name), stored, |b, stored| {
            b.iter(|| {
                let mut verify = VerifyReader::new(&stored[..], Some(digest), None);
                let counter = verify.counter();
                let inflated = Decompress::new(&mut verify).unwrap();
                let mut limited = LimitedReader::new(inflated, Limits::default(), counter);
                io::copy(&mut limited, &mut io::sink()).unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, inflate);
criterion_main!(benches);
