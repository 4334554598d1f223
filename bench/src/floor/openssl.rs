//! The other floor of https: `floor/openssl.c`, where there are a C compiler and OpenSSL. A program of its own, as the
//! workspace has no OpenSSL.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program, and the library it was built with.
#[derive(Debug)]
pub(crate) struct Floor {
    program: PathBuf,
    /// With its version.
    pub(crate) name: String,
}

/// Compiles it, and lets it check its CRC-64; or says why there is none.
pub(crate) fn build(folder: &Path) -> Result<Floor, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("floor").join("openssl.c");
    let program = folder.join("openssl-floor");
    let mut compile = Command::new("cc");
    compile.args(["-std=gnu11", "-O3", "-Wall", "-Wextra", "-o"]).arg(&program).arg(source);
    said(compile.args(["-lssl", "-lcrypto", "-lpthread"]), "no C compiler, or no OpenSSL to build with")?;
    let checked = said(Command::new(&program).arg("check"), "it does not work")?;
    // The rest is a date, and how its CRC-64 is computed.
    let name = checked.split(' ').take(2).collect::<Vec<_>>().join(" ");
    Ok(Floor { program, name })
}

impl Floor {
    /// Sends the parts of a file to a sink that speaks TLS.
    pub(crate) fn command(&self, port: u16, file: &Path, part_size: u64, connections: u32, ca: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(port.to_string()).arg(file).args([part_size.to_string(), connections.to_string()]).arg(ca);
        command
    }
}

/// What a command wrote; or what did not work, and its first words about that.
fn said(command: &mut Command, what: &str) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{what}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(format!("{what}: {}", text(&output.stderr))) }
}

#[cfg(test)]
mod tests {
    /// It checks its CRC-64 by three ways of computing and the published check value.
    #[test]
    fn the_floor_over_openssl_is_right_where_it_can_be_built() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        match super::build(folder.path()) {
            Ok(floor) => assert!(floor.name.starts_with("OpenSSL "), "{}", floor.name),
            Err(why) => assert!(why.starts_with("no C compiler"), "{why}"),
        }
    }
}
