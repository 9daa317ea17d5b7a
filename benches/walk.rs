//! The tar walk alone: many small files, and a few large ones.

use careen::layer::walk::{WalkLimits, walk};
use careen::layer::{Entry, Interest, Visitor};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn tar_of(files: usize, size: usize) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let content = vec![b'x'; size];
    for n in 0..files {
        let mut header = tar::Header::new_gnu();
        header.set_size(size as u64);
        header.set_mode(0o644);
        let name = format!("usr/lib/package-{}/file-{n}", n % 100);
        tar.append_data(&mut header, name, &content[..]).unwrap();
    }
    tar.into_inner().unwrap()
}

#[derive(Default)]
struct Count(u64);

impl Visitor for Count {
    fn begin(&mut self, _: &Entry) -> Interest {
        Interest::All
    }
    fn chunk(&mut self, bytes: &[u8]) {
        self.0 += bytes.len() as u64;
    }
    fn end(&mut self) {}
}

fn walks(c: &mut Criterion) {
    let mut group = c.benchmark_group("walk");
    for (name, files, size) in [("small", 20_000, 300), ("large", 8, 2 << 20)] {
        let tar = tar_of(files, size);
        group.throughput(Throughput::Bytes(tar.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), &tar, |b, tar| {
            b.iter(|| {
                let mut count = Count::default();
                walk(&mut &tar[..], &WalkLimits::default(), &mut count).unwrap();
                count.0
            });
        });
    }
    group.finish();
}

criterion_group!(benches, walks);
criterion_main!(benches);
