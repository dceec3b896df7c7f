//! Gives buffers whose last reader is done to later instructions.

use std::collections::HashMap;

use super::compile::Buffers;
use super::parts::Part;
use super::work::{Access, Instruction};
use crate::lanes::Real;

/// Renames the buffers of all instructions, in the order in which they run, and returns the final sizes. Without
/// `reuse` every buffer stays its own.
pub(super) fn assign_buffers<T: Real>(
    instructions: &mut [(Part, Instruction<T>)],
    buffers: &mut Buffers,
    reuse: bool,
) -> Vec<usize> {
    let mut last_use: HashMap<usize, usize> = HashMap::new();
    for (time, (_, instruction)) in instructions.iter_mut().enumerate() {
        instruction.visit_buffers(&mut |buffer, access| {
            if access == Access::Read {
                last_use.insert(*buffer, time);
            }
        });
    }
    buffers.assigned = vec![usize::MAX; buffers.sizes.len()];
    let mut sizes = Vec::new();
    for buffer in (0..buffers.sizes.len()).filter(|&buffer| buffers.pinned[buffer] || !reuse) {
        buffers.assigned[buffer] = sizes.len();
        sizes.push(buffers.sizes[buffer]);
    }
    let mut free: Vec<usize> = Vec::new();
    for (time, (_, instruction)) in instructions.iter_mut().enumerate() {
        let (mut written, mut done) = (Vec::new(), Vec::new());
        instruction.visit_buffers(&mut |buffer, access| match access {
            Access::Write => written.push(*buffer),
            Access::Read => done.extend((last_use[buffer] == time && !buffers.pinned[*buffer]).then_some(*buffer)),
        });
        for &buffer in &written {
            if buffers.assigned[buffer] == usize::MAX {
                buffers.assigned[buffer] = take_free(&mut free, &mut sizes, buffers.sizes[buffer]);
            }
        }
        // A result that nobody reads (a draw that is made only to keep streams in step) is free at once.
        done.extend(written.into_iter().filter(|buffer| !last_use.contains_key(buffer) && !buffers.pinned[*buffer]));
        done.sort_unstable();
        done.dedup();
        free.extend(done.into_iter().filter(|_| reuse).map(|buffer| buffers.assigned[buffer]));
        instruction.visit_buffers(&mut |buffer, _| *buffer = buffers.assigned[*buffer]);
    }
    // Inputs that no instruction names are still inputs.
    for buffer in 0..buffers.assigned.len() {
        if buffers.assigned[buffer] == usize::MAX {
            buffers.assigned[buffer] = sizes.len();
            sizes.push(buffers.sizes[buffer]);
        }
    }
    sizes
}

fn take_free(free: &mut Vec<usize>, sizes: &mut Vec<usize>, size: usize) -> usize {
    let fitting = free.iter().enumerate().filter(|(_, buffer)| sizes[**buffer] == size);
    match fitting.map(|(place, _)| place).next_back() {
        Some(place) => free.swap_remove(place),
        None => {
            sizes.push(size);
            sizes.len() - 1
        }
    }
}
