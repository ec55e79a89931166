//! A column by its name, or a member of a struct column by the names on the way to it.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::{ArrowError, DataType, Fields, Schema};
use arrow_select::nullif::nullif;

/// Where a value is: a column, and a member of each struct on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path(Vec<usize>);

impl Path {
    /// The column of this name; or else, where the name has dots, the member of a struct.
    pub(crate) fn find<'s>(schema: &'s Schema, name: &str) -> Option<(Self, &'s DataType)> {
        let mut steps = Vec::new();
        let data_type = find(schema.fields(), name, &mut steps)?;
        Some((Self(steps), data_type))
    }

    /// The values, which are null where a struct on the way is.
    pub(crate) fn column(&self, batch: &RecordBatch) -> Result<ArrayRef, ArrowError> {
        let mut steps = self.0.iter();
        let first = steps.next().copied().unwrap_or_default();
        let mut array = batch.column(first).clone();
        for step in steps {
            let parent = array.as_struct();
            let member = parent.column(*step);
            array = match parent.nulls() {
                None => member.clone(),
                Some(nulls) => nullif(member, &BooleanArray::new(!nulls.inner(), None))?,
            };
        }
        Ok(array)
    }
}

fn find<'s>(fields: &'s Fields, name: &str, steps: &mut Vec<usize>) -> Option<&'s DataType> {
    if let Some((index, field)) = fields.find(name) {
        steps.push(index);
        return Some(field.data_type());
    }
    let (parent, member) = name.split_once('.')?;
    let (index, field) = fields.find(parent)?;
    let DataType::Struct(members) = field.data_type() else { return None };
    steps.push(index);
    find(members, member, steps)
}
