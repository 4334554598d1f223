//! What may happen to a checkpoint between two runs, beside the edits of the file.

use fastrand::Rng;
use std::fs;
use std::io;
use std::path::Path;

/// Damages the file a run left, whatever it is; tells how a checkpoint was damaged, `None` for any other file.
pub(crate) fn strike(path: &Path, rng: &mut Rng) -> io::Result<Option<&'static str>> {
    if !path.is_file() {
        return Ok(None);
    }
    let mut bytes = fs::read(path)?;
    let name = match rng.u8(..5) {
        0 => {
            bytes.truncate(rng.usize(..bytes.len().max(1)));
            "checkpoints cut"
        }
        1 if !bytes.is_empty() => {
            let at = rng.usize(..bytes.len());
            bytes[at] ^= 1 << rng.u8(..8);
            "checkpoints with a bit turned"
        }
        2 => {
            bytes = (0..rng.usize(..10_000)).map(|_| rng.u8(..)).collect();
            "checkpoints of noise"
        }
        3 => {
            bytes = vec![0; 4096];
            "checkpoints of zeros"
        }
        _ => {
            fs::remove_file(path)?;
            return Ok(is_checkpoint(path).then_some("checkpoints removed"));
        }
    };
    fs::write(path, bytes)?;
    Ok(is_checkpoint(path).then_some(name))
}

fn is_checkpoint(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "ossck")
}
