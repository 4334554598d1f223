//! What to do next after a failure, with the command to type.

use crate::failure::{Exit, Step};
use crate::readdress::{another_way, not_connected, unreachable, wrong_endpoint};
use crate::reporter::Seen;
use crate::shell;
use crate::target::Target;
use oss_client::{Error, ErrorCode, ErrorKind, ServiceError, UploadError, UploadId, Why};
use std::ffi::OsString;

/// How the service is reached: what another command needs as well.
const PASSED_ON: &[&str] = &[
    "--endpoint",
    "--region",
    "--network",
    "--addressing",
    "--sign-version",
    "--ca-file",
    "--credentials",
    "--profile",
    "--config-file",
    "--ecs-role",
    "--role-arn",
    "--request-payer",
    "--proxy",
    "--no-proxy",
    "--connect-timeout",
    "--no-progress-timeout",
    "--response-timeout",
    "--complete-timeout",
    "--retry-budget",
    "--bandwidth-limit",
];

/// The same, without a value.
const FLAGS_PASSED_ON: &[&str] = &["--insecure-skip-verify"];

/// After an upload that did not succeed. The last step is the main one.
pub(crate) fn after_upload(error: &Error, seen: &Seen) -> Vec<Step> {
    let argv = continuing(shell::argv(), error.kind(), seen);
    match Exit::from(error.kind()) {
        Exit::Usage | Exit::Callback => Vec::new(),
        Exit::Again => repeated(&argv, error),
        Exit::Change => change(&argv, error),
    }
}

/// After a plain call.
pub(crate) fn after_call(error: &Error, exit: Exit) -> Vec<Step> {
    let argv = shell::argv();
    match (exit, error.service()) {
        (Exit::Usage | Exit::Callback, _) => Vec::new(),
        (Exit::Change, Some(service)) => vec![refused(&argv, service)],
        (Exit::Change, None) => vec![unanswered(&argv, error)],
        (Exit::Again, _) => repeated(&argv, error),
    }
}

/// For an upload id that only a person can judge: it may be another program's.
pub(crate) fn abort(upload_id: &UploadId, target: &Target, key: &str) -> Step {
    let argv = shell::argv();
    let mut command: Vec<OsString> = vec![argv.first().cloned().unwrap_or_else(|| "oss".into()), "abort".into()];
    command.extend(["--upload-id", upload_id.as_str()].map(OsString::from));
    for option in PASSED_ON.iter().copied() {
        command.extend(shell::value_of(&argv, option).map(|value| [option.into(), value]).into_iter().flatten());
    }
    command.extend(FLAGS_PASSED_ON.iter().filter(|flag| shell::is_set(&argv, flag)).map(OsString::from));
    command.push(format!("oss://{}/{key}", target.bucket).into());
    step(&format!("upload {upload_id} may still be billed; if no other program uses it, delete it"), &command)
}

pub(crate) fn same_command() -> Step {
    step("run the same command again", &shell::argv())
}

/// `--restart` once is enough: typed again it would give up what this run has sent.
fn continuing(argv: Vec<OsString>, kind: ErrorKind, seen: &Seen) -> Vec<OsString> {
    if seen.begun && kind != ErrorKind::Locked { shell::without(&argv, "--restart", false) } else { argv }
}

fn repeated(argv: &[OsString], error: &Error) -> Vec<Step> {
    unreachable(argv, error).into_iter().chain([again(argv, error.kind())]).collect()
}

fn again(argv: &[OsString], kind: ErrorKind) -> Step {
    match kind {
        ErrorKind::Locked => step("when the other one is done (or with --wait), run the same command again", argv),
        _ => step("run the same command again, it continues where this one stopped", argv),
    }
}

fn change(argv: &[OsString], error: &Error) -> Vec<Step> {
    let mut steps = Vec::new();
    if error.upload_id().is_some() && is_refusal(error) {
        let restarted = shell::with(argv, "--restart", None);
        steps.push(step("to give the earlier attempt up and start afresh", &restarted));
    }
    if why(error) == Some(Why::AlreadyExists) {
        let replacing = shell::without(&shell::without(argv, "--forbid-overwrite", false), "--no-clobber", false);
        steps.push(step("to replace it", &replacing));
    }
    steps.push(main_step(argv, error));
    steps
}

/// The service said no, for a reason that may lie in the upload that stands there.
fn is_refusal(error: &Error) -> bool {
    matches!(why(error), Some(Why::Rejected | Why::Corrupted | Why::Unsettled))
}

