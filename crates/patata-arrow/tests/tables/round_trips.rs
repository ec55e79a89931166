//! Columns of every type go through a fetch as they came.

use std::sync::Arc;

use arrow_array::builder::{
    FixedSizeListBuilder, Int32Builder, Int64Builder, ListViewBuilder, MapBuilder, StringBuilder,
};
use arrow_array::types::{Int8Type, Int16Type, Int32Type, Int64Type, UInt16Type};
use arrow_array::{
    Array, ArrayRef, BinaryViewArray, BooleanArray, Date32Array, Date64Array, Decimal128Array,
    Decimal256Array, DictionaryArray, DurationMicrosecondArray, FixedSizeBinaryArray, Float32Array,
    Int64Array, IntervalMonthDayNanoArray, LargeBinaryArray, LargeListArray, LargeStringArray, ListArray,
    NullArray, RecordBatch, RunArray, StringArray, StringViewArray, StructArray, Time32SecondArray,
    Time64NanosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
    UInt64Array, UnionArray,
};
use arrow_buffer::{IntervalMonthDayNano, ScalarBuffer, i256};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, Field, UnionFields};
use patata::Client;
use patata_arrow::{BodyAs, Columns, Earlier, Output, Plan, Requests, Results, fetch};
use patata_testserver::Server;

use crate::{client, input, table};

const LONG: &str = "a text that is too long for a view to hold it by itself";

fn structure(members: Vec<(&str, ArrayRef)>) -> ArrayRef {
    let fields: Vec<_> =
        members.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let columns = members.into_iter().map(|(_, array)| array).collect();
    Arc::new(StructArray::new(fields.into(), columns, Some(vec![true, true, false, true, true].into())))
}

fn map() -> ArrayRef {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for row in 0..5_i64 {
        for entry in 0..row {
            builder.keys().append_value(format!("key {entry}"));
            builder.values().append_option((entry != 1).then_some(entry * row));
        }
        builder.append(row != 3).unwrap();
    }
    Arc::new(builder.finish())
}

fn fixed_list() -> ArrayRef {
    let mut builder = FixedSizeListBuilder::new(Int32Builder::new(), 2);
    for row in 0..5 {
        builder.values().append_value(row);
        builder.values().append_null();
        builder.append(row != 4);
    }
    Arc::new(builder.finish())
}

fn list_view() -> ArrayRef {
    let mut builder = ListViewBuilder::new(StringBuilder::new());
    for row in 0..5 {
        for item in 0..row {
            builder.values().append_value(format!("{LONG} {item}"));
        }
        builder.append(row != 2);
    }
    Arc::new(builder.finish())
}

fn union() -> ArrayRef {
    let fields = [(0, Field::new("n", DataType::Int64, true)), (3, Field::new("t", DataType::Utf8, true))];
    let fields: UnionFields = fields.into_iter().map(|(id, field)| (id, Arc::new(field))).collect();
    let kinds = ScalarBuffer::from(vec![0_i8, 3, 3, 0, 3]);
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, None, None, Some(5)]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec![None, Some("b"), None, Some("d"), Some("e")]));
    Arc::new(UnionArray::try_new(fields, kinds, None, vec![numbers, texts]).unwrap())
}

/// Five values of each type, with nulls where it has any.
fn columns() -> Vec<ArrayRef> {
    let texts = [Some("a"), None, Some(""), Some(LONG), Some("é")];
    let numbers = [Some(1), None, Some(-3), Some(0), Some(7)];
    let lists = || numbers.map(|number| number.map(|number| vec![Some(number), None]));
    let decimals = Decimal128Array::from_iter(numbers.map(|number| number.map(i128::from)));
    let large = Decimal256Array::from_iter(numbers.map(|number| number.map(i256::from)));
    let intervals = numbers.map(|number| number.map(|days| IntervalMonthDayNano::new(1, days, 5)));
    let bytes = [Some(&b"\xff\0"[..]), None, Some(b"ab"), Some(b"cd"), Some(b"ef")];
    let fixed = FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes.into_iter(), 2).unwrap();
    let wide = || numbers.map(|number| number.map(i64::from));
    let dictionary = || Arc::new(DictionaryArray::<Int32Type>::from_iter(texts)) as ArrayRef;
    vec![
        Arc::new(StringArray::from_iter(texts)),
        Arc::new(LargeStringArray::from_iter(texts)),
        Arc::new(StringViewArray::from_iter(texts)),
        Arc::new(DictionaryArray::<Int8Type>::from_iter(texts)),
        Arc::new(DictionaryArray::<UInt16Type>::from_iter(texts)),
        dictionary(),
        Arc::new(RunArray::<Int32Type>::from_iter(texts)),
        Arc::new(LargeBinaryArray::from_iter(bytes)),
        Arc::new(BinaryViewArray::from_iter(bytes)),
        Arc::new(fixed),
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true), None])),
        Arc::new(NullArray::new(5)),
        Arc::new(UInt64Array::from(vec![u64::MAX; 5])),
        Arc::new(Float32Array::from(vec![Some(1.5), None, Some(f32::NAN), Some(f32::INFINITY), Some(-0.0)])),
        Arc::new(decimals.with_precision_and_scale(38, 2).unwrap()),
        Arc::new(large.with_precision_and_scale(76, 40).unwrap()),
        Arc::new(Date32Array::from_iter(numbers)),
        Arc::new(Date64Array::from_iter(wide())),
        Arc::new(Time32SecondArray::from(vec![Some(1), None, Some(3), Some(4), Some(5)])),
        Arc::new(Time64NanosecondArray::from(vec![Some(1), None, Some(3), Some(4), Some(5)])),
        Arc::new(DurationMicrosecondArray::from_iter(wide())),
        Arc::new(IntervalMonthDayNanoArray::from_iter(intervals)),
        Arc::new(TimestampSecondArray::from_iter(wide())),
        Arc::new(TimestampMillisecondArray::from_iter(wide()).with_timezone("Europe/Madrid")),
        Arc::new(TimestampNanosecondArray::from_iter(wide()).with_timezone("+05:30")),
        Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists())),
        Arc::new(LargeListArray::from_iter_primitive::<Int32Type, _, _>(lists())),
        fixed_list(),
        list_view(),
        map(),
        union(),
        structure(vec![
            ("inner", structure(vec![("text", dictionary()), ("map", map())])),
            (
                "list",
                Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(vec![
                    Some(vec![Some(1)]),
                    None,
                    Some(vec![]),
                    Some(vec![None]),
                    Some(vec![Some(2), Some(3)]),
                ])),
            ),
        ]),
    ]
}

