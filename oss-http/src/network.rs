use crate::{Endpoint, EndpointError};

/// Which of a region's endpoints: by which network the service is reached.
///
/// The hosts are those of OSS's list of regions and endpoints. All of them are https.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Network {
    /// `oss-REGION.aliyuncs.com`, from anywhere.
    #[default]
    Public,
    /// `oss-REGION-internal.aliyuncs.com`, from machines of Alibaba Cloud in the same region; traffic is free there.
    Internal,
    /// `REGION.oss.aliyuncs.com`, over IPv4 or IPv6.
    DualStack,
    /// `oss-accelerate.aliyuncs.com`: the nearest entry of the acceleration network. The bucket must have transfer
    /// acceleration switched on.
    Accelerate,
    /// `oss-accelerate-overseas.aliyuncs.com`: the same, with the entries outside the Chinese mainland only.
    AccelerateOverseas,
}

impl Endpoint {
    /// The endpoint of a region in a network: `cn-hangzhou`, [`Network::Internal`] →
    /// `https://oss-cn-hangzhou-internal.aliyuncs.com`.
    ///
    /// The acceleration endpoints are the same for every region; the region is checked all the same, since V4
    /// signatures name it.
    ///
    /// # Errors
    /// [`EndpointError::Region`] when the text is not `[a-z0-9-]+`.
    pub fn of_region(region: &str, network: Network) -> Result<Self, EndpointError> {
        if !is_region(region) {
            return Err(EndpointError::Region { region: region.to_owned() });
        }
        let host = match network {
            Network::Public => format!("oss-{region}.aliyuncs.com"),
            Network::Internal => format!("oss-{region}-internal.aliyuncs.com"),
            Network::DualStack => format!("{region}.oss.aliyuncs.com"),
            Network::Accelerate => "oss-accelerate.aliyuncs.com".to_owned(),
            Network::AccelerateOverseas => "oss-accelerate-overseas.aliyuncs.com".to_owned(),
        };
        Self::parse(&host, None)
    }

    /// [`of_region`](Self::of_region) in the public network: `cn-hangzhou` → `https://oss-cn-hangzhou.aliyuncs.com`.
    ///
    /// # Errors
    /// [`EndpointError::Region`] when the text is not `[a-z0-9-]+`.
    pub fn from_region(region: &str) -> Result<Self, EndpointError> {
        Self::of_region(region, Network::Public)
    }
}

fn is_region(text: &str) -> bool {
    let legal = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let named = !text.is_empty() && text.len() <= 48 && text.bytes().all(legal);
    named && !text.starts_with('-') && !text.ends_with('-')
}
