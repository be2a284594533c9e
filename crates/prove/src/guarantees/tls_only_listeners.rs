//! Clients reach load balancers, distributions and API domains over TLS 1.2 or newer only.
//!
//! Sources: Elastic Load Balancing, "Security policies for your Application Load Balancer" and "… Network
//! Load Balancer" (without a policy, a listener made by CloudFormation gets ELBSecurityPolicy-2016-08, which
//! accepts TLS 1.0), "Predefined SSL security policies for Classic Load Balancers"; Amazon CloudFront
//! Developer Guide, "Supported protocols and ciphers between viewers and CloudFront" (with the default
//! certificate the policy is TLSv1, whatever is set); Amazon API Gateway Developer Guide, "Choose a security
//! policy for your custom domain in API Gateway" (HTTP and WebSocket APIs have TLS_1_2 only).

mod passages;

use estate::{Kind, ResourceRef, Value};
pub(crate) use passages::Passages;

use crate::lookup::Attachments;
use crate::text::Truth;
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Words, every_item};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "tls-only-listeners",
    title: "clients come in over TLS 1.2 or newer only",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/tls-only-listeners.md"),
    check,
};

const PLAIN: Words<'static> = Words {
    violated: "the listener serves clients over plain HTTP",
    unknown: "every client comes over TLS",
    path: "Protocol",
    fix: "Protocol: HTTPS with a certificate; keep an HTTP listener only to redirect to HTTPS",
};
const OLD: Words<'static> = Words {
    violated: "the listener accepts TLS older than 1.2",
    unknown: "TLS older than 1.2 is refused",
    path: "SslPolicy",
    fix: "SslPolicy: ELBSecurityPolicy-TLS13-1-2-2021-06",
};

/// Rules by their listener.
pub(crate) fn rules<'a>(facts: &Facts<'a>) -> Attachments<'a> {
    let rule = "AWS::ElasticLoadBalancingV2::ListenerRule";
    Attachments::of(facts, rule, &["ListenerArn"], "AWS::ElasticLoadBalancingV2::Listener")
}

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let rules = rules(facts);
    let passages = Passages::of(facts);
    for &listener in facts.index.of_kind("AWS::ElasticLoadBalancingV2::Listener") {
        load_balancer_listener(facts, findings, listener, &rules, &passages);
    }
    for &balancer in facts.index.of_kind("AWS::ElasticLoadBalancing::LoadBalancer") {
        classic(findings, balancer);
    }
    for &distribution in facts.index.of_kind("AWS::CloudFront::Distribution") {
        cloudfront(findings, distribution);
    }
    for &domain in facts.index.of_kind("AWS::ApiGateway::DomainName") {
        let judgement = Setting::of(domain.resource, &["SecurityPolicy"]).judge(|policy| match policy {
            Some(policy) => api_policy(policy),
            None => {
                Judgement::doubtful(domain.resource, "no SecurityPolicy is named, so the service chooses one")
            }
        });
        findings.settle(domain, judgement, &API);
    }
    for &domain in facts.index.of_kind("AWS::ApiGatewayV2::DomainName") {
        let each = every_item(
            domain.resource,
            &["DomainNameConfigurations"],
            || Judgement::Holds,
            |item| {
                Setting::below(item, &["SecurityPolicy"])
                    .judge(|policy| policy.map_or(Judgement::Holds, api_policy))
            },
        );
        findings.settle(domain, each, &API);
    }
    for &listener in facts.index.of_kind("AWS::VpcLattice::Listener") {
        let judgement =
            Setting::of(listener.resource, &["Protocol"]).judge(|protocol| match text(protocol) {
                Some("HTTPS") => Judgement::Holds,
                Some("TLS_PASSTHROUGH") => passes_through(protocol, listener),
                _ => not_tls(protocol, listener),
            });
        findings.settle(listener, judgement, &PLAIN);
    }
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}