fn main_step(argv: &[OsString], error: &Error) -> Step {
    let service = error.service();
    match why(error) {
        Some(Why::WrongEndpoint) => wrong_endpoint(argv, service.and_then(|service| service.endpoint.as_deref())),
        Some(Why::AlreadyExists) => {
            step("the object is left as it is: delete it first, or upload under another key, then", argv)
        }
        Some(Why::NoCheckpoint) => {
            let anyway = shell::without(argv, "--require-checkpoint", false);
            step("give a directory that can be written with --checkpoint-dir DIR, or go on without resume", &anyway)
        }
        Some(Why::Unproven) => {
            let unproven = shell::with(argv, "--allow-unproven", None);
            step("only if this server is trusted to store what it is sent", &unproven)
        }
        Some(Why::Corrupted) => step("check memory and network for damage, then", argv),
        Some(Why::Unsettled) => step("once the earlier upload can be aborted (oss:AbortMultipartUpload), then", argv),
        _ => match (service, error) {
            (Some(service), _) => refused(argv, service),
            (None, Error::Upload(UploadError::Checkpoint { path, .. })) => {
                step(&format!("move {} out of the way, then", path.display()), argv)
            }
            (None, Error::Upload(UploadError::Lock(_))) => {
                step("give a directory that can be written with --checkpoint-dir DIR, or make this one so, then", argv)
            }
            _ => unanswered(argv, error),
        },
    }
}

fn unanswered(argv: &[OsString], error: &Error) -> Step {
    not_connected(argv, error).unwrap_or_else(|| step("mend that, then", argv))
}

fn refused(argv: &[OsString], service: &ServiceError) -> Step {
    another_way(argv, service).unwrap_or_else(|| step(mend(service), argv))
}

fn mend(service: &ServiceError) -> &'static str {
    match &service.code {
        code if *code == ErrorCode::ACCESS_DENIED => {
            "allow this key oss:PutObject, oss:ListParts, oss:GetObject and oss:AbortMultipartUpload here, then"
        }
        code if *code == ErrorCode::INVALID_ACCESS_KEY_ID || *code == ErrorCode::SIGNATURE_DOES_NOT_MATCH => {
            "correct OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET (and OSS_SESSION_TOKEN), or the profile they come from, then"
        }
        code if *code == ErrorCode::SECURITY_TOKEN_EXPIRED || *code == ErrorCode::INVALID_SECURITY_TOKEN => {
            "get fresh temporary credentials, then"
        }
        code if *code == ErrorCode::NO_SUCH_BUCKET => "create the bucket, or correct its name or the endpoint, then",
        code if *code == ErrorCode::REQUEST_TIME_TOO_SKEWED => "set this machine's clock, then",
        code if *code == ErrorCode::NO_SUCH_UPLOAD => "nothing is left to do: the upload is gone. To ask again",
        _ => "mend what the service refused, then",
    }
}

fn why(error: &Error) -> Option<Why> {
    match error {
        Error::Upload(UploadError::Failed { failure, .. }) => Some(failure.why),
        _ => None,
    }
}

pub(crate) fn step(words: &str, argv: &[OsString]) -> Step {
    Step { words: words.to_owned(), command: shell::quote(argv) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oss_client::Failure;

    fn argv(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn failed(why: Why, upload_id: bool) -> Error {
        let upload_id = upload_id.then(|| UploadId::new("0004B989").unwrap());
        let failure = Failure { why, action: None, part: None, upload_id, resumable: true };
        Error::Upload(UploadError::Failed { failure, source: None })
    }

    #[test]
    fn restart_is_not_repeated_once_it_has_worked() {
        let line = argv("oss cp f oss://b/ --restart");
        let begun = Seen { begun: true, leftovers: Vec::new() };
        assert_eq!(continuing(line.clone(), ErrorKind::Resumable, &begun), argv("oss cp f oss://b/"));
        assert_eq!(continuing(line.clone(), ErrorKind::Resumable, &Seen::default()), line);
    }

    #[test]
    fn a_refused_upload_can_be_given_up_and_an_unproven_one_be_waved_through() {
        let line = argv("oss cp f oss://demo/");
        let commands = |error: &Error| change(&line, error).into_iter().map(|step| step.command).collect::<Vec<_>>();
        assert_eq!(commands(&failed(Why::Rejected, true)), ["oss cp --restart f oss://demo/", "oss cp f oss://demo/"]);
        assert_eq!(commands(&failed(Why::Rejected, false)), ["oss cp f oss://demo/"]);
        assert_eq!(commands(&failed(Why::Unproven, true)), ["oss cp --allow-unproven f oss://demo/"]);
        let required = argv("oss cp f oss://demo/ --require-checkpoint");
        assert_eq!(main_step(&required, &failed(Why::NoCheckpoint, false)).command, "oss cp f oss://demo/");
    }
}
