//! A disk that is soon full.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A disk of 64 KiB, gone when this is dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `Err` says what is missing on this machine.
    pub(crate) fn mount(point: &Path) -> Result<Self, String> {
        fs::create_dir(point).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(point);
        match mount.output() {
            Ok(output) if output.status.success() => Ok(Self(point.to_owned())),
            Ok(output) => Err(format!("mount: {}", String::from_utf8_lossy(&output.stderr).trim())),
            Err(error) => Err(format!("mount: {error}")),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// Until nothing more fits.
    pub(crate) fn fill(&self) {
        let mut file = fs::File::create(self.0.join("ballast")).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
    }

    pub(crate) fn free(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