/// What is no protocol with TLS: a literal fails, anything else is not known.
fn not_tls(protocol: Option<&Value>, subject: ResourceRef<'_>) -> Judgement {
    match protocol {
        Some(value) if value.is_literal() => Judgement::fails(value),
        Some(value) => Judgement::unknown(value),
        None => Judgement::doubtful(subject.resource, "the listener names no protocol"),
    }
}

fn passes_through(protocol: Option<&Value>, subject: ResourceRef<'_>) -> Judgement {
    let span = protocol.map_or(subject.resource.origin.span, |value| value.span);
    let because = "the listener passes connections through, and its targets decide whether they are TLS";
    Judgement::Unknown { span, because: because.into() }
}

/// How many load balancers are followed behind each other.
const MOST_STEPS: u8 = 4;

/// What a listener that passes connections through leads to, where that is known: load balancers of the estate, named by
/// a reference or by addresses of their own, whose listeners are judged for themselves. `None` where something else may
/// be behind it.
fn through<'a>(passages: &Passages<'_, 'a>, listener: ResourceRef<'a>, steps: u8) -> Option<Judgement> {
    let group = passages.group(listener)?;
    let targets = group.resource.properties.get("Targets")?.as_items();
    let steps = steps.checked_sub(1)?;
    let mut all = (!targets.is_empty()).then_some(Judgement::Holds)?;
    for target in targets {
        let port = target.get("Port").or_else(|| group.resource.properties.get("Port"))?;
        let balancer = passages.balancer_at(target.get("Id")?)?;
        let next = passages.listener_on(balancer, port)?;
        all = all.and(|| match text(next.resource.properties.get("Protocol")) {
            // Its own policy is judged where it is.
            Some("HTTPS" | "TLS") => Judgement::Holds,
            Some("TCP") => through(passages, next, steps).unwrap_or_else(|| passes_through(None, next)),
            _ => not_tls(next.resource.properties.get("Protocol"), next),
        });
    }
    Some(all)
}

/// Whether every client of a listener of a load balancer comes over TLS, or is only sent there.
pub(crate) fn plain<'a>(
    listener: ResourceRef<'a>,
    rules: &Attachments<'_>,
    passages: &Passages<'_, 'a>,
) -> Judgement {
    let protocol = Setting::of(listener.resource, &["Protocol"]);
    protocol.judge(|protocol| match text(protocol) {
        Some("HTTPS" | "TLS" | "QUIC") => Judgement::Holds,
        Some("TCP") => {
            through(passages, listener, MOST_STEPS).unwrap_or_else(|| passes_through(protocol, listener))
        }
        Some("UDP" | "TCP_UDP" | "TCP_QUIC") => passes_through(protocol, listener),
        Some("HTTP") => {
            let own = redirects(listener, "DefaultActions");
            let all = rules
                .to(listener)
                .iter()
                .fold(own, |all, rule| all.and(|| redirects(rule.resource, "Actions")));
            // A rule for a listener that is not known may be one of this listener.
            let loose = rules.loose.iter().find(|rule| {
                let named = rule.resource.properties.get("ListenerArn");
                named.is_some_and(|arn| matches!(arn.kind, Kind::Unknown(_)))
                    && redirects(**rule, "Actions") != Judgement::Holds
            });
            let all = all.and(|| {
                loose.map_or(Judgement::Holds, |rule| {
                    Judgement::doubtful(
                        rule.resource,
                        format!("`{}` may or may not be a rule of this listener", rule.id),
                    )
                })
            });
            match (all, protocol) {
                (Judgement::Fails { found, .. }, Some(protocol)) => {
                    Judgement::Fails { span: protocol.span, found: format!("`HTTP` with {found}") }
                }
                (other, _) => other,
            }
        }
        _ => not_tls(protocol, listener),
    })
}

