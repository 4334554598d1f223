//! The command line.

mod connection;
mod cp;
mod credentials;
mod link;
mod network;
mod object;
mod proxy;
mod report;
mod trust;

pub(crate) use connection::{AddressingArg, Connection};
pub(crate) use cp::Cp;
pub(crate) use credentials::CredentialsArgs;
pub(crate) use link::LinkArgs;
pub(crate) use network::NetworkLimits;
pub(crate) use object::Object;
pub(crate) use proxy::Proxy;
pub(crate) use report::Report;
pub(crate) use trust::Trust;

use crate::quantity;
use crate::target::Target;
use clap::{Parser, Subcommand, ValueEnum};
use oss_client::Method;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const ABOUT: &str = "Uploads files to Alibaba Cloud OSS: resumable, crash-safe, verified";
const ENVIRONMENT: &str = "\
Environment:
  OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET  the access key (or ALIBABA_CLOUD_ACCESS_KEY_ID, …)
  OSS_SESSION_TOKEN                         the security token of temporary keys
  OSS_CREDENTIALS_PROCESS                   a program that prints keys as JSON
  (a secret is never an option: others on this machine can read command lines)
  OSS_REGION, OSS_ENDPOINT                  where --region and --endpoint are not given
  HTTPS_PROXY, HTTP_PROXY, ALL_PROXY,
  NO_PROXY                                  where --proxy and --no-proxy are not given
  SSL_CERT_FILE                             where --ca-file is not given

Exit codes:
  0  done and verified
  1  something has to change first; the last line says what to type
  2  usage: nothing was sent
  3  the same command continues
  4  done and verified, but the callback failed or its outcome was lost";

#[derive(Debug, Parser)]
#[command(name = "oss", version, about = ABOUT, after_help = ENVIRONMENT)]
pub(crate) struct Args {
    /// Tells of every request on stderr: what, where, how it ended; never a secret, a token or a signature
    #[arg(long, short = 'v', global = true)]
    pub(crate) debug: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Uploads a file; typed again after any failure, it goes on where it was
    #[command(after_help = ENVIRONMENT)]
    Cp(Box<Cp>),
    /// Runs the embedded OSS server for any client, until Ctrl-C
    Serve(Serve),
    /// Prints a URL by which anyone can read or write one object for a while
    Presign(Presign),
    /// Deletes an unfinished multipart upload and its parts
    Abort(Abort),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Address and port; port 0 is any free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Where data is kept [default: in memory]
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
    /// The access key that may sign [default: OSS_ACCESS_KEY_ID, else a demo key]
    #[arg(long, requires = "access_key_secret")]
    pub(crate) access_key_id: Option<String>,
    /// Its secret [default: OSS_ACCESS_KEY_SECRET]
    #[arg(long, requires = "access_key_id")]
    pub(crate) access_key_secret: Option<Secret>,
    /// The region that V4 signatures must name
    #[arg(long, default_value = crate::embedded::REGION)]
    pub(crate) region: String,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
}

/// Text that is never printed.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Presign {
    /// The object
    #[arg(value_name = "oss://BUCKET/KEY")]
    pub(crate) target: Target,
    /// How long the URL lives: 90s, 15m, 1h, 7d (with V4 at most 7d)
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = quantity::duration)]
    pub(crate) expires: Duration,
    /// What the URL can be used for
    #[arg(long, value_enum, ignore_case = true, default_value_t = MethodArg::Get)]
    pub(crate) method: MethodArg,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Abort {
    /// The object the upload was begun for
    #[arg(value_name = "oss://BUCKET/KEY")]
    pub(crate) target: Target,
    /// The upload, as `oss cp` named it
    #[arg(long, value_name = "ID")]
    pub(crate) upload_id: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MethodArg {
    /// To read
    #[value(name = "GET")]
    Get,
    /// To write
    #[value(name = "PUT")]
    Put,
}

impl From<MethodArg> for Method {
    fn from(arg: MethodArg) -> Self {
        match arg {
            MethodArg::Get => Self::GET,
            MethodArg::Put => Self::PUT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::connection::SignVersionArg;
    use super::*;
    use clap::CommandFactory;
    use oss_client::Parallel;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn cp_takes_what_the_readme_says() {
        let line = "oss cp big.iso oss://demo/k --part-size 8MiB --parallel 5 --endpoint embedded:d --json --restart";
        let Command::Cp(cp) = parse(line).unwrap().command else { panic!("it is cp") };
        assert_eq!(
            (cp.part_size, cp.parallel, cp.json, cp.restart, cp.wait),
            (Some(8 << 20), Parallel::Fixed(5), true, true, false)
        );
        assert_eq!(cp.connection.endpoint.as_deref(), Some("embedded:d"));
        assert_eq!(cp.connection.sign_version, SignVersionArg::V4);
    }

    #[test]
    fn bad_values_are_usage_errors_that_name_the_option_and_the_range() {
        for (line, name, range) in [
            ("oss cp f oss://demo/k --part-size 1KiB", "--part-size", "100KiB"),
            ("oss cp f oss://demo/k --part-size 8MB", "--part-size", "5GiB"),
            ("oss cp f oss://demo/k --parallel 0", "--parallel", "1..=1024"),
            ("oss cp f oss://demo/k --parallel 1025", "--parallel", "1..=1024"),
            ("oss cp f oss://demo/k --parallel many", "--parallel", "auto"),
            ("oss cp f oss://DEMO/k", "bucket", "a-z"),
            ("oss cp f demo/k", "oss://BUCKET/KEY", "oss://BUCKET/KEY"),
            ("oss cp f oss://demo/k --sign-version v2", "--sign-version", "v4"),
            ("oss cp f oss://demo/k --addressing host", "--addressing", "virtual"),
            ("oss presign oss://demo/k --expires never", "--expires", "7d"),
            ("oss presign oss://demo/k --method DELETE", "--method", "GET"),
            ("oss cp f oss://demo/k --response-timeout 0", "--response-timeout", "100ms"),
            ("oss abort oss://demo/k --upload-id i --connect-timeout 25h", "--connect-timeout", "24h"),
            ("oss serve --listen here", "--listen", "ADDRESS:PORT"),
            ("oss serve --access-key-id id", "--access-key-secret", ""),
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
            let words = error.to_string();
            assert!(words.contains(name) && words.contains(range), "{line}: {words}");
        }
    }

    #[test]
    fn a_method_is_read_in_any_case() {
        let Command::Presign(presign) = parse("oss presign oss://demo/k --method put --expires 15m").unwrap().command
        else {
            panic!("it is presign")
        };
        assert_eq!((presign.method, presign.expires), (MethodArg::Put, Duration::from_secs(900)));
    }
}
