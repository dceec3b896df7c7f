//! Tensors by name.

use std::path::Path;

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::{count, exactly};
use crate::graph::Kind;
use crate::source::near_miss;
use crate::tensor::Tensor;

/// The largest file that is read; it is held in memory as a whole.
const MOST_BYTES: u64 = 1 << 32;

/// Reads one tensor: that of the given name, or the only one.
pub(super) fn read(path: &Path, wanted: Option<&str>) -> Result<(Tensor, Kind), String> {
    let name = path.display();
    let unreadable = |error: &dyn std::fmt::Display| format!("`{name}` cannot be read as .safetensors: {error}");
    let size = std::fs::metadata(path).map_err(|error| unreadable(&error))?.len();
    if size > MOST_BYTES {
        return Err(format!("`{name}` has {size} bytes, more than 2^32; write the tensor into a file of its own"));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(&error))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| unreadable(&error))?;
    let mut names: Vec<&str> = file.names();
    names.sort_unstable();
    let listed = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    let tensor = match (wanted, names.as_slice()) {
        (None, [only]) => only,
        (None, _) => return Err(format!("`{name}` holds {listed}; say which, as in load('{name}', 'NAME')")),
        (Some(wanted), _) => wanted,
    };
    let view = file.tensor(tensor).map_err(|_| {
        let hint = near_miss(tensor, names.iter().copied()).map_or(String::new(), |hint| format!("; {hint}"));
        format!("`{name}` has no tensor `{tensor}`; it holds {listed}{hint}")
    })?;
    count(&format!("{name}: {tensor}"), view.shape())?;
    let (values, kind) = values(&view, &format!("{name}: {tensor}"))?;
    Ok((Tensor::new(view.shape().to_vec(), values), kind))
}

fn values(view: &TensorView<'_>, name: &str) -> Result<(Vec<f64>, Kind), String> {
    let data = view.data();
    let whole = |numbers: Vec<i128>| numbers.into_iter().map(|x| exactly(&name, x)).collect::<Result<Vec<f64>, _>>();
    Ok(match view.dtype() {
        Dtype::BOOL => (data.iter().map(|&byte| f64::from(u8::from(byte != 0))).collect(), Kind::Boolean),
        Dtype::U8 => (elements(data, |[byte]: [u8; 1]| byte.into()), Kind::Integer),
        Dtype::I8 => (elements(data, |bytes| i8::from_le_bytes(bytes).into()), Kind::Integer),
        Dtype::U16 => (elements(data, |bytes| u16::from_le_bytes(bytes).into()), Kind::Integer),
        Dtype::I16 => (elements(data, |bytes| i16::from_le_bytes(bytes).into()), Kind::Integer),
        Dtype::U32 => (elements(data, |bytes| u32::from_le_bytes(bytes).into()), Kind::Integer),
        Dtype::I32 => (elements(data, |bytes| i32::from_le_bytes(bytes).into()), Kind::Integer),
        Dtype::U64 => (whole(elements(data, |bytes| u64::from_le_bytes(bytes).into()))?, Kind::Integer),
        Dtype::I64 => (whole(elements(data, |bytes| i64::from_le_bytes(bytes).into()))?, Kind::Integer),
        Dtype::F16 => (elements(data, |bytes| f16::from_le_bytes(bytes).into()), Kind::Real),
        Dtype::BF16 => (elements(data, |bytes| bf16::from_le_bytes(bytes).into()), Kind::Real),
        Dtype::F32 => (elements(data, |bytes| f32::from_le_bytes(bytes).into()), Kind::Real),
        Dtype::F64 => (elements(data, f64::from_le_bytes), Kind::Real),
        other => {
            return Err(format!("`{name}` holds {other:?}; F64, F32, F16, BF16, BOOL or integers were expected"));
        }
    })
}

fn elements<const N: usize, T>(data: &[u8], element: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _) = data.as_chunks::<N>();
    chunks.iter().map(|chunk| element(*chunk)).collect()
}