fn load_balancer_listener<'a>(
    facts: &Facts<'a>,
    findings: &mut Findings,
    listener: ResourceRef<'a>,
    rules: &Attachments<'_>,
    passages: &Passages<'_, 'a>,
) {
    let protocol = Setting::of(listener.resource, &["Protocol"]);
    let gateway = protocol.judge(|protocol| match text(protocol) {
        Some("GENEVE") => Judgement::Holds,
        None if protocol.is_none() => is_gateway(facts, listener),
        _ => Judgement::missing(listener.resource),
    });
    // A gateway load balancer carries packets of others to an appliance.
    if gateway == Judgement::Holds {
        return;
    }
    let plain = plain(listener, rules, passages);
    let old = protocol.judge(|protocol| match text(protocol) {
        Some("HTTPS" | "TLS") => {
            Setting::of(listener.resource, &["SslPolicy"]).judge(|policy| match policy {
                Some(policy) => elb_policy(policy),
                None => default_policy(listener),
            })
        }
        _ => Judgement::Holds,
    });
    findings.settle_all(listener, [(plain, PLAIN), (old, OLD)]);
}

fn is_gateway(facts: &Facts<'_>, listener: ResourceRef<'_>) -> Judgement {
    let kind = "AWS::ElasticLoadBalancingV2::LoadBalancer";
    let arn = listener.resource.properties.get("LoadBalancerArn");
    match arn.and_then(|arn| facts.index.named(kind, arn)) {
        Some(balancer) => {
            let ty = Setting::of(balancer.resource, &["Type"]);
            ty.literal(false, |ty| ty.as_str() == Some("gateway"))
        }
        None => Judgement::missing(listener.resource),
    }
}

/// Whether every action of a list only sends the client to HTTPS, or turns it away.
fn redirects(of: ResourceRef<'_>, property: &str) -> Judgement {
    every_item(
        of.resource,
        &[property],
        || Judgement::missing(of.resource),
        |action| {
            Setting::below(action, &["Type"]).judge(|ty| match text(ty) {
                Some("fixed-response") => Judgement::Holds,
                Some("redirect") => {
                    Setting::below(action, &["RedirectConfig", "Protocol"]).judge(|to| match to {
                        Some(to) if to.is_literal() => match to.as_str() {
                            Some("HTTPS") => Judgement::Holds,
                            _ => Judgement::Fails {
                                span: to.span,
                                found: "a redirect that stays on HTTP".into(),
                            },
                        },
                        Some(to) => Judgement::unknown(to),
                        None => Judgement::Fails {
                            span: action.span,
                            found: "a redirect that stays on HTTP".into(),
                        },
                    })
                }
                Some(other) => Judgement::Fails { span: action.span, found: format!("the action `{other}`") },
                None => ty.map_or_else(|| Judgement::missing(of.resource), Judgement::unknown),
            })
        },
    )
}

/// Whether a predefined policy of Elastic Load Balancing refuses TLS older than 1.2: its name says so.
fn refuses_old(name: &str) -> Truth {
    let Some(rest) = name.strip_prefix("ELBSecurityPolicy-") else { return Truth::Unknown };
    let any = |starts: &[&str]| starts.iter().any(|start| rest.starts_with(start));
    if any(&["TLS13-1-2", "TLS13-1-3", "TLS-1-2", "FS-1-2"]) {
        Truth::Yes
    } else if any(&[
        "TLS13-1-0",
        "TLS13-1-1",
        "TLS-1-0",
        "TLS-1-1",
        "FS-1-1",
        "FS-2018",
        "2016",
        "2015",
        "2014",
        "2011",
    ]) {
        Truth::No
    } else {
        Truth::Unknown
    }
}

fn elb_policy(policy: &Value) -> Judgement {
    match policy.as_str().map(refuses_old) {
        Some(Truth::Yes) => Judgement::Holds,
        Some(Truth::No) => Judgement::fails(policy),
        Some(Truth::Unknown) | None => Judgement::unknown(policy),
    }
}

