//! Files of numbers.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use crate::shape::{MOST_ELEMENTS, Shape};
use crate::tensor::Tensor;

/// Reads a file of numbers; `tensor` names one of a .safetensors file, which has to be named if there are several.
pub(super) fn load(path: &Path, tensor: Option<&str>) -> Result<Tensor, String> {
    let name = path.display();
    match (path.extension().and_then(|extension| extension.to_str()), tensor) {
        (Some("csv"), None) => load_csv(path),
        (Some("csv"), Some(_)) => Err(format!("`{name}` is a .csv file, whose one tensor has no name")),
        (Some("safetensors"), _) => load_safetensors(path, tensor),
        _ => Err(format!("`{name}` is neither a .csv nor a .safetensors file")),
    }
}

fn load_safetensors(path: &Path, tensor: Option<&str>) -> Result<Tensor, String> {
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|error| format!("`{name}` cannot be read: {error}"))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| format!("`{name}` is no safetensors file: {error}"))?;
    let mut names = file.names();
    names.sort_unstable();
    let wanted = match (tensor, names.as_slice()) {
        (Some(tensor), _) => tensor,
        (None, [only]) => *only,
        (None, _) => return Err(format!("`{name}` holds {}: name one of them", names.join(", "))),
    };
    let view = file.tensor(wanted).map_err(|_| format!("`{name}` holds {}, no `{wanted}`", names.join(", ")))?;
    let data = view.data();
    let values: Vec<f64> = match view.dtype() {
        Dtype::F64 => numbers(data, f64::from_le_bytes),
        Dtype::F32 => numbers(data, |bytes| f64::from(f32::from_le_bytes(bytes))),
        Dtype::I64 => numbers(data, |bytes| i64::from_le_bytes(bytes) as f64),
        Dtype::I32 => numbers(data, |bytes| f64::from(i32::from_le_bytes(bytes))),
        Dtype::U8 | Dtype::BOOL => data.iter().map(|&byte| f64::from(byte)).collect(),
        other => return Err(format!("`{wanted}` of `{name}` is {other:?}: F32, F64, I32, I64, U8 or BOOL are read")),
    };
    if values.len() > MOST_ELEMENTS {
        return Err(format!("`{wanted}` of `{name}` holds more than 2^26 numbers"));
    }
    if let Some(place) = values.iter().position(|value| !value.is_finite()) {
        return Err(format!(
            "`{wanted}` of `{name}`: finite numbers were expected, number {place} is {}",
            values[place]
        ));
    }
    Ok(Tensor::new(Shape(view.shape().to_vec()), values))
}

fn numbers<const N: usize>(data: &[u8], read: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    data.as_chunks::<N>().0.iter().map(|&bytes| read(bytes)).collect()
}

/// Reads a CSV file as a matrix (a vector where it has one column); the first line may be a header.
///
/// The error says which line and column is wrong, and what was found there.
fn load_csv(path: &Path) -> Result<Tensor, String> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::TensorView;

    #[test]
    fn tensors_are_loaded_by_their_name() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("truth.safetensors");
        let values: Vec<u8> = [1.5f32, -2.0, 0.25, 4.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let counts: Vec<u8> = [7i64, -3].iter().flat_map(|x| x.to_le_bytes()).collect();
        let view = |dtype, shape: &[usize], data| TensorView::new(dtype, shape.to_vec(), data).expect("a right view");
        let tensors =
            [("w", view(Dtype::F32, &[2, 2], values.as_slice())), ("n", view(Dtype::I64, &[2], counts.as_slice()))];
        std::fs::write(&path, safetensors::serialize(tensors, None).expect("serializable")).expect("writable");
        assert_eq!(load(&path, Some("w")).unwrap(), Tensor::new([2, 2], vec![1.5, -2.0, 0.25, 4.0]));
        assert_eq!(load(&path, Some("n")).unwrap(), Tensor::new([2], vec![7.0, -3.0]));
        assert!(load(&path, None).unwrap_err().contains("holds n, w: name one of them"));
        assert!(load(&path, Some("u")).unwrap_err().contains("no `u`"));
        std::fs::write(&path, [1, 2, 3]).expect("writable");
        assert!(load(&path, Some("w")).unwrap_err().contains("no safetensors file"));
        assert!(load(Path::new("a.txt"), None).unwrap_err().contains("neither"));
    }
}
