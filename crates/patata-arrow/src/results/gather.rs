//! The kept columns of rows, in the order in which their outcomes came.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use arrow_schema::ArrowError;
use arrow_select::interleave::interleave;

use crate::rows::{Piece, Row};

/// The kept columns of these rows. Nothing is copied where they stood behind one another in the input.
///
/// # Errors
/// Where a column's values are too large for its layout.
pub(crate) fn gather(rows: &[Row]) -> Result<Vec<ArrayRef>, ArrowError> {
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    let is_next =
        |pair: &[Row]| Arc::ptr_eq(&pair[0].piece, &pair[1].piece) && pair[0].index + 1 == pair[1].index;
    if rows.windows(2).all(is_next) {
        return Ok(first
            .piece
            .columns
            .iter()
            .map(|column| column.slice(first.place(), rows.len()))
            .collect());
    }
    let mut places: HashMap<*const Piece, usize> = HashMap::new();
    let mut pieces: Vec<&Piece> = Vec::new();
    let mut indices = Vec::with_capacity(rows.len());
    for row in rows {
        let place = *places.entry(Arc::as_ptr(&row.piece)).or_insert_with(|| {
            pieces.push(&row.piece);
            pieces.len() - 1
        });
        indices.push((place, row.place()));
    }
    let column = |column: usize| {
        let values: Vec<&dyn Array> = pieces.iter().map(|piece| piece.columns[column].as_ref()).collect();
        interleave(&values, &indices)
    };
    (0..first.piece.columns.len()).map(column).collect()
}
