//! What AWS answers when it does not do what was asked.
//!
//! In: a status and a body, in any of the shapes that services use: XML, JSON, or the page of a proxy. Out: a [`CloudError`]. Always: a
//! status of the server's own (5xx), or an answer nobody can read, is never taken for a decision.
//!
//! Sources: AWS CloudFormation API Reference, "Common Error Types"; AWS General Reference, "Retry behavior" of the SDKs and Tools Reference
//! Guide (which codes are throttling, which transient).

use std::time::Duration;

use deploy::CloudError;
use serde_json::Value;

/// Codes by which services say that there were too many calls.
const THROTTLING: [&str; 12] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException: rate",
    "SlowDown",
    "PriorRequestNotComplete",
];

/// Codes that may pass by themselves.
const TRANSIENT: [&str; 9] = [
    "RequestTimeout",
    "RequestTimeoutException",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "ServiceInternalErrorException",
    "ServiceException",
];

/// A code and a message, as far as the body has them.
pub(crate) fn code_and_message(body: &str) -> Option<(String, String)> {
    let trimmed = body.trim_start();
    if trimmed.starts_with('{') {
        let tree: Value = serde_json::from_str(trimmed).ok()?;
        let code = tree.get("__type").or_else(|| tree.get("code")).and_then(Value::as_str)?;
        // `com.amazonaws.organizations#AWSOrganizationsNotInUseException`
        let code = code.rsplit('#').next().unwrap_or(code).split(':').next().unwrap_or(code);
        let message = ["message", "Message", "errorMessage"].iter().find_map(|key| tree.get(key)?.as_str());
        return Some((code.to_owned(), message.unwrap_or_default().to_owned()));
    }
    if !trimmed.starts_with('<') {
        return None;
    }
    let tree = roxmltree::Document::parse(trimmed).ok()?;
    let text = |name: &str| {
        let node = tree.descendants().find(|node| node.tag_name().name() == name)?;
        Some(node.text().unwrap_or_default().to_owned())
    };
    Some((text("Code")?, text("Message").unwrap_or_default()))
}

/// The error that a response means. `code`: what the header of services with JSON says (`x-amzn-errortype`).
pub(crate) fn of(
    what: &str,
    status: u16,
    header_code: Option<&str>,
    retry_after: Option<Duration>,
    body: &str,
) -> CloudError {
    let known = code_and_message(body);
    let header = header_code.map(|code| code.split(':').next().unwrap_or(code).to_owned());
    let (code, message) = match (known, header) {
        (Some((code, message)), _) => (code, message),
        (None, Some(code)) => (code, String::new()),
        (None, None) => (String::new(), first_line(body)),
    };
    let said = match (code.as_str(), message.as_str()) {
        ("", "") => format!("{what}: status {status}"),
        ("", message) => format!("{what}: status {status}: {message}"),
        (code, "") => format!("{what}: {code}"),
        (_, message) => format!("{what}: {message}"),
    };
    let throttled = THROTTLING.contains(&code.as_str()) || message.contains("Rate exceeded");
    if status == 429 || throttled {
        return CloudError::Throttled { message: said, retry_after };
    }
    if status == 503 && code == "SlowDown" {
        return CloudError::Throttled { message: said, retry_after };
    }
    // Some services refuse without a word; a body that says nothing readable decides nothing.
    let decided =
        !code.is_empty() || status == 404 || (body.trim().is_empty() && [401, 403, 412].contains(&status));
    // RFC 9110, "501 Not Implemented": the server does not have it, and will not have it a moment later.
    if status == 501 {
        return CloudError::Unsupported(said);
    }
    if status >= 500 || TRANSIENT.contains(&code.as_str()) || !decided {
        return CloudError::Transient(said);
    }
    CloudError::Refused { code: if code.is_empty() { status.to_string() } else { code }, message: said }
}

/// The first line with text in it, without the marks of a page.
fn first_line(body: &str) -> String {
    let mut out = String::new();
    let mut within = false;
    for character in body.chars().take(4000) {
        match character {
            '<' => within = true,
            '>' => within = false,
            _ if within => {}
            character if character.is_whitespace() => {
                if !out.ends_with(' ') && !out.is_empty() {
                    out.push(' ');
                }
            }
            character => out.push(character),
        }
        if out.chars().count() >= 160 {
            break;
        }
    }
    out.trim().to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str) -> &'static str {
        match of("x", status, None, None, body) {
            CloudError::Throttled { .. } => "throttled",
            CloudError::Transient(_) => "transient",
            CloudError::Refused { .. } => "refused",
            _ => "other",
        }
    }

    #[test]
    fn every_shape_of_an_error_is_read() {
        let xml = "<ErrorResponse xmlns=\"http://x/\"><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>";
        assert_eq!(kind(400, xml), "throttled");
        let json = r#"{"__type":"com.amazonaws.organizations#AccessDeniedException","Message":"no"}"#;
        assert_eq!(kind(400, json), "refused");
        assert_eq!(code_and_message(json).unwrap().0, "AccessDeniedException");
        assert_eq!(kind(503, "<Error><Code>SlowDown</Code></Error>"), "throttled");
        assert_eq!(kind(500, "<html><body>Internal Server Error</body></html>"), "transient");
        assert_eq!(kind(400, "<!doctype html><title>400 Bad Request</title>"), "transient");
        assert_eq!(kind(403, "{\"__type\":\"Acc"), "transient", "half an answer decides nothing");
        assert_eq!(kind(429, ""), "throttled");
    }

    #[test]
    fn a_page_is_said_in_one_line() {
        let error = of("STS", 502, None, None, "<html>\n<h1>Bad\n  Gateway</h1></html>");
        assert_eq!(error.to_string(), "STS: status 502: Bad Gateway");
    }
}
