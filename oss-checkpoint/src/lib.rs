#![doc = include_str!("../README.md")]

mod checkpoint;
mod compare;
mod dir;
#[cfg_attr(not(all(target_os = "linux", target_pointer_width = "64")), path = "no_directory_lock.rs")]
mod directory_lock;
mod fingerprint;
mod format;
mod host;
mod local_disk;
mod lock;
mod os_dir;
mod place;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod ranges;
mod store;
mod valid;
mod wire;

pub use checkpoint::{Abandoned, Checkpoint, Job, Part, Source, State};
pub use compare::{Comparison, Reason, Unverified};
pub use dir::Dir;
pub use directory_lock::DirectoryLock;
pub use fingerprint::{Fingerprint, Timestamp};
pub use format::{DecodeError, MAGIC, MAX_FILE_LEN, VERSION, decode, encode};
pub use host::host_name;
pub use lock::{Holder, Lock, LockError};
pub use os_dir::OsDir;
pub use place::{Place, PlaceError, PlaceKind, Places, is_checkpoint_name};
pub use store::{Loaded, SaveError, SaveStep, Store};
