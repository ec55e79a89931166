//! What a row's request costs in a unit: a number, or what a field of the row says.

use crate::input::field::FieldPath;
use crate::input::row::Row;

use super::text::found;

/// A unit, and what says how much of it.
#[derive(Debug, Clone)]
pub(super) struct CostTemplate {
    unit: String,
    amount: Amount,
}

#[derive(Debug, Clone)]
enum Amount {
    Number(f64),
    Field(FieldPath),
}

impl CostTemplate {
    pub(super) fn new(unit: &str, amount: &str) -> Self {
        let name = amount.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(amount);
        let amount = match amount.parse() {
            Ok(number) => Amount::Number(number),
            Err(_) => Amount::Field(FieldPath::new(name)),
        };
        Self { unit: unit.to_owned(), amount }
    }

    pub(super) fn unit(&self) -> &str {
        &self.unit
    }

    /// The field that rows must have for it.
    pub(super) fn field(&self) -> Option<&FieldPath> {
        match &self.amount {
            Amount::Number(_) => None,
            Amount::Field(path) => Some(path),
        }
    }

    /// How much it is for a row.
    ///
    /// # Errors
    /// Names the field that is missing, or has no number.
    pub(super) fn render(&self, row: &Row) -> Result<f64, String> {
        let path = match &self.amount {
            Amount::Number(number) => return Ok(*number),
            Amount::Field(path) => path,
        };
        let text = found(row, path)?.text()?;
        let what = || {
            let unit = &self.unit;
            format!("the field {:?} is {text:?}, and what it costs in {unit} is a number", path.name())
        };
        text.trim().parse().map_err(|_| what())
    }
}
