//! `oss serve`, and the commands that ask a server over the network.

use crate::bench::{Bench, Ended, Running};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

/// A running `oss serve`; its address is known.
pub(crate) struct Server {
    pub(crate) running: Running,
    endpoint: String,
}

impl Server {
    pub(crate) fn start(bench: &Bench) -> Self {
        let line = ["serve", "--access-key-id", "id", "--access-key-secret", "top-secret"];
        let mut running = Running::start(bench.command(&line));
        let line = running.line();
        let endpoint = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { running, endpoint }
    }

    /// A command that finds the server, and signs with `secret`, through its environment.
    pub(crate) fn client(&self, bench: &Bench, line: &[&str], secret: &str) -> Command {
        let mut command = bench.command(line);
        command.env("OSS_ENDPOINT", &self.endpoint).env("OSS_REGION", "cn-hangzhou");
        command.env("OSS_ACCESS_KEY_ID", "id").env("OSS_ACCESS_KEY_SECRET", secret);
        command
    }

    fn run(&self, bench: &Bench, line: &[&str]) -> Ended {
        Ended::of(self.client(bench, line, "top-secret").output().unwrap())
    }

    /// One plain request to a URL of this server; the whole reply.
    fn ask(&self, method: &str, url: &str, body: &str) -> String {
        let host = self.endpoint.strip_prefix("http://").unwrap();
        let target = url.trim().strip_prefix(&self.endpoint).expect("the URL is of this server");
        let mut stream = TcpStream::connect(host).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }
}

#[test]
fn presigned_urls_write_and_read_an_object_without_keys() {
    let bench = Bench::new();
    let server = Server::start(&bench);
    for version in ["v4", "v1"] {
        let presign = |method| {
            let line = [
                "presign",
                "oss://demo/a b%2F+?.txt",
                "--method",
                method,
                "--expires",
                "15m",
                "--sign-version",
                version,
                "--request-payer",
                "requester",
            ];
            let ended = server.run(&bench, &line);
            assert_eq!(ended.code, Some(0), "{ended:?}");
            ended.out
        };
        let words = format!("written with {version}");
        assert!(presign("GET").contains("x-oss-request-payer=requester"), "whoever uses it need not say so");
        assert!(server.ask("PUT", &presign("put"), &words).starts_with("HTTP/1.1 200"), "{version}");
        let reply = server.ask("GET", &presign("GET"), "");
        assert!(reply.starts_with("HTTP/1.1 200") && reply.ends_with(&words), "{reply}");
        assert!(server.ask("DELETE", &presign("GET"), "").starts_with("HTTP/1.1 403"), "{version}");
    }
}

#[test]
fn a_refusal_is_explained_and_the_command_stands_last() {
    let bench = Bench::new();
    bench.file("it's.txt", 10);
    let server = Server::start(&bench);
    let mut command = server.client(&bench, &["cp", "it's.txt", "oss://demo/k", "--json"], "wrong");
    let ended = Ended::of(command.output().unwrap());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for words in ["SignatureDoesNotMatch", "request id", "OSS_ACCESS_KEY_SECRET"] {
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
    }
    assert!(ended.last_line().ends_with(r"cp 'it'\''s.txt' oss://demo/k --json"), "{}", ended.err);
    let failed = ended.event("failed");
    assert_eq!((&failed["code"], &failed["status"]), (&"SignatureDoesNotMatch".into(), &403.into()));
    assert!(failed["request_id"].is_string() && failed["next"].is_string());
}

#[test]
fn an_upload_that_is_gone_needs_no_abort() {
    let bench = Bench::new();
    bench.file("f", 10);
    let server = Server::start(&bench);
    assert_eq!(server.run(&bench, &["cp", "f", "oss://demo/f"]).code, Some(0));
    let ended = server.run(&bench, &["abort", "oss://demo/f", "--upload-id", "0004B9894A22E5B1888A1E29F8236E2D"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("gone already"), "{}", ended.err);
}

#[cfg(unix)]
#[test]
fn a_server_on_disk_keeps_its_objects_and_ends_on_ctrl_c_with_success() {
    let bench = Bench::new();
    bench.file("f", 10);
    let mut running = Running::start(bench.command(&["serve", "--dir", ".oss-embedded"]));
    let endpoint = running.line().trim().strip_prefix("listening on ").unwrap().to_owned();
    let mut command = bench.command(&["cp", "f", "oss://demo/", "--region", "cn-hangzhou", "--endpoint", &endpoint]);
    command.env("OSS_ACCESS_KEY_ID", "demo-access-key-id").env("OSS_ACCESS_KEY_SECRET", "demo-access-key-secret");
    let ended = Ended::of(command.output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    running.signal("-INT");
    assert_eq!(running.end().code, Some(0));
    assert_eq!(bench.stored().keys("demo"), ["f"]);
}

#[cfg(unix)]
#[test]
fn the_secret_of_a_server_is_never_printed() {
    let Server { running, .. } = Server::start(&Bench::new());
    running.signal("-TERM");
    let ended = running.end();
    assert!(ended.err.contains("OSS_REGION=cn-hangzhou"), "{}", ended.err);
    assert!(!ended.err.contains("top-secret") && !ended.out.contains("top-secret"));
}