fn default_policy(listener: ResourceRef<'_>) -> Judgement {
    let found = "nothing, which means `ELBSecurityPolicy-2016-08`".into();
    Judgement::Fails { span: listener.resource.origin.span, found }
}

fn classic(findings: &mut Findings, balancer: ResourceRef<'_>) {
    let protocol_of =
        |item, judge: &dyn Fn(Option<&Value>) -> Judgement| Setting::below(item, &["Protocol"]).judge(judge);
    let none = || Judgement::missing(balancer.resource);
    let plain = every_item(balancer.resource, &["Listeners"], none, |item| {
        protocol_of(item, &|protocol| match text(protocol).map(str::to_ascii_uppercase).as_deref() {
            Some("HTTPS" | "SSL") => Judgement::Holds,
            Some("TCP") => passes_through(protocol, balancer),
            _ => not_tls(protocol, balancer),
        })
    });
    let old = every_item(balancer.resource, &["Listeners"], none, |item| {
        protocol_of(item, &|protocol| match text(protocol).map(str::to_ascii_uppercase).as_deref() {
            Some("HTTPS" | "SSL") => Setting::below(item, &["PolicyNames"]).judge(|names| match names {
                Some(names) => names
                    .as_items()
                    .iter()
                    .fold(Judgement::Holds, |all, name| all.and(|| classic_policy(balancer, name))),
                None => default_policy(balancer),
            }),
            _ => Judgement::Holds,
        })
    });
    let listeners = Words { path: "Listeners/*/Protocol", ..PLAIN };
    let policies = Words {
        path: "Listeners/*/PolicyNames",
        fix: "name a policy of Policies whose Reference-Security-Policy is ELBSecurityPolicy-TLS-1-2-2017-01",
        ..OLD
    };
    findings.settle_all(balancer, [(plain, listeners), (old, policies)]);
}

/// A policy named by a listener: predefined, or one of the load balancer's own `Policies`.
fn classic_policy(balancer: ResourceRef<'_>, name: &Value) -> Judgement {
    let Some(wanted) = name.as_str() else { return Judgement::unknown(name) };
    if wanted.starts_with("ELBSecurityPolicy-") {
        return elb_policy(name);
    }
    let policies = balancer.resource.properties.get("Policies").map_or(&[][..], Value::as_items);
    let of_name = |policy: &&Value| policy.get("PolicyName").and_then(Value::as_str) == Some(wanted);
    let Some(policy) = policies.iter().find(of_name) else { return Judgement::unknown(name) };
    // Stickiness and other policies of a listener say nothing about TLS.
    if policy.get("PolicyType").and_then(Value::as_str).is_some_and(|ty| ty != "SSLNegotiationPolicyType") {
        return Judgement::Holds;
    }
    let attribute = |wanted: &str| {
        let attributes = policy.get("Attributes").map_or(&[][..], Value::as_items);
        let found = attributes.iter().find(|item| item.get("Name").and_then(Value::as_str) == Some(wanted));
        found.and_then(|item| item.get("Value"))
    };
    if let Some(reference) = attribute("Reference-Security-Policy") {
        return elb_policy(reference);
    }
    ["Protocol-SSLv3", "Protocol-TLSv1", "Protocol-TLSv1.1"].iter().fold(Judgement::Holds, |all, protocol| {
        all.and(|| match attribute(protocol) {
            None => Judgement::Holds,
            Some(value) if value.is_literal() => Judgement::of(value.as_bool() == Some(false), value),
            Some(value) => Judgement::unknown(value),
        })
    })
}

const API: Words<'static> = Words {
    violated: "the domain accepts TLS older than 1.2",
    unknown: "TLS older than 1.2 is refused",
    path: "SecurityPolicy",
    fix: "SecurityPolicy: TLS_1_2",
};

fn api_policy(policy: &Value) -> Judgement {
    match policy.as_str() {
        Some("TLS_1_0") => Judgement::fails(policy),
        Some(name) if name == "TLS_1_2" || name.starts_with("SecurityPolicy_TLS1") => Judgement::Holds,
        _ => Judgement::unknown(policy),
    }
}

