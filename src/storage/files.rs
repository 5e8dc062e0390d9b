//! SQLite's files: whether they are still where the next start looks for them. SQLite itself goes on writing to files that were
//! deleted or replaced, and reports success.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The database file, its WAL, and the index of the WAL, which other processes need to write the same WAL.
#[derive(Debug, Clone)]
pub(super) struct Files(Arc<[(PathBuf, Identity)]>);

/// The file system and the inode.
type Identity = (u64, u64);

impl Files {
    /// The files of the open database at `path`. While a connection stays open, SQLite replaces none of them.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        // SQLite, too, follows a symbolic link before it names the other two.
        let path = fs::canonicalize(path)?;
        let files = ["", "-wal", "-shm"].map(|end| {
            let mut name = OsString::from(&path);
            name.push(end);
            let file = PathBuf::from(name);
            identity(&file).map(|identity| (file, identity))
        });
        files.into_iter().collect::<io::Result<_>>().map(Self)
    }

    /// Fails, and names the file, when one is missing or is another file now.
    pub(super) fn in_place(&self) -> io::Result<()> {
        let moved = self.0.iter().find(|(file, was)| !identity(file).is_ok_and(|is| is == *was));
        moved.map_or(Ok(()), |(file, _)| {
            let says = format!(
                "{} was moved, replaced or deleted while it was in use: put it back, or restart",
                file.display()
            );
            Err(io::Error::new(io::ErrorKind::NotFound, says))
        })
    }
}

fn identity(file: &Path) -> io::Result<Identity> {
    fs::metadata(file).map(|about| (about.dev(), about.ino()))
}
