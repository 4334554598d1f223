//! Endpoints that refuse: the last line is the command that reaches the bucket by another way.

use crate::bench::{Bench, Ended};
use oss_emulator::{Emulator, Fault, FaultScript, Operation, Rule, Serving};

/// A server in the test's process that refuses every request.
struct Refusing {
    emulator: Emulator,
    serving: Serving,
}

impl Refusing {
    async fn with(fault: Fault) -> Self {
        let faults = FaultScript::new().fault(Rule::any().always(), fault);
        let emulator = Emulator::builder()
            .credentials("id", "top-secret")
            .auto_create_buckets(true)
            .faults(faults)
            .build()
            .unwrap();
        let serving = emulator.spawn().await.unwrap();
        Self { emulator, serving }
    }

    fn run(&self, bench: &Bench, line: &[&str]) -> Ended {
        let mut command = bench.command(line);
        command.env("OSS_ENDPOINT", self.serving.endpoint()).env("OSS_REGION", "cn-hangzhou");
        command.env("OSS_ACCESS_KEY_ID", "id").env("OSS_ACCESS_KEY_SECRET", "top-secret");
        tokio::task::block_in_place(|| Ended::of(command.output().unwrap()))
    }

    /// `oss cp` of a file of several parts is refused at once, and the last line ends in `command`.
    fn advises(&self, options: &[&str], words: &str, command: &str) {
        let bench = Bench::new();
        bench.file("f", 300 * 1024);
        let ended = self.run(&bench, &[&["cp", "f", "oss://demo/k", "--part-size", "100KiB"], options].concat());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains(words), "{words:?}: {}", ended.err);
        assert!(ended.last_line().ends_with(command), "{command:?}: {}", ended.err);
        let asked: Vec<_> = self.emulator.ledger().iter().map(|entry| entry.operation).collect();
        assert_eq!(asked, [Operation::InitiateMultipartUpload], "the first refusal stops the rest");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_endpoint_of_the_right_region_is_the_command_to_type() {
    let server = Refusing::with(Fault::WrongEndpoint("oss-cn-beijing.aliyuncs.com".into())).await;
    let command =
        "cp --region cn-beijing --endpoint https://oss-cn-beijing.aliyuncs.com f oss://demo/k --part-size 100KiB";
    server.advises(&["--region", "cn-hangzhou"], "use the endpoint that serves this bucket", command);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_public_endpoint_asks_for_the_buckets_own_domain() {
    let server = Refusing::with(Fault::Status(400, "PublicEndpointForbidden".into())).await;
    let command =
        "cp --endpoint https://YOUR-DOMAIN --addressing cname f oss://demo/k --part-size 100KiB --region cn-hangzhou";
    server.advises(&["--region", "cn-hangzhou"], "bind a domain to it", command);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_forbids_path_style_is_asked_without_it() {
    let server = Refusing::with(Fault::Status(403, "SecondLevelDomainForbidden".into())).await;
    server.advises(&["--addressing", "path"], "before the host", "cp f oss://demo/k --part-size 100KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_call_names_the_other_way_too() {
    let bench = Bench::new();
    let server = Refusing::with(Fault::WrongEndpoint("oss-cn-beijing.aliyuncs.com".into())).await;
    let ended = server.run(&bench, &["abort", "oss://demo/k", "--upload-id", "0004B9894A22E5B1888A1E29F8236E2D"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let command = "--region cn-beijing --endpoint https://oss-cn-beijing.aliyuncs.com oss://demo/k --upload-id 0004B9894A22E5B1888A1E29F8236E2D";
    assert!(ended.last_line().ends_with(command), "{}", ended.err);
}

/// A server and a client that speak IPv6, in a network of their own.
#[cfg(target_os = "linux")]
const OVER_IPV6: &str = r#"
ip link set lo up && mkfifo ready || exit 1
"$OSS" serve --listen '[::1]:0' > ready & server=$!
exec 3< ready && read -r line <&3
"$OSS" cp f oss://demo/k --json --endpoint "${line#listening on }"
ended=$?
kill $server
exit $ended
"#;

#[cfg(target_os = "linux")]
#[test]
fn an_address_of_ipv6_is_served_and_reached() {
    let possible = std::process::Command::new("unshare")
        .args(["--net", "ip", "-6", "address", "add", "fd00::1", "dev", "lo"])
        .output();
    if !possible.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no network namespace with IPv6 can be made here ({possible:?})");
        return;
    }
    let bench = Bench::new();
    bench.file("f", 300 * 1024);
    // As all commands of the bench are run: nothing of this machine's configuration in sight.
    let plain = bench.command(&[]);
    let mut command = std::process::Command::new("unshare");
    command.args(["--net", "sh", "-c", OVER_IPV6]).current_dir(bench.path()).env("OSS", plain.get_program());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("OSS_REGION", "cn-hangzhou").env("OSS_ACCESS_KEY_ID", "id").env("OSS_ACCESS_KEY_SECRET", "top-secret");
    let ended = Ended::of(command.output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.event("completed")["size"], 300 * 1024);
}
