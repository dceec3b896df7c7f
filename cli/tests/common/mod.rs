//! What the black-box tests share: a folder with spec files, the program run in it, tensors in and out.
//! Also the small specs that several of them run.

#![allow(dead_code, reason = "every test binary uses its own part")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::Value;
use tempfile::TempDir;

/// A temporary folder that holds specs, parameters and results.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), content).expect("a temporary file can be written");
        self.path(name)
    }

    /// Runs the program with this folder as the current one.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        let mut command = Command::cargo_bin("gaugebias").expect("the program is built");
        command.current_dir(self.0.path()).args(arguments);
        Finished::from(command.output().expect("the program can be started"))
    }
}

/// A finished program.
pub struct Finished {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
        }
    }
}

impl Finished {
    #[track_caller]
    pub fn ends_with(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// Standard output, where every line is one JSON object in the common envelope.
    #[track_caller]
    pub fn objects(&self) -> Vec<Value> {
        let read = |line: &str| -> Value {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON ({error}): {line}"))
        };
        let objects: Vec<Value> = self.stdout.lines().map(read).collect();
        for object in &objects {
            assert!(object.is_object(), "{object}");
            assert_eq!(object["gaugebias"], env!("CARGO_PKG_VERSION"));
            assert_eq!(object["schema"], 1);
        }
        assert!(self.stdout.is_empty() || self.stdout.ends_with('\n'), "the last line is not ended");
        objects
    }

    /// The only object on standard output.
    #[track_caller]
    pub fn object(&self) -> Value {
        let mut objects = self.objects();
        assert_eq!(objects.len(), 1, "{}", self.stdout);
        objects.remove(0)
    }
}

/// A tensor of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

pub fn write_tensors(path: &Path, tensors: &BTreeMap<String, Tensor>) {
    let bytes: Vec<(&String, &Tensor, Vec<u8>)> = tensors
        .iter()
        .map(|(name, tensor)| (name, tensor, tensor.values.iter().flat_map(|x| x.to_le_bytes()).collect()))
        .collect();
    let views = bytes.iter().map(|(name, tensor, bytes)| {
        (name.as_str(), TensorView::new(Dtype::F64, tensor.shape.clone(), bytes).expect("shape and bytes fit"))
    });
    let file = safetensors::serialize(views, None).expect("tensors serialise");
    std::fs::write(path, file).expect("a temporary file can be written");
}

pub fn read_tensors(path: &Path) -> BTreeMap<String, Tensor> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let values = |view: &TensorView<'_>| -> Vec<f64> {
        let data = view.data();
        match view.dtype() {
            Dtype::F32 => data.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))).collect(),
            Dtype::F64 => data.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
            Dtype::I64 => data.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64).collect(),
            other => panic!("a tensor of {other:?}"),
        }
    };
    file.tensors()
        .into_iter()
        .map(|(name, view)| (name, Tensor { shape: view.shape().to_vec(), values: values(&view) }))
        .collect()
}

/// Every file below a folder with its bytes, by relative path.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn collect(folder: &Path, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).expect("the folder exists") {
            let entry = entry.expect("a readable entry");
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                collect(&entry.path(), &format!("{name}/"), found);
            } else {
                found.insert(name, std::fs::read(entry.path()).expect("a readable file"));
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(folder, "", &mut found);
    found
}

/// The tensors of a run folder, which hold nothing that tells of time.
pub fn tensor_files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    files(folder).into_iter().filter(|(name, _)| name.ends_with("safetensors")).collect()
}

/// A folder of the repository's experiments.
pub fn experiments(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments").join(name)
}

/// The spec files of a folder of experiments, by file stem.
pub fn specs_in(name: &str) -> BTreeMap<String, PathBuf> {
    let entries = std::fs::read_dir(experiments(name)).expect("the experiments are there");
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| (path.file_stem().expect("a file name").to_string_lossy().into_owned(), path))
        .collect()
}

/// A fixed stream of standard normal numbers (SplitMix64 and Box–Muller), independent of the program's own.
pub struct Normals(u64);

impl Normals {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((word ^ (word >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    pub fn draw(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    pub fn tensor(&mut self, shape: &[usize]) -> Tensor {
        let values = (0..shape.iter().product()).map(|_| self.draw()).collect();
        Tensor { shape: shape.to_vec(), values }
    }
}

/// One coordinate w = u·v under horizontal noise, with a verdict that 2,560 samples allow.
pub const LAW: &str = "\
title = \"Law\"
[param]
u = \"sqrt(1.2)\"
v = \"sqrt(1.2)\"
[model]
predictor = \"u * v\"
loss = \"0.5 * (predictor - 1.2)**2\"
[train]
optimizer = \"langevin\"
noise = \"horizontal\"
temperature = 0.05
step_size = 2e-3
steps = 3000
dtype = \"f64\"
[ensemble]
seeds = 40
[log]
every = 300
w = \"predictor\"
pair = \"[u, v]\"
[verify]
law = \"horizontal\"
observable = \"predictor\"
burn_in = 1000
thin = 200
[[figure]]
kind = \"density\"
y = \"w\"
[[figure]]
kind = \"lines\"
y = \"w\"
";

/// Mini-batch regression, beside two variants.
pub const BATCHES: &str = "\
title = \"Batches\"
[data]
X = \"normal(20, 3)\"
y = \"X @ [1, -2, 0.5]\"
[param]
u = \"0.3 * ones(3)\"
v = \"0.3 * normal(3)\"
[batch]
i = \"choice(20, 4)\"
[model]
predictor = \"u * v\"
loss = \"mean((X[i] @ predictor - y[i])**2)\"
[train]
steps = 600
step_size = 0.02
[ensemble]
seeds = 21
[log]
every = 100
w = \"predictor\"
loss = \"loss\"
charge = \"u**2 - v**2\"
[[variant]]
name = \"vanilla\"
param = { w = \"0.1 * normal(3)\" }
model = { predictor = \"w\" }
log = { charge = false }
[[variant]]
name = \"fast\"
train = { step_size = 0.05, momentum = 0.5 }
[[figure]]
kind = \"lines\"
y = \"loss\"
log_y = true
[[figure]]
kind = \"stem\"
y = \"w\"
";