fn cloudfront(findings: &mut Findings, distribution: ResourceRef<'_>) {
    let viewer = |policy: Option<&Value>| match text(policy) {
        Some("https-only" | "redirect-to-https") => Judgement::Holds,
        _ => not_tls(policy, distribution),
    };
    let default = ["DistributionConfig", "DefaultCacheBehavior", "ViewerProtocolPolicy"];
    let plain = Setting::of(distribution.resource, &default).judge(viewer).and(|| {
        every_item(
            distribution.resource,
            &["DistributionConfig", "CacheBehaviors"],
            || Judgement::Holds,
            |item| Setting::below(item, &["ViewerProtocolPolicy"]).judge(viewer),
        )
    });
    let certificate = Setting::of(distribution.resource, &["DistributionConfig", "ViewerCertificate"]);
    let old = certificate.judge(|certificate| {
        let Some(certificate) = certificate else {
            let found = "nothing: the default certificate comes with TLSv1".into();
            return Judgement::Fails { span: distribution.resource.origin.span, found };
        };
        let default = Setting::below(certificate, &["CloudFrontDefaultCertificate"]);
        let own = default.judge(|default| match default {
            Some(value) if value.as_bool() == Some(true) => Judgement::Fails {
                span: value.span,
                found: "the default certificate, which comes with TLSv1".into(),
            },
            Some(value) if !value.is_literal() => Judgement::unknown(value),
            _ => Judgement::Holds,
        });
        own.and(|| {
            Setting::below(certificate, &["MinimumProtocolVersion"]).judge(|version| match version {
                Some(value) => match value.as_str() {
                    Some(text) if text.starts_with("TLSv1.2_") || text.starts_with("TLSv1.3_") => {
                        Judgement::Holds
                    }
                    Some(_) => Judgement::fails(value),
                    None => Judgement::unknown(value),
                },
                None => Judgement::doubtful(
                    distribution.resource,
                    "the certificate comes without MinimumProtocolVersion, so CloudFront chooses",
                ),
            })
        })
    });
    let viewers = Words {
        violated: "the distribution serves viewers over plain HTTP",
        path: "DistributionConfig/…/ViewerProtocolPolicy",
        fix: "ViewerProtocolPolicy: redirect-to-https in every cache behavior",
        ..PLAIN
    };
    let versions = Words {
        violated: "the distribution accepts TLS older than 1.2",
        path: "DistributionConfig/ViewerCertificate",
        fix: "a certificate of your own with MinimumProtocolVersion: TLSv1.2_2021",
        ..OLD
    };
    findings.settle_all(distribution, [(plain, viewers), (old, versions)]);
}

#[cfg(test)]
mod tests {
    use super::refuses_old;
    use crate::text::Truth;

    #[test]
    fn the_name_of_a_policy_says_what_it_accepts() {
        let check = |name: &str, expected| assert_eq!(refuses_old(name), expected, "{name}");
        for new in [
            "TLS13-1-2-2021-06",
            "TLS13-1-2-Res-FIPS-2023-04",
            "TLS13-1-3-2021-06",
            "TLS-1-2-Ext-2018-06",
            "FS-1-2-Res-2020-10",
        ] {
            check(&format!("ELBSecurityPolicy-{new}"), Truth::Yes);
        }
        for old in [
            "2016-08",
            "2015-05",
            "TLS-1-1-2017-01",
            "TLS13-1-0-2021-06",
            "TLS13-1-1-FIPS-2023-04",
            "FS-2018-06",
            "FS-1-1-2019-08",
        ] {
            check(&format!("ELBSecurityPolicy-{old}"), Truth::No);
        }
        check("ELBSecurityPolicy-Later-2030-01", Truth::Unknown);
        check("of-our-own", Truth::Unknown);
    }
}
