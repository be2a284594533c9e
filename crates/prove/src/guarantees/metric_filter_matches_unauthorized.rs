//! A metric filter that counts unauthorized calls counts every form of them.
//!
//! Source: CIS AWS Foundations Benchmark, "Ensure unauthorized API calls are monitored"
//! (`*UnauthorizedOperation` and `AccessDenied*`); Amazon EC2 API Reference, "Error codes" (EC2 says
//! `UnauthorizedOperation`, recorded as `Client.UnauthorizedOperation`, most services `AccessDenied`, JSON services
//! `AccessDeniedException`).

use estate::Value;

use crate::filter_pattern::Expression;
use crate::text::Truth;
use crate::{Facts, Findings, Guarantee, Level, Setting, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "metric-filter-matches-unauthorized",
    title: "every metric filter for unauthorized calls matches all forms of them",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/metric-filter-matches-unauthorized.md"),
    check,
};

/// Forms in which CloudTrail records that a call was refused.
const CODES: [&str; 4] =
    ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Client.UnauthorizedOperation"];

const FIX: &str =
    "FilterPattern: '{($.errorCode = \"*UnauthorizedOperation\") || ($.errorCode = \"AccessDenied*\")}'";

/// A refused call that no filter has a reason to leave out.
fn event(code: &str) -> [(&str, &str); 7] {
    [
        ("errorCode", code),
        ("eventName", "DescribeInstances"),
        ("eventSource", "ec2.amazonaws.com"),
        ("eventType", "AwsApiCall"),
        ("sourceIPAddress", "198.51.100.7"),
        ("userIdentity.type", "AssumedRole"),
        ("userAgent", "aws-cli/2"),
    ]
}

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    for &filter in facts.index.of_kind("AWS::Logs::MetricFilter") {
        let pattern = Setting::of(filter.resource, &["FilterPattern"]);
        let texts: Vec<&Value> =
            pattern.alternatives().iter().filter_map(|alternative| alternative.value).collect();
        if !texts.iter().any(|text| speaks_of_refusal(text)) {
            continue;
        }
        let (mut missed, mut doubt): (Option<(diagnostics::Span, Vec<&str>)>, _) = (None, None);
        for &text in &texts {
            let Some(expression) = text.as_str().and_then(Expression::parse) else {
                doubt = Some((text.span, format!("the pattern is {}, which is not read", text.describe())));
                continue;
            };
            for code in CODES {
                match expression.matches(&event(code)) {
                    Truth::Yes => {}
                    Truth::No => missed.get_or_insert_with(|| (text.span, Vec::new())).1.push(code),
                    Truth::Unknown => {
                        doubt = Some((
                            text.span,
                            format!("whether it matches `{code}` hangs on a field that may be anything"),
                        ));
                    }
                }
            }
        }
        match (missed, doubt, texts.len()) {
            (Some((span, codes)), _, 1) => {
                let code = codes.first().copied().unwrap_or_default();
                findings
                    .violated(
                        filter,
                        span,
                        format!("the filter does not count calls refused with {}", listed(&codes)),
                    )
                    .witness(Witness::Event {
                        happens: format!("a call is refused and recorded with errorCode {code}"),
                        follows: "the metric does not move".into(),
                    })
                    .fix(FIX);
            }
            (Some((span, codes)), _, _) => {
                let message = format!(
                    "whether calls refused with {} are counted depends on a condition",
                    listed(&codes)
                );
                findings.unknown(filter, span, message);
            }
            (None, Some((span, because)), _) => {
                findings.unknown(
                    filter,
                    span,
                    format!("whether all refused calls are counted cannot be known: {because}"),
                );
            }
            (None, None, _) => findings.proved(filter),
        }
    }
}

fn listed(codes: &[&str]) -> String {
    codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(" and ")
}

/// Whether a pattern is about refused calls: it asks for an error code of that kind. One that leaves such calls
/// out (`!=`) is about something else.
fn speaks_of_refusal(text: &Value) -> bool {
    let mut found = false;
    text.walk(&mut |value| {
        let lower = value.as_str().unwrap_or_default().to_ascii_lowercase();
        found |=
            lower.contains("errorcode") && (lower.contains("unauthorized") || lower.contains("accessdenied"));
    });
    found
}
