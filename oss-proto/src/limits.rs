//! Limits of the service, from the OSS API reference ("Limits", "UploadPart", "PutObject").

/// Parts of one upload: 1 to 10,000.
pub const MAX_PARTS: u32 = 10_000;
/// Smallest part but the last: 100 KiB (102,400 bytes).
pub const MIN_PART_SIZE: u64 = 100 * 1024;
/// Largest part, and largest PutObject: 5 GiB.
pub const MAX_PART_SIZE: u64 = 5 * 1024 * 1024 * 1024;
/// Largest object: 10,000 parts of 5 GiB.
pub const MAX_OBJECT_SIZE: u64 = MAX_PART_SIZE * MAX_PARTS as u64;
/// Longest key in bytes of UTF-8.
pub const MAX_KEY_LEN: usize = 1023;
/// Longest life of a V4 presigned URL in seconds: 7 days.
pub const MAX_V4_EXPIRES: u64 = 604_800;
