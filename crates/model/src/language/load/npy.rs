//! NumPy's files of one array.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use npyz::{DType, Deserialize, NpyFile, Order, TypeChar};

use super::{count, exactly};
use crate::graph::Kind;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The longest header that is read; NumPy's own are below 200 bytes.
const MOST_HEADER_BYTES: usize = 4096;
/// The most brackets in a header; that of an array of plain numbers has two pairs.
const MOST_BRACKETS: usize = 16;

/// Reads an array of truth values, whole or real numbers, in either order of axes.
pub(super) fn read(path: &Path) -> Result<(Tensor, Kind), String> {
    let name = path.display();
    let unreadable = |error: std::io::Error| format!("`{name}` cannot be read as .npy: {error}");
    let mut reader = BufReader::new(File::open(path).map_err(unreadable)?);
    check_header(&mut reader).map_err(|message| format!("`{name}` cannot be read as .npy: {message}"))?;
    let file = NpyFile::new(reader).map_err(unreadable)?;
    let sizes: Vec<usize> = file.shape().iter().map(|&size| usize::try_from(size).unwrap_or(usize::MAX)).collect();
    count(&name, &sizes)?;
    let order = file.order();
    let DType::Plain(kind) = file.dtype() else {
        return Err(format!("`{name}` holds records; an array of plain numbers was expected"));
    };
    let (values, kind) = match (kind.type_char(), kind.size_field()) {
        (TypeChar::Bool, 1) => (real::<bool>(file, f64::from), Kind::Boolean),
        (TypeChar::Int, 1) => (real::<i8>(file, f64::from), Kind::Integer),
        (TypeChar::Int, 2) => (real::<i16>(file, f64::from), Kind::Integer),
        (TypeChar::Int, 4) => (real::<i32>(file, f64::from), Kind::Integer),
        (TypeChar::Uint, 1) => (real::<u8>(file, f64::from), Kind::Integer),
        (TypeChar::Uint, 2) => (real::<u16>(file, f64::from), Kind::Integer),
        (TypeChar::Uint, 4) => (real::<u32>(file, f64::from), Kind::Integer),
        (TypeChar::Int, 8) => {
            let whole: Vec<i64> = file.into_vec().map_err(unreadable)?;
            (Ok(whole.into_iter().map(|x| exactly(&name, x.into())).collect::<Result<_, _>>()?), Kind::Integer)
        }
        (TypeChar::Uint, 8) => {
            let whole: Vec<u64> = file.into_vec().map_err(unreadable)?;
            (Ok(whole.into_iter().map(|x| exactly(&name, x.into())).collect::<Result<_, _>>()?), Kind::Integer)
        }
        (TypeChar::Float, 2) => (real::<half::f16>(file, f64::from), Kind::Real),
        (TypeChar::Float, 4) => (real::<f32>(file, f64::from), Kind::Real),
        (TypeChar::Float, 8) => (real::<f64>(file, f64::from), Kind::Real),
        _ => {
            return Err(format!("`{name}` holds {kind}; f2, f4, f8, b1 or integers of up to 8 bytes were expected"));
        }
    };
    let values = values.map_err(unreadable)?;
    let expected: usize = sizes.iter().product();
    if values.len() != expected {
        return Err(format!("`{name}` holds {} numbers, its header says {expected}", values.len()));
    }
    Ok((arranged(sizes, order, values), kind))
}

fn real<T: Deserialize>(file: NpyFile<BufReader<File>>, to_f64: fn(T) -> f64) -> std::io::Result<Vec<f64>> {
    file.data::<T>().map_err(|error| std::io::Error::other(error.to_string()))?.map(|x| x.map(to_f64)).collect()
}

/// Refuses headers that a parser of nested literals should not see, and returns to the start.
fn check_header(reader: &mut BufReader<File>) -> Result<(), String> {
    let mut start = [0; 12];
    reader.read_exact(&mut start).map_err(|error| error.to_string())?;
    let length = match start[6] {
        1 => usize::from(u16::from_le_bytes([start[8], start[9]])),
        _ => u32::from_le_bytes([start[8], start[9], start[10], start[11]]) as usize,
    };
    if length > MOST_HEADER_BYTES {
        return Err(format!("its header says that it is {length} bytes long"));
    }
    let mut header = vec![0; length];
    reader
        .rewind()
        .and_then(|()| reader.by_ref().take(length as u64).read_to_end(&mut header))
        .map_err(|e| e.to_string())?;
    if header.iter().filter(|byte| b"([{".contains(byte)).count() > MOST_BRACKETS {
        return Err("its header is nested deeply".into());
    }
    reader.rewind().map_err(|error| error.to_string())
}

/// Row-major, whatever the order in the file.
fn arranged(sizes: Vec<usize>, order: Order, values: Vec<f64>) -> Tensor {
    if order == Order::C {
        return Tensor::new(sizes, values);
    }
    let reversed: Vec<usize> = sizes.iter().rev().copied().collect();
    let strides: Vec<usize> = Shape(reversed.clone()).strides().into_iter().rev().collect();
    Tensor::new(reversed, values).gather_strided(&Shape(sizes), 0, &strides)
}
