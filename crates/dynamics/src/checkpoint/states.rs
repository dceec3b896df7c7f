//! `resume.safetensors`: what a run is, how far it is, and its states and streams.
//!
//! Tensors: `step` [blocks], the next step of each; `state.NAME` [seeds, …] in the run's precision; `stream.PURPOSE`
//! [seeds, words]. Metadata: the identity, `standing`, `seconds`, `records` (length and digest of the records' file), and `digest`, of
//! all that is not identity. A run that has just begun, or whose results are written, has no tensors.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sha2::{Digest, Sha256};

use super::{CheckpointError, Identity, hexadecimal};

/// A tensor's shape, type and little-endian bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stored {
    pub shape: Vec<usize>,
    pub dtype: Dtype,
    pub bytes: Vec<u8>,
}

/// How far a run is, as its file says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct States {
    /// `begun`, `under way` or `finished`.
    pub standing: String,
    /// Wall time so far.
    pub seconds: f64,
    /// Bytes of the records' file that belong to this.
    pub records: u64,
    /// Their digest.
    pub records_digest: String,
    pub tensors: Vec<(String, Stored)>,
}

pub(super) const BEGUN: &str = "begun";
pub(super) const UNDER_WAY: &str = "under way";
pub(super) const FINISHED: &str = "finished";

impl States {
    /// Without tensors and records.
    pub fn bare(standing: &str, seconds: f64) -> Self {
        let records_digest = hexadecimal(&Sha256::new().finalize());
        Self { standing: standing.to_owned(), seconds, records: 0, records_digest, tensors: Vec::new() }
    }

    /// The step that each block makes next.
    pub fn steps(&self) -> Vec<u64> {
        let found = self.tensors.iter().find(|(name, _)| name == "step");
        found.map_or(Vec::new(), |(_, stored)| {
            let bytes = stored.bytes.chunks_exact(8);
            bytes.map(|chunk| u64::from_le_bytes(chunk.try_into().expect("eight bytes"))).collect()
        })
    }

    fn own_fields(&self) -> [(&'static str, String); 4] {
        [
            ("standing", self.standing.clone()),
            // The bits: a decimal number would have to be read back exactly.
            ("seconds", format!("{:016x}", self.seconds.to_bits())),
            ("records", self.records.to_string()),
            ("records_digest", self.records_digest.clone()),
        ]
    }

    fn digest(&self) -> String {
        let mut digest = Sha256::new();
        self.own_fields().iter().for_each(|(_, value)| digest.update(value.as_bytes()));
        let mut sorted: Vec<_> = self.tensors.iter().collect();
        sorted.sort_by_key(|(name, _)| name.as_str());
        for (name, stored) in sorted {
            digest.update(name.as_bytes());
            stored.shape.iter().for_each(|&size| digest.update((size as u64).to_le_bytes()));
            digest.update(&stored.bytes);
        }
        hexadecimal(&digest.finalize())
    }

    /// The file's bytes.
    pub fn encode(&self, identity: &Identity) -> Vec<u8> {
        let own = self.own_fields().into_iter().chain([("digest", self.digest())]);
        let identity = identity.fields.iter().map(|(&name, value)| (name, value.clone()));
        let metadata: HashMap<String, String> =
            identity.chain(own).map(|(name, value)| (name.to_owned(), value)).collect();
        let views = self.tensors.iter().map(|(name, stored)| {
            let view = TensorView::new(stored.dtype, stored.shape.clone(), &stored.bytes);
            (name.as_str(), view.expect("a tensor has the bytes of its shape"))
        });
        safetensors::serialize(views, Some(metadata)).expect("tensors with distinct names serialise")
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`CheckpointError::Read`] for a damaged file, [`CheckpointError::Other`] for one of another run.
    pub fn decode(path: &Path, bytes: &[u8], identity: &Identity) -> Result<Self, CheckpointError> {
        let fault = |reason: String| CheckpointError::Read { path: path.to_owned(), reason };
        let (_, header) =
            SafeTensors::read_metadata(bytes).map_err(|error| fault(format!("it is damaged ({error})")))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        identity.check(path, |name| metadata.get(name))?;
        let field = |name: &str| metadata.get(name).ok_or_else(|| fault(format!("it does not say its `{name}`")));
        let file = SafeTensors::deserialize(bytes).map_err(|error| fault(format!("it is damaged ({error})")))?;
        let tensors = file.tensors().into_iter().map(|(name, view)| {
            (name, Stored { shape: view.shape().to_vec(), dtype: view.dtype(), bytes: view.data().to_vec() })
        });
        let states = Self {
            standing: field("standing")?.clone(),
            seconds: u64::from_str_radix(field("seconds")?, 16).map_or(0.0, f64::from_bits),
            records: field("records")?.parse().map_err(|_| fault("its `records` are not a number".into()))?,
            records_digest: field("records_digest")?.clone(),
            tensors: tensors.collect(),
        };
        if *field("digest")? != states.digest() {
            return Err(fault("it is damaged (its digest does not fit its content)".into()));
        }
        Ok(states)
    }
}