fn shown(array: &ArrayRef) -> Vec<String> {
    let options = FormatOptions::default().with_null("null").with_types_info(true);
    let formatter = ArrayFormatter::try_new(array, &options).unwrap();
    (0..array.len()).map(|row| formatter.value(row).to_string()).collect()
}

/// What a column is after a fetch of these batches, in the order of the input.
fn fetched(client: &Client, batches: &[RecordBatch], url: &str) -> Vec<String> {
    let batches = batches.iter().cloned().map(Ok).collect();
    let output = Output::new().body(BodyAs::None).batch_rows(4);
    let columns = Columns::new().url(url).without("json").unwrap();
    let mut rows = Vec::new();
    for batch in fetch(client, input(batches), &columns, &output).unwrap() {
        let batch = batch.unwrap();
        let numbers = batch["n"].as_any().downcast_ref::<Int64Array>().unwrap().clone();
        rows.extend(numbers.values().iter().copied().zip(shown(&batch["column"])));
    }
    rows.sort_by_key(|(number, _)| *number);
    rows.into_iter().map(|(_, value)| value).collect()
}

#[test]
fn columns_of_every_type_come_back_as_they_went_in() {
    let server = Server::start().unwrap();
    let url = format!("{}/?n={{n}}", server.url());
    let any_order = Client::builder().num_workers(2).concurrency(20).build().unwrap();
    for column in columns() {
        let data_type = column.data_type().clone();
        let batch = |begin: i64, column: ArrayRef| {
            let end = begin + i64::try_from(column.len()).unwrap();
            table(vec![("n", Arc::new(Int64Array::from_iter_values(begin..end))), ("column", column)])
        };
        let whole = batch(0, column.clone());
        let parts =
            [batch(0, column.slice(0, 2)), batch(2, column.slice(2, 0)), batch(2, column.slice(2, 3))];
        let twice = [whole.clone(), batch(5, column.clone())];
        let expected = shown(&column);
        for client in [&client(), &any_order] {
            assert_eq!(fetched(client, std::slice::from_ref(&whole), &url), expected, "{data_type}");
            assert_eq!(fetched(client, &parts, &url), expected, "{data_type}");
            assert_eq!(fetched(client, &twice, &url), [&expected[..], &expected].concat(), "{data_type}");
            for row in 0..5 {
                let one = [batch(0, column.slice(row, 1))];
                assert_eq!(fetched(client, &one, &url), expected[row..=row], "{data_type}");
            }
            assert!(fetched(client, &[whole.slice(0, 0)], &url).is_empty(), "{data_type}");
        }
    }
}

#[test]
fn runs_of_16_bits_come_back_from_however_many_rows() {
    const ROWS: usize = 40_000;
    let runs = |range: std::ops::Range<usize>| {
        let values: Vec<_> = range.map(|row| if row % 3 == 0 { "a" } else { "b" }).collect();
        table(vec![("run", Arc::new(values.into_iter().collect::<RunArray<Int16Type>>()))])
    };
    let batches = vec![Ok(runs(0..ROWS / 2)), Ok(runs(ROWS / 2..ROWS))];
    let schema = runs(0..1).schema();
    let output = Output::new().body(BodyAs::None).batch_rows(1_000_000).plan(&schema).unwrap();
    let plan = Plan::new(&Columns::new().url("http://h/"), &schema).unwrap();
    let mut results = Results::new(output.clone()).unwrap();
    let rows: Vec<_> = Requests::new(batches.into_iter(), plan, &output).map(|request| request.tag).collect();
    rows.into_iter().rev().for_each(|row| results.push_earlier(row, Earlier::default()));
    results.finish().unwrap();
    let mut values = Vec::new();
    while let Some(batch) = results.take().unwrap() {
        values.extend(shown(&batch["run"]));
    }
    let expected = (0..ROWS).rev().map(|row| if row % 3 == 0 { "a" } else { "b" });
    assert!(values.iter().map(String::as_str).eq(expected));
}
