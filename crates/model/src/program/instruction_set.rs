//! The vector units of the machine, chosen when a program is compiled.

use pulp::{Simd, WithSimd};

/// An instruction set that this machine has.
#[derive(Clone, Copy, Debug)]
pub enum InstructionSet {
    /// 512-bit registers.
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    /// 256-bit registers and fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    /// Plain numbers.
    Portable(pulp::Scalar),
}

impl InstructionSet {
    /// The widest that this machine has.
    pub fn detect() -> Self {
        Self::available()[0]
    }

    /// All that this machine has, widest first.
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            found.extend(pulp::x86::V4::try_new().map(Self::Avx512));
            found.extend(pulp::x86::V3::try_new().map(Self::Avx2));
        }
        found.push(Self::Portable(pulp::Scalar::new()));
        found
    }

    /// `avx512`, `avx2` or `portable`.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            Self::Portable(_) => "portable",
        }
    }

    /// Runs code that was written for any instruction set, compiled for this one.
    #[inline]
    pub fn run<W: WithSimd>(self, work: W) -> W::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => Simd::vectorize(simd, work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => Simd::vectorize(simd, work),
            Self::Portable(simd) => Simd::vectorize(simd, work),
        }
    }
}
