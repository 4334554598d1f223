//! How to reach the service.

use super::{CredentialsArgs, NetworkLimits, Proxy, Trust};
use clap::ValueEnum;
use oss_client::{Addressing, Network, SignatureVersion};

const ENDPOINT: &str = "https://HOST, http://HOST:PORT, a bare host, or embedded[:DIR] for a server inside this process \
that stores under DIR (./.oss-embedded) [default: the region's, see --network]";

/// How to reach the service; the same for every command that does.
#[derive(Debug, clap::Args)]
pub(crate) struct Connection {
    #[arg(long, value_name = "ENDPOINT", help = ENDPOINT)]
    pub(crate) endpoint: Option<String>,
    /// The bucket's region, such as cn-hangzhou
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// Which of the region's endpoints; needs --region [default: public]
    #[arg(long, value_enum, conflicts_with = "endpoint")]
    pub(crate) network: Option<NetworkArg>,
    /// Where the bucket's name goes in a URL [default: path for IP addresses, else virtual]
    #[arg(long, value_enum)]
    pub(crate) addressing: Option<AddressingArg>,
    /// How requests are signed
    #[arg(long, value_enum, default_value_t = SignVersionArg::V4)]
    pub(crate) sign_version: SignVersionArg,
    /// Who pays for the requests, in a bucket whose owner does not
    #[arg(long, value_enum, value_name = "requester")]
    pub(crate) request_payer: Option<RequestPayer>,
    #[command(flatten)]
    pub(crate) credentials: CredentialsArgs,
    #[command(flatten)]
    pub(crate) proxy: Proxy,
    #[command(flatten)]
    pub(crate) trust: Trust,
    #[command(flatten)]
    pub(crate) limits: NetworkLimits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RequestPayer {
    /// The account whose key signs
    Requester,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NetworkArg {
    /// oss-REGION.aliyuncs.com
    Public,
    /// oss-REGION-internal.aliyuncs.com, from machines of Alibaba Cloud in that region
    Internal,
    /// REGION.oss.aliyuncs.com, over IPv4 or IPv6
    DualStack,
    /// oss-accelerate.aliyuncs.com, for buckets with transfer acceleration
    Accelerate,
    /// oss-accelerate-overseas.aliyuncs.com, the same outside the Chinese mainland
    AccelerateOverseas,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AddressingArg {
    /// BUCKET.HOST/KEY
    Virtual,
    /// HOST/BUCKET/KEY
    Path,
    /// HOST/KEY: a domain bound to one bucket
    Cname,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignVersionArg {
    /// HMAC-SHA256; needs the region
    V4,
    /// HMAC-SHA1
    V1,
}

impl From<NetworkArg> for Network {
    fn from(arg: NetworkArg) -> Self {
        match arg {
            NetworkArg::Public => Self::Public,
            NetworkArg::Internal => Self::Internal,
            NetworkArg::DualStack => Self::DualStack,
            NetworkArg::Accelerate => Self::Accelerate,
            NetworkArg::AccelerateOverseas => Self::AccelerateOverseas,
        }
    }
}

impl From<AddressingArg> for Addressing {
    fn from(arg: AddressingArg) -> Self {
        match arg {
            AddressingArg::Virtual => Self::Virtual,
            AddressingArg::Path => Self::Path,
            AddressingArg::Cname => Self::Cname,
        }
    }
}

impl From<SignVersionArg> for SignatureVersion {
    fn from(arg: SignVersionArg) -> Self {
        match arg {
            SignVersionArg::V4 => Self::V4,
            SignVersionArg::V1 => Self::V1,
        }
    }
}
