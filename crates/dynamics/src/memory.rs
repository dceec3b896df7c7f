//! How much memory the machine has free.

use crate::error::DynamicsError;

/// Refuses a computation that would not fit into the memory that is free.
///
/// # Errors
/// [`DynamicsError::Memory`] with both numbers.
pub fn check_memory(needed: u64) -> Result<(), DynamicsError> {
    let available = available().unwrap_or(8 << 30);
    if needed > available / 10 * 9 {
        return Err(DynamicsError::Memory { needed_mib: needed >> 20, available_mib: available >> 20 });
    }
    Ok(())
}

/// Bytes that can be allocated without swapping; `None` where the system does not say.
fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}
