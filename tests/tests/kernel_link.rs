//! The real command behind a link that the kernel slows down: a token bucket on the loopback of a network namespace.
//! Needs root, `unshare`, `ip` and `tc`; elsewhere it says so and is skipped.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it, as the test itself does")]

use oss_tests::{bytes, oss};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// 40 Mbit/s for all connections together. The server listens on a port of its own namespace.
const SCRIPT: &str = r#"
ip link set lo up && tc qdisc add dev lo root tbf rate 40mbit burst 128kb latency 400ms || exit 77
"$OSS" serve > serve.out 2> serve.err & server=$!
trap 'kill $server' EXIT
while ! grep -q listening serve.out; do kill -0 $server || exit 1; sleep 0.05; done
export OSS_ENDPOINT=$(sed -n 's/listening on //p' serve.out)
for parallel in 3 auto; do
  "$OSS" cp data.bin oss://demo/$parallel --part-size 1MiB --parallel $parallel --json --stats --quiet > $parallel.json || exit 1
done
"#;

fn completed(folder: &Path, parallel: &str) -> Value {
    let lines = std::fs::read_to_string(folder.join(format!("{parallel}.json"))).unwrap();
    serde_json::from_str(lines.lines().last().unwrap()).unwrap()
}

#[test]
fn on_one_slow_link_of_the_kernel_auto_is_not_worse_than_three() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data.bin"), bytes(20 * 1024 * 1024)).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--net", "sh", "-c", SCRIPT]).current_dir(folder.path()).env("OSS", oss());
    let demo = ["ID", "SECRET"]
        .map(|what| (format!("OSS_ACCESS_KEY_{what}"), format!("demo-access-key-{}", what.to_lowercase())));
    command.envs(demo).env("OSS_REGION", "cn-hangzhou").env_remove("OSS_SESSION_TOKEN").env("NO_PROXY", "127.0.0.1");
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return eprintln!("skipped: unshare: {error}"),
    };
    // The server was not even started: the namespace or its slow link could not be made.
    if !folder.path().join("serve.out").exists() {
        return eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let (three, auto) = (completed(folder.path(), "3"), completed(folder.path(), "auto"));
    let wall = |line: &Value| line["stats"]["wall_ms"].as_u64().unwrap();
    eprintln!("20 MiB over 40 Mbit/s: {} ms with 3, {} ms with auto", wall(&three), wall(&auto));
    assert!(wall(&three) > 3_500, "the link is slow: {three}");
    // A loaded machine makes either slower; a wrong choice would cost a multiple.
    assert!(wall(&auto) < wall(&three) * 3 / 2 + 1_000, "{three} {auto}");
    assert!(auto["stats"]["connections_opened"].as_u64().unwrap() <= 12, "{auto}");
    assert_eq!(auto["crc64"], three["crc64"]);
}
