//! What a request costs in the stages that do no I/O: `cargo bench -p patata --features benching`.

#![allow(missing_docs, reason = "criterion's macros make functions without")]
#![allow(clippy::unwrap_used, reason = "a benchmark of a failure is none")]

use std::io::Write;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use flate2::Compression;
use flate2::write::GzEncoder;
use patata::benching::{Jobs, decoded};

const JOBS: u64 = 10_000;
const BATCH: usize = 100;

fn schedule(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("schedule");
    group.throughput(Throughput::Elements(JOBS));
    for hosts in [1, 10, 2_000] {
        group.bench_function(format!("{hosts} hosts"), |bencher| {
            bencher.iter_batched(
                || Jobs::new(JOBS, hosts),
                |jobs| jobs.scheduled(BATCH),
                BatchSize::LargeInput,
            );
        });
    }
}

fn deliver(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("deliver");
    group.throughput(Throughput::Elements(JOBS));
    group.bench_function("batches of 100", |bencher| {
        bencher.iter_batched(|| Jobs::new(JOBS, 1), |jobs| jobs.delivered(BATCH), BatchSize::LargeInput);
    });
}

fn decode(criterion: &mut Criterion) {
    let text: Vec<u8> = (0..100_000).flat_map(|number: u32| number.to_string().into_bytes()).collect();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&text).unwrap();
    let gzip = bytes::Bytes::from(encoder.finish().unwrap());
    let zstd = bytes::Bytes::from(zstd::encode_all(&text[..], 3).unwrap());
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Bytes(text.len() as u64));
    for (coding, body) in [("gzip", gzip), ("zstd", zstd)] {
        group.bench_function(coding, |bencher| bencher.iter(|| decoded(coding, body.clone())));
    }
}

criterion_group!(stages, schedule, deliver, decode);
criterion_main!(stages);
