//! What the hand-over to and from Python costs: `cargo bench -p patata-python --features benching`.

#![allow(missing_docs, reason = "criterion's macros make functions without")]
#![allow(clippy::unwrap_used, reason = "a benchmark of a failure is none")]

use _patata::benching::{convert, response_class};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

const ITEMS: u64 = 10_000;

/// From what users give to what the engine takes.
fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("requests");
    group.throughput(Throughput::Elements(ITEMS));
    Python::attach(|py| {
        let urls = (0..ITEMS).map(|id| (id, format!("http://host.example/path/{id}")));
        let items = PyList::new(py, urls).unwrap();
        group.bench_function("tuples", |bencher| bencher.iter(|| convert(&items).unwrap()));
    });
}

/// From the bytes of a body to what users read.
fn data(criterion: &mut Criterion) {
    let record = r#"{"id": 12345, "name": "potato", "price": 1.25, "tags": ["a", "b"], "is_fresh": true}"#;
    let bodies = [
        ("26 bytes", r#"{"message":"Hello world!"}"#.to_owned()),
        ("1,000 records", format!("[{}]", vec![record; 1_000].join(","))),
        ("a text of 1 MB", format!("{{\"text\": \"{}\"}}", "x".repeat(1 << 20))),
    ];
    let mut group = criterion.benchmark_group("data");
    for (name, body) in bodies {
        group.throughput(Throughput::Bytes(body.len() as u64));
        Python::attach(|py| {
            let body = PyBytes::new(py, body.as_bytes());
            let fresh = || {
                let state = (py.None(), 200, py.None(), &body, py.None(), py.None(), (1, 0));
                response_class(py).call_method1("_restore", state).unwrap()
            };
            group.bench_function(name, |bencher| {
                bencher.iter_batched(
                    fresh,
                    |response| response.getattr("data").unwrap(),
                    BatchSize::SmallInput,
                );
            });
        });
    }
}

fn conversion(criterion: &mut Criterion) {
    Python::initialize();
    requests(criterion);
    data(criterion);
}

criterion_group!(stages, conversion);
criterion_main!(stages);
