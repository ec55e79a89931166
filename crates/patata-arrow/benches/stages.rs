//! What a table costs over the engine: its rows as requests, and their outcomes as batches. Beside each what a caller does
//! without a table: requests of strings, and bodies that are read. `cargo bench -p patata-arrow`.

#![allow(missing_docs, reason = "criterion's macros make functions without")]
#![allow(clippy::expect_used, reason = "a benchmark of a failure is none")]

use std::hint::black_box;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::ArrowError;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use patata::{Client, Method, Outcome, Request};
use patata_arrow::{BodyAs, Columns, Output, OutputPlan, Plan, Requests, Results, Row, struct_type};
use patata_testserver::Server;

const ROWS: usize = 8192;

/// What is sent, and sent back.
fn sent(row: usize) -> String {
    format!(
        r#"{{"id": {row}, "name": "user number {row}", "score": {row}.25, "active": true, "tags": ["a", "b"], "address": {{"city": "Toledo", "zip": "45{row:03}"}}}}"#
    )
}

/// Users in a table: some columns that are kept, and what is sent.
fn users(url: &str) -> RecordBatch {
    let column = |array: ArrayRef| array;
    let ids = Int64Array::from_iter_values(0..8192);
    let scores = Float64Array::from_iter_values((0..8192_u32).map(f64::from));
    let urls = StringArray::from_iter_values((0..ROWS).map(|row| format!("{url}/echo-body?user={row}")));
    let contents = StringArray::from_iter_values((0..ROWS).map(sent));
    RecordBatch::try_from_iter([
        ("user", column(Arc::new(ids))),
        ("score", column(Arc::new(scores))),
        ("url", column(Arc::new(urls))),
        ("content", column(Arc::new(contents))),
    ])
    .expect("columns of one length")
}

/// A table, and what is done with it.
struct Table {
    batch: RecordBatch,
    plan: Plan,
    output: OutputPlan,
}

impl Table {
    fn new(batch: RecordBatch, columns: &Columns, output: &Output) -> Self {
        let plan = Plan::new(columns, &batch.schema()).expect("columns that are there");
        let output = output.plan(&batch.schema()).expect("columns that are there");
        Self { batch, plan, output }
    }

    fn requests(&self) -> Requests<std::array::IntoIter<Result<RecordBatch, ArrowError>, 1>> {
        Requests::new([Ok(self.batch.clone())].into_iter(), self.plan.clone(), &self.output)
    }

    fn outcomes(&self, client: &Client) -> Vec<Outcome<Row>> {
        client.run(self.requests()).collect()
    }

    fn results(&self, outcomes: Vec<Outcome<Row>>) -> Vec<RecordBatch> {
        let mut results = Results::new(self.output.clone()).expect("a type that JSON has");
        let mut batches = Vec::new();
        for outcome in outcomes {
            results.push(outcome);
            batches.extend(results.take().expect("a batch"));
        }
        results.finish().expect("an end");
        batches.extend(results.take().expect("a batch"));
        batches
    }
}

fn requests(criterion: &mut Criterion) {
    let batch = users("http://localhost:8080");
    let post = || Columns::new().method(Method::POST);
    let without = |part: &str| Columns::new().without(part).expect("a part");
    let tables = [
        ("url", Table::new(batch.clone(), &without("content"), &Output::new().keep(["user"]))),
        ("url and content", Table::new(batch.clone(), &post(), &Output::new().keep(["user"]))),
        (
            "template",
            Table::new(
                batch,
                &without("content").url("http://localhost:8080/users/{user}"),
                &Output::new().keep(["user"]),
            ),
        ),
    ];
    let mut group = criterion.benchmark_group("requests");
    group.throughput(Throughput::Elements(ROWS as u64));
    for (name, table) in tables {
        group.bench_function(name, |bencher| {
            bencher.iter(|| table.requests().for_each(|request| drop(black_box(request))))
        });
    }
    let urls: Vec<_> = (0..ROWS).map(|row| format!("http://localhost:8080/echo-body?user={row}")).collect();
    group.bench_function("of strings", |bencher| {
        bencher.iter(|| {
            for (row, url) in urls.iter().enumerate() {
                black_box(Request::get(row, url.as_str()));
            }
        });
    });
    group.finish();
}

fn results(criterion: &mut Criterion) {
    let server = Server::start().expect("a server");
    let client = Client::builder().ordered(true).num_workers(1).build().expect("a client");
    let schema = struct_type([
        ("id", "int64"),
        ("name", "string"),
        ("score", "double"),
        ("active", "bool"),
        ("tags", "list<string>"),
        ("address", "struct<city: string, zip: string>"),
    ]);
    let schema = BodyAs::Json(schema.expect("a type"));
    let message = BodyAs::Json(struct_type([("message", "string")]).expect("a type"));
    let kept = |body: BodyAs| Output::new().keep(["user", "score"]).body(body);
    let post = Columns::new().method(Method::POST);
    let table = |body: BodyAs| Table::new(users(server.url()), &post, &kept(body));
    let get = Columns::new().without("content").expect("a part");
    let get = get.url(format!("{}/?user={{user}}", server.url()));
    let mut group = criterion.benchmark_group("results");
    group.throughput(Throughput::Elements(ROWS as u64)).sample_size(20);
    for (name, table) in [
        ("json of one value", Table::new(users(server.url()), &get, &kept(message))),
        ("json of nine values", table(schema)),
        ("text", table(BodyAs::Text)),
        ("no body", table(BodyAs::None)),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || table.outcomes(&client),
                |outcomes| table.results(outcomes),
                BatchSize::PerIteration,
            );
        });
    }
    let table = table(BodyAs::None);
    group.bench_function("read and dropped", |bencher| {
        bencher.iter_batched(
            || table.outcomes(&client),
            |outcomes| {
                let read = |outcome: Outcome<Row>| {
                    outcome
                        .result
                        .ok()
                        .map_or(0, |response| response.body.iter().map(|byte| u64::from(*byte)).sum::<u64>())
                };
                outcomes.into_iter().map(read).sum::<u64>()
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(stages, requests, results);
criterion_main!(stages);
