//! Files of Parquet: their rows are lines of JSON, and known again by what is in them.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Int64Array, ListArray, RecordBatch, StringArray, StructArray};
use patata_arrow::files::FileWriter;

use super::super::{
    FieldPath, Input, InputError, InputFormat, InputOptions, Source, Template, TemplateParts, verify,
};

fn write(path: &Path, rows: std::ops::Range<i64>) {
    let texts = |text: fn(i64) -> Option<String>| -> ArrayRef {
        Arc::new(rows.clone().map(text).collect::<StringArray>())
    };
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.clone()));
    let user =
        StructArray::try_from(vec![("id", ids.clone()), ("name", texts(|row| Some(format!("n {row}"))))])
            .unwrap();
    let tags = ListArray::from_iter_primitive::<arrow_array::types::Int64Type, _, _>(
        rows.clone().map(|row| Some(vec![Some(row)])),
    );
    let content: ArrayRef = Arc::new(rows.clone().map(|_| Some(b"\xff\x00")).collect::<BinaryArray>());
    let batch = RecordBatch::try_from_iter([
        ("id", ids),
        ("user", Arc::new(user) as ArrayRef),
        ("tags", Arc::new(tags)),
        ("text", texts(|row| (row % 2 == 0).then(|| row.to_string()))),
        ("content", content),
    ]);
    let batch = batch.unwrap();
    let mut writer = FileWriter::create(path, batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
}

fn open(paths: &[&Path], required: &[&str], format: Option<InputFormat>) -> Result<Input, InputError> {
    let required = required.iter().map(|name| FieldPath::new(*name)).collect();
    let options = InputOptions { required, format, ..InputOptions::default() };
    let mut input = Input::open(paths.iter().map(Source::new).collect(), options)?;
    input.prepare().map(|()| input)
}

#[test]
fn columns_and_what_is_within_them_are_fields() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, 0..3000);
    let parts =
        TemplateParts { url: Some("http://h/{user.id}/{user.name}?t={tags.0}".into()), ..Default::default() };
    let template = Template::new(&parts).unwrap();
    let required: Vec<_> = template.fields().map(FieldPath::name).collect();
    let mut input = open(&[&path, &path], &required, None).unwrap();
    for place in 0..6000 {
        let row = input.next_row().unwrap().unwrap();
        let id = place % 3000;
        assert_eq!((row.index(), row.line()), (place, id + 1));
        assert_eq!(template.id(row), i64::try_from(id).unwrap().into());
        let request = format!("{:?}", template.request(row, ()));
        assert!(request.contains(&format!("\"http://h/{id}/n%20{id}?t={id}\"")), "{request}");
        assert!(template.plan(row).is_ok());
    }
    assert!(input.next_row().unwrap().is_none());
}

#[test]
fn a_field_that_no_column_has_is_told_beforehand() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, 0..3);
    for (field, part) in [
        ("usr", "has no column \"usr\", only \"id\", \"user.id\", \"user.name\", \"user\", \"tags\""),
        ("user.nam", "did you mean {user.name}?"),
        ("id.x", "has no column \"id.x\""),
    ] {
        let error = open(&[&path], &[field], None).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert!(open(&[&path], &["index", "tags.7", "user", "user.id"], None).is_ok());
    // What a row does not have is told with its place.
    let parts = TemplateParts { url: Some("http://h/{text}".into()), ..Default::default() };
    let template = Template::new(&parts).unwrap();
    let mut input = open(&[&path], &["text"], None).unwrap();
    input.skip_row().unwrap();
    let error = template.plan(input.next_row().unwrap().unwrap()).unwrap_err();
    assert!(error.contains("a.parquet:2: ") && error.contains("text"), "{error}");
}

#[test]
fn what_is_no_parquet_and_what_is_one_unawares_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write(&path("a.parquet"), 0..3);
    std::fs::write(path("b.parquet"), "id\n1\n").unwrap();
    let whole = std::fs::read(path("a.parquet")).unwrap();
    std::fs::write(path("c.parquet"), &whole[..whole.len() - 9]).unwrap();
    std::fs::write(path("d.csv"), &whole).unwrap();
    std::fs::write(path("e"), &whole).unwrap();
    let error = |name: &str, format| open(&[&path(name)], &[], format).unwrap_err().to_string();
    assert!(error("b.parquet", None).contains("b.parquet: is to be read as parquet, and is none"));
    assert!(error("c.parquet", None).contains("c.parquet: it is no whole file of Parquet"));
    assert!(error("d.csv", None).contains("d.csv: is a Parquet file, and is to be read as csv"));
    assert!(error("a.parquet", Some(InputFormat::Jsonl)).contains("is to be read as jsonl"));
    assert_eq!(open(&[&path("e")], &[], None).unwrap().format(), Some(InputFormat::Parquet));
    assert!(open(&[&path("d.csv")], &[], Some(InputFormat::Parquet)).is_ok());
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_with_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    let (path, pipe) = (folder.path().join("a.parquet"), folder.path().join("pipe"));
    write(&path, 0..3);
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        // Nobody reads all of it.
        move || std::fs::write(pipe, std::fs::read(path).unwrap()).is_err()
    });
    let error = open(&[&pipe], &[], None).unwrap_err().to_string();
    assert!(error.contains("cannot be piped; name the file instead"), "{error}");
    writer.join().unwrap();
}

#[test]
fn rows_that_are_added_leave_those_before_them_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, 0..40_000);
    let sources = [Source::new(&path)];
    let mut input = Input::open(sources.to_vec(), InputOptions::default()).unwrap();
    while input.skip_row().unwrap() {}
    let earlier = input.take_blocks();
    assert!(earlier.len() > 3, "{} blocks", earlier.len());
    write(&path, 0..50_000);
    assert!(verify(&sources, &earlier).unwrap());
    let options = InputOptions { earlier: earlier.clone(), ..InputOptions::default() };
    let mut input = Input::open(sources.to_vec(), options).unwrap();
    let mut rows = 0;
    while input.skip_row().unwrap() {
        rows += 1;
    }
    assert_eq!(rows, 50_000);
    write(&path, 1..40_001);
    let changed = verify(&sources, &earlier).unwrap_err();
    assert!(matches!(changed, InputError::Changed { row: 0, .. }), "{changed}");
}

#[test]
fn a_table_without_rows_is_an_input_without_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, 0..0);
    assert!(open(&[&path], &["id"], None).unwrap().next_row().unwrap().is_none());
}
