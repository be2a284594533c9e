//! One signed call.
//!
//! In: what to call and with whose credentials. Out: the answer's body, or a [`CloudError`]. Always: a call that got no whole answer is
//! transient; nothing is tried twice here, that is the business of `deploy::patience`.
//!
//! Sources: AWS SDKs and Tools Reference Guide, "Service-specific endpoints" (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_<SERVICE>`); AWS General
//! Reference, "AWS service endpoints"; IAM User Guide, "AWS Signature Version 4 for API requests".

use std::io::Read as _;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use deploy::{Answer, CloudError};
use ureq::http::{Request, Response};
use ureq::tls::{PemItem, RootCerts, TlsConfig};

use crate::failure;

/// No answer that we ask for is larger: a template has at most one megabyte.
const LARGEST: u64 = 32 << 20;

/// A call that is to be signed and sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call<'c> {
    /// The name that the signature has for the service: `cloudformation`.
    pub service: &'c str,
    /// The region that the signature names.
    pub region: &'c str,
    /// `GET`, `PUT`, `POST`.
    pub method: &'c str,
    /// The host, where it is not that of the service in the region: a bucket's.
    pub host: Option<String>,
    /// The path, percent-encoded, from `/`.
    pub path: String,
    /// The query string, percent-encoded.
    pub query: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// What it is, for messages: `CloudFormation DescribeStacks`.
    pub what: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub body: String,
    pub headers: ureq::http::HeaderMap,
}

impl Reply {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The way to AWS.
#[derive(Debug)]
pub(crate) struct Wire {
    agent: ureq::Agent,
    /// `AWS_ENDPOINT_URL`.
    endpoint: Option<String>,
    /// `amazonaws.com`, `amazonaws.com.cn`.
    pub suffix: &'static str,
}

impl Wire {
    /// As the environment says.
    pub(crate) fn new(region: &str, environment: &dyn Fn(&str) -> Option<String>) -> Answer<Self> {
        let mut tls = TlsConfig::builder();
        if let Some(path) = environment("AWS_CA_BUNDLE") {
            let refused = |why: String| CloudError::refused("AWS_CA_BUNDLE", format!("{path}: {why}"));
            let text = std::fs::read(&path).map_err(|error| refused(error.to_string()))?;
            let mut known = Vec::new();
            for item in ureq::tls::parse_pem(&text) {
                if let PemItem::Certificate(one) = item.map_err(|error| refused(error.to_string()))? {
                    known.push(one);
                }
            }
            tls = tls.root_certs(RootCerts::new_with_certs(&known));
        }
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_global(Some(Duration::from_secs(60)))
            .max_redirects(0)
            .max_idle_connections(64)
            .max_idle_connections_per_host(16)
            .tls_config(tls.build())
            .build()
            .new_agent();
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let endpoint = environment("AWS_ENDPOINT_URL").filter(|url| !url.is_empty());
        Ok(Self { agent, endpoint: endpoint.map(|url| url.trim_end_matches('/').to_owned()), suffix })
    }

    /// Whether calls go somewhere else than to AWS.
    pub(crate) fn elsewhere(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// The base of addresses of a service in a region.
    pub(crate) fn base(
        &self,
        service: &str,
        region: &str,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> String {
        let own = format!("AWS_ENDPOINT_URL_{}", service.to_uppercase().replace(['-', ' '], "_"));
        environment(&own)
            .filter(|url| !url.is_empty())
            .map(|url| url.trim_end_matches('/').to_owned())
            .or_else(|| self.endpoint.clone())
            .unwrap_or_else(|| format!("https://{service}.{region}.{}", self.suffix))
    }

    /// Sends a call. Any status but 2xx is an error.
    pub(crate) fn send(&self, base: &str, call: &Call<'_>, who: Option<&Credentials>) -> Answer<Reply> {
        let base = call.host.clone().unwrap_or_else(|| base.to_owned());
        let mark = if call.query.is_empty() { "" } else { "?" };
        let uri = format!("{base}{}{mark}{}", call.path, call.query);
        let mut request = Request::builder().method(call.method).uri(&uri);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let broken =
            |error: &dyn std::fmt::Display| CloudError::refused("Request", format!("{uri}: {error}"));
        let mut request = request.body(call.body.clone()).map_err(|error| broken(&error))?;
        if let Some(who) = who {
            for (name, value) in signature(call, &uri, &request, who).map_err(|why| broken(&why))? {
                let value = ureq::http::HeaderValue::from_str(&value).map_err(|error| broken(&error))?;
                request.headers_mut().insert(name, value);
            }
        }
        let reply = self.agent.run(request);
        let reply = reply.map_err(|error| CloudError::Transient(format!("{}: {error}", call.what)))?;
        read(call, reply)
    }

    /// Sends a call without a signature, to what hands out credentials; any failure is in words.
    pub(crate) fn plain(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, String)],
        wait: Duration,
    ) -> Result<String, String> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Vec::new()).map_err(|error| error.to_string())?;
        let request = self.agent.configure_request(request).timeout_global(Some(wait)).build();
        let mut reply = self.agent.run(request).map_err(|error| error.to_string())?;
        let body = reply.body_mut().read_to_string().map_err(|error| error.to_string())?;
        if reply.status().is_success() { Ok(body) } else { Err(format!("status {}", reply.status())) }
    }
}

fn signature(
    call: &Call<'_>,
    uri: &str,
    request: &Request<Vec<u8>>,
    who: &Credentials,
) -> Result<Vec<(&'static str, String)>, String> {
    let mut settings = SigningSettings::default();
    // S3 signs the path as it is; everybody else encodes it a second time.
    if call.service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let identity = who.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(call.region)
        .name(call.service)
        .time(SystemTime::now())
        .settings(settings)
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let headers =
        request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let signable = SignableRequest::new(call.method, uri, headers, SignableBody::Bytes(&call.body))
        .map_err(|error| error.to_string())?;
    let (instructions, _) = sign(signable, &parameters).map_err(|error| error.to_string())?.into_parts();
    let (headers, _) = instructions.into_parts();
    Ok(headers.into_iter().map(|header| (header.name(), header.value().to_owned())).collect())
}

fn read(call: &Call<'_>, mut reply: Response<ureq::Body>) -> Answer<Reply> {
    let status = reply.status();
    let headers = reply.headers().clone();
    let length: Option<u64> = headers
        .get("content-length")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    let zipped = headers.contains_key("content-encoding");
    let mut body = Vec::new();
    let mut reader = reply.body_mut().with_config().limit(LARGEST).reader();
    let lost = |why: &dyn std::fmt::Display| CloudError::Transient(format!("{}: {why}", call.what));
    reader.read_to_end(&mut body).map_err(|error| lost(&error))?;
    // A connection that was cut may end without an error.
    if let Some(length) = length.filter(|_| !zipped && call.method != "HEAD")
        && u64::try_from(body.len()).unwrap_or(0) != length
    {
        return Err(lost(&format!("{} of {length} bytes arrived", body.len())));
    }
    let body = String::from_utf8(body).map_err(|error| lost(&error))?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if status.is_success() {
        return Ok(Reply { body, headers });
    }
    let after = header("retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let error = failure::of(&call.what, status.as_u16(), header("x-amzn-errortype"), after, &body);
    Err(error)
}

/// Percent-encodes all but unreserved characters, as signatures want it.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// `a=1&b=2`, percent-encoded.
pub(crate) fn form<'f>(pairs: impl IntoIterator<Item = (&'f str, &'f str)>) -> String {
    let pairs: Vec<String> =
        pairs.into_iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect();
    pairs.join("&")
}
