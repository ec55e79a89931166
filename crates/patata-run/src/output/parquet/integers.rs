//! Which ids of a part are numbers: its column has texts, by which they are not told apart. It stands in the file's footer,
//! where nobody minds it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parquet::file::metadata::KeyValue;
use roaring::RoaringBitmap;

const KEY: &str = "patata:integers";

/// The places of rows whose ids are numbers.
#[derive(Debug, Default)]
pub(super) struct Integers(RoaringBitmap);

impl Integers {
    pub(super) fn insert(&mut self, row: usize) {
        self.0.extend(u32::try_from(row));
    }

    pub(super) fn contains(&self, row: usize) -> bool {
        u32::try_from(row).is_ok_and(|row| self.0.contains(row))
    }

    /// As a file's footer has it.
    pub(super) fn written(mut self) -> KeyValue {
        self.0.optimize();
        let mut bytes = Vec::new();
        // It cannot fail: a buffer takes whatever is written.
        let _ = self.0.serialize_into(&mut bytes);
        KeyValue::new(KEY.to_owned(), STANDARD.encode(bytes))
    }

    /// Those of a footer. Where that does not say, all ids are texts.
    pub(super) fn read(footer: Option<&Vec<KeyValue>>) -> Self {
        let written = footer.into_iter().flatten().find(|entry| entry.key == KEY);
        let bytes = written.and_then(|entry| STANDARD.decode(entry.value.as_ref()?).ok());
        let read = bytes.and_then(|bytes| RoaringBitmap::deserialize_from(&*bytes).ok());
        Self(read.unwrap_or_default())
    }
}
