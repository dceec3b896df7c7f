//! Tensors in files.
//!
//! A log can be the largest thing in memory, so that it is not turned into bytes as a whole: the file's head follows
//! from names and shapes, then each tensor is turned into bytes, written and forgotten. The bytes are those that
//! `safetensors::serialize` gives.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use gaugebias_dynamics::Series;
use gaugebias_dynamics::files::replace_file;
use gaugebias_model::spec::DataType;
use indexmap::IndexMap;
use safetensors::tensor::{Dtype, Metadata, SafeTensors, TensorInfo};

use crate::ReportError;

/// Numbers that are to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Numbers<'a> {
    Steps(&'a [u64]),
    Real(&'a [f64], DataType),
}

/// Numbers of which a part is in bytes at a time.
const PART: usize = 1 << 16;

impl Numbers<'_> {
    fn dtype(self) -> Dtype {
        match self {
            Self::Steps(_) => Dtype::I64,
            Self::Real(_, DataType::F32) => Dtype::F32,
            Self::Real(_, DataType::F64) => Dtype::F64,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Steps(steps) => 8 * steps.len(),
            Self::Real(values, DataType::F32) => 4 * values.len(),
            Self::Real(values, DataType::F64) => 8 * values.len(),
        }
    }

    fn write(self, out: &mut impl Write) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut put = |fill: &mut dyn FnMut(&mut Vec<u8>)| {
            bytes.clear();
            fill(&mut bytes);
            out.write_all(&bytes)
        };
        match self {
            Self::Steps(steps) => steps.chunks(PART).try_for_each(|part| {
                put(&mut |bytes| part.iter().for_each(|&x| bytes.extend((x as i64).to_le_bytes())))
            }),
            Self::Real(values, DataType::F32) => values.chunks(PART).try_for_each(|part| {
                put(&mut |bytes| part.iter().for_each(|&x| bytes.extend((x as f32).to_le_bytes())))
            }),
            Self::Real(values, DataType::F64) => values
                .chunks(PART)
                .try_for_each(|part| put(&mut |bytes| part.iter().for_each(|&x| bytes.extend(x.to_le_bytes())))),
        }
    }
}

/// A name, a shape, and the numbers.
pub(crate) type Named<'a> = (&'a str, &'a [usize], Numbers<'a>);

/// Writes tensors and metadata into a file, whole or not at all.
///
/// # Errors
/// [`ReportError::Write`].
pub(crate) fn write_file(
    folder: &Path,
    name: &str,
    mut tensors: Vec<Named<'_>>,
    metadata: &BTreeMap<String, String>,
) -> Result<(), ReportError> {
    // The largest alignment first, then by name, as the library does.
    tensors.sort_by(|a, b| b.2.dtype().cmp(&a.2.dtype()).then(a.0.cmp(b.0)));
    let mut end = 0;
    let infos = tensors.iter().map(|(name, shape, numbers)| {
        let start = end;
        end += numbers.bytes();
        (name.to_string(), TensorInfo { dtype: numbers.dtype(), shape: shape.to_vec(), data_offsets: (start, end) })
    });
    let infos = Metadata::new(None, infos.collect()).expect("a tensor has the bytes of its shape");
    // The library keeps metadata in a hash table, whose order differs from run to run; these are in the order of names.
    let mut head = serde_json::Map::new();
    if !metadata.is_empty() {
        head.insert("__metadata__".into(), serde_json::json!(metadata));
    }
    if let Ok(serde_json::Value::Object(tensors)) = serde_json::to_value(&infos) {
        head.extend(tensors);
    }
    let mut head = serde_json::to_vec(&head).expect("names and shapes are JSON");
    head.resize(head.len().next_multiple_of(8), b' ');
    replace_file(folder, name, |file| {
        let mut out = BufWriter::with_capacity(1 << 20, file);
        out.write_all(&(head.len() as u64).to_le_bytes())?;
        out.write_all(&head)?;
        tensors.iter().try_for_each(|(_, _, numbers)| numbers.write(&mut out))?;
        out.flush()
    })
    .map_err(|source| ReportError::Write { path: folder.join(name), source })
}

/// All tensors of a file as numbers.
pub(super) fn decode(path: &Path) -> Result<IndexMap<String, Series>, ReportError> {
    let fault = |reason: String| ReportError::Read { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| fault(error.to_string()))?;
    let mut found = IndexMap::new();
    for (name, view) in tensors.tensors() {
        let data = view.data();
        let values = match view.dtype() {
            Dtype::F32 => {
                data.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().expect("four bytes")))).collect()
            }
            Dtype::F64 => {
                data.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().expect("eight bytes"))).collect()
            }
            Dtype::I64 => {
                data.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().expect("eight bytes")) as f64).collect()
            }
            other => return Err(fault(format!("`{name}` has dtype {other:?}; f32, f64 and i64 are read"))),
        };
        found.insert(name, Series { shape: view.shape().to_vec(), values });
    }
    Ok(found)
}

/// Reads a file of named tensors, as `--at FILE` does.
///
/// # Errors
/// [`ReportError::Read`].
pub fn read_tensors(path: &Path) -> Result<IndexMap<String, Series>, ReportError> {
    decode(path)
}

/// Writes named f64 tensors into a file, whole or not at all.
///
/// # Errors
/// [`ReportError::Write`].
pub fn write_tensors(path: &Path, tensors: &HashMap<String, Series>) -> Result<(), ReportError> {
    let named = tensors.iter();
    let named =
        named.map(|(name, series)| (name.as_str(), &series.shape[..], Numbers::Real(&series.values, DataType::F64)));
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| ReportError::Write {
        path: path.to_owned(),
        source: io::Error::other("this is not a file name"),
    })?;
    write_file(folder, name, named.collect(), &BTreeMap::new())
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::TensorView;

    use super::*;

    #[test]
    fn files_are_those_of_the_library() {
        let folder = tempfile::tempdir().unwrap();
        let (steps, real) = ([0u64, 7, 1 << 40], [0.5, -1.25, f64::NAN, 1e300]);
        let tensors: Vec<Named<'_>> = vec![
            ("b", &[2, 2], Numbers::Real(&real, DataType::F32)),
            ("step", &[3], Numbers::Steps(&steps)),
            ("a", &[4], Numbers::Real(&real, DataType::F32)),
            ("double", &[4, 1], Numbers::Real(&real, DataType::F64)),
            ("empty", &[0, 3], Numbers::Real(&[], DataType::F64)),
        ];
        write_file(folder.path(), "x.safetensors", tensors, &BTreeMap::new()).unwrap();
        let single: Vec<u8> = real.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect();
        let double: Vec<u8> = real.iter().flat_map(|x| x.to_le_bytes()).collect();
        let long: Vec<u8> = steps.iter().flat_map(|x| x.to_le_bytes()).collect();
        let view = |dtype, shape: &[usize], bytes| TensorView::new(dtype, shape.to_vec(), bytes).unwrap();
        let expected = safetensors::serialize(
            [
                ("a", view(Dtype::F32, &[4], &single)),
                ("b", view(Dtype::F32, &[2, 2], &single)),
                ("double", view(Dtype::F64, &[4, 1], &double)),
                ("empty", view(Dtype::F64, &[0, 3], &[])),
                ("step", view(Dtype::I64, &[3], &long)),
            ],
            None,
        );
        assert_eq!(std::fs::read(folder.path().join("x.safetensors")).unwrap(), expected.unwrap());
    }
}
