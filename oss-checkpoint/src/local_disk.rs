use std::path::Path;

/// Magic numbers of `statfs(2)`: ext2 to ext4, XFS, Btrfs, F2FS, tmpfs, overlay, ZFS, bcachefs.
#[cfg(target_os = "linux")]
const LOCAL: [u32; 8] =
    [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x0102_1994, 0x794C_7630, 0x2FC1_2FC1, 0xCA45_1A4E];

/// Whether a path, or the nearest directory above that there is, is on a disk of this machine, or in its memory: on a file
/// system that does not wait for another machine. What is not known is not. It may block for that very reason.
#[cfg(target_os = "linux")]
pub(crate) fn holds(path: &Path) -> bool {
    use rustix::io::Errno;
    // The numbers have 32 bits; the field has other widths and signs on some machines.
    let is = |kind: rustix::fs::FsWord| LOCAL.iter().any(|local| i128::from(*local) == i128::from(kind) & 0xFFFF_FFFF);
    for path in path.ancestors() {
        match rustix::fs::statfs(path) {
            Ok(found) => return is(found.f_type),
            Err(Errno::NOENT) => {}
            Err(_) => return false,
        }
    }
    false
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn holds(_: &Path) -> bool {
    false
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_makes_up_is_on_no_disk_and_what_is_not_there_is_where_it_would_be() {
        assert!(!holds(Path::new("/proc/self")));
        assert!(!holds(Path::new("/proc/self/is/not/there")));
        let scratch = tempfile::tempdir().unwrap();
        assert_eq!(holds(scratch.path()), holds(&scratch.path().join("not/there")));
    }
}
