//! Files appear whole or not at all.
//!
//! A file is written beside its place, synced and renamed, and then its folder is synced: a reader, a kill, a power
//! failure or a full disk meets the old file or the new one. Temporary files have a name of ours, so that what a kill
//! leaves behind can be [swept](sweep) away.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// How the names of our temporary files start.
const PREFIX: &str = ".gaugebias-";

/// Replaces `folder`/`name` by what `write` writes into the file that it is given.
///
/// # Errors
/// What `write` and the system report; what stood there before is then untouched.
pub fn replace_file(folder: &Path, name: &str, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(PREFIX).tempfile_in(folder)?;
    write(file.as_file_mut())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Temporary files are private; results are for whoever may read the folder.
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    file.as_file().sync_all()?;
    file.persist(folder.join(name))?;
    sync_folder(folder)
}

/// Makes creations, renames and removals in a folder durable.
///
/// # Errors
/// What the system reports.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere folders cannot be opened, and renames are durable by themselves.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    let _ = folder;
    Ok(())
}

/// Removes a file, if it is there.
///
/// # Errors
/// What the system reports.
pub fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes temporary files that a killed program left in a folder.
///
/// # Errors
/// What the system reports.
pub fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        replace_file(folder.path(), "a", |file| file.write_all(b"old")).unwrap();
        let failed = replace_file(folder.path(), "a", |file| {
            file.write_all(b"half of the n")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn sweeping_takes_only_what_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".gaugebias-Xy12", ".other", "a"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        sweep(folder.path()).unwrap();
        assert!(!folder.path().join(".gaugebias-Xy12").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
