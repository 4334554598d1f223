//! The same TCP congestion control for everybody: bbr's pacing alone can double the cost of a byte on loopback.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Of a network namespace of our own, so that nothing else on the machine is touched. A route says it to both ends,
/// whatever program they are.
const SCRIPT: &str = "ip link set lo up && for net in 127.0.0.0/8 127.0.0.1; do ip route replace local $net dev lo \
table local proto kernel scope host src 127.0.0.1 congctl cubic || exit 1; done && exec \"$@\"";

/// Runs this very command again where cubic is forced, or says in the report why it is not.
pub(crate) fn again_with_cubic(me: &Path) -> io::Result<()> {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let default = fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control").unwrap_or_default();
    let default = default.trim().to_owned();
    let (mut command, said) = if default == "cubic" {
        (Command::new(me), "cubic, the system's default".to_owned())
    } else if can_force() {
        let mut command = in_namespace();
        command.arg(me);
        (command, format!("cubic, forced by a route of a network namespace (the system's default is {default})"))
    } else {
        (Command::new(me), format!("{default}, the system's default for both sides: no namespace could be made"))
    };
    let status = command.args(words).arg("--congestion").arg(said).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other("the measurement failed")) }
}

fn in_namespace() -> Command {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--net", "sh", "-c", SCRIPT, "sh"]);
    command
}

fn can_force() -> bool {
    let tried = in_namespace().arg("true").stdout(Stdio::null()).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}
