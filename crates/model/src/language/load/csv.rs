//! Numbers separated by commas.

use std::path::Path;

use crate::shape::MOST_ELEMENTS;
use crate::tensor::Tensor;

/// Reads a CSV file as a matrix (a vector where it has one column); the first line may be a header.
///
/// The error says which line and column is wrong, and what was found there.
pub(super) fn read(path: &Path) -> Result<Tensor, String> {
    let name = path.display();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_path(path)
        .map_err(|error| format!("`{name}` cannot be read: {error}"))?;
    let mut values = Vec::new();
    let mut columns = None;
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(|error| format!("`{name}` cannot be read: {error}"))?;
        let line = record.position().map_or(row as u64 + 1, csv::Position::line);
        let parsed: Vec<Option<f64>> = record.iter().map(|field| field.parse().ok()).collect();
        if row == 0 && parsed.iter().all(Option::is_none) {
            columns = Some(record.len());
            continue;
        }
        let expected = *columns.get_or_insert(record.len());
        if record.len() != expected {
            return Err(format!("`{name}`, line {line}: {expected} columns were expected, found {}", record.len()));
        }
        for (column, value) in parsed.into_iter().enumerate() {
            match value {
                Some(value) if value.is_finite() => values.push(value),
                _ => {
                    let found = &record[column];
                    return Err(format!(
                        "`{name}`, line {line}, column {}: a finite number was expected, found `{found}`",
                        column + 1
                    ));
                }
            }
        }
        if values.len() > MOST_ELEMENTS {
            return Err(format!("`{name}` holds more than 2^26 numbers"));
        }
    }
    let columns = columns.filter(|_| !values.is_empty()).ok_or_else(|| format!("`{name}` holds no numbers"))?;
    let rows = values.len() / columns;
    Ok(if columns == 1 { Tensor::new([rows], values) } else { Tensor::new([rows, columns], values) })
}
