//! A metric filter leads somewhere: its metric has an alarm, and its log group is written to by what it looks for.
//!
//! Source: Amazon CloudWatch Logs User Guide, "Creating metrics from log events using filters"; CIS AWS
//! Foundations Benchmark, section "Monitoring" (a filter and an alarm on its metric, on the trail's log group).

use std::collections::HashSet;

use estate::{AccountId, ResourceRef, SmolStr, StackId, Value};

use crate::checklist::{Checklist, Part};
use crate::filter_pattern::Expression;
use crate::text::{Token, tokens};
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "metric-filter-alarmed",
    title: "every metric filter reads a log that is written and feeds an alarm",
    level: Level::Medium,
    page: include_str!("../../../../docs/guarantees/metric-filter-alarmed.md"),
    check,
};

/// Account, region, namespace and name of a metric.
type Metric<'a> = (AccountId, Option<&'a str>, Vec<Token>, Vec<Token>);

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let filters = facts.index.of_kind("AWS::Logs::MetricFilter");
    if filters.is_empty() {
        return;
    }
    let mut watched = Watched::default();
    for &alarm in facts.index.of_kind("AWS::CloudWatch::Alarm") {
        watched.add(facts, alarm);
    }
    let trails = facts.index.of_kind("AWS::CloudTrail::Trail");
    let mut written: HashSet<(StackId, &SmolStr)> = HashSet::new();
    let mut trail_unknown = false;
    for trail in trails {
        let Some(group) = trail.resource.properties.get("CloudWatchLogsLogGroupArn") else { continue };
        match facts.index.named("AWS::Logs::LogGroup", group) {
            Some(group) => _ = written.insert((group.stack_id, group.id)),
            None => trail_unknown = true,
        }
    }
    for &filter in filters {
        let mut list = Checklist::default();
        for transformation in filter.resource.properties.alternatives(&["MetricTransformations", "*"]) {
            let Some(value) = transformation.value else { continue };
            list.part(
                watched.judge(facts, filter, value),
                Some(unheard()),
                &Part {
                    fails: "no alarm watches its metric",
                    asks: "an alarm watches its metric",
                    fix: "an AWS::CloudWatch::Alarm with the filter's MetricName and MetricNamespace",
                },
            );
        }
        let source = source(facts, filter, &written, trails.is_empty(), trail_unknown);
        list.part(
            source,
            None,
            &Part {
                fails: "it looks for CloudTrail's events in a log group that no trail writes to",
                asks: "a trail writes to its log group",
                fix: "LogGroupName: the log group of the trail's CloudWatchLogsLogGroupArn",
            },
        );
        list.conclude(findings, filter, "the metric filter leads nowhere");
    }
}

fn unheard() -> Witness {
    Witness::Event {
        happens: "an event matches the filter".into(),
        follows: "a number changes that nobody looks at".into(),
    }
}

/// The metrics that alarms watch.
#[derive(Default)]
struct Watched<'a> {
    metrics: HashSet<Metric<'a>>,
    /// Alarms whose metric is not known.
    loose: Option<(diagnostics::Span, SmolStr)>,
}

impl<'a> Watched<'a> {
    fn add(&mut self, facts: &Facts<'_>, alarm: ResourceRef<'a>) {
        let properties = &alarm.resource.properties;
        let mut places: Vec<&Value> = vec![properties];
        for query in properties.alternatives(&["Metrics", "*"]).into_iter().filter_map(|query| query.value) {
            match query.get_path(&["MetricStat", "Metric"]) {
                Some(metric) => places.push(metric),
                None if query.as_map().is_none() => self.loose = Some((query.span, alarm.id.clone())),
                None => {}
            }
        }
        for place in places {
            let names = place.alternatives(&["MetricName"]);
            let spaces = place.alternatives(&["Namespace"]);
            for name in names.iter().filter_map(|name| name.value) {
                for space in spaces.iter().filter_map(|space| space.value) {
                    let (space, text) = (tokens(facts.estate, space), tokens(facts.estate, name));
                    if is_vague(&space) || is_vague(&text) {
                        self.loose = Some((name.span, alarm.id.clone()));
                    }
                    self.metrics.insert((alarm.stack.account, alarm.stack.region.as_deref(), space, text));
                }
            }
        }
    }

    fn judge(&self, facts: &Facts<'_>, filter: ResourceRef<'_>, transformation: &Value) -> Judgement {
        let (Some(space), Some(name)) =
            (transformation.get("MetricNamespace"), transformation.get("MetricName"))
        else {
            return Judgement::unknown(transformation);
        };
        let metric = (
            filter.stack.account,
            filter.stack.region.as_deref(),
            tokens(facts.estate, space),
            tokens(facts.estate, name),
        );
        if self.metrics.contains(&metric) {
            return Judgement::Holds;
        }
        if let Some((span, alarm)) = &self.loose {
            return Judgement::Unknown {
                span: *span,
                because: format!("which metric alarm `{alarm}` watches is not known"),
            };
        }
        if is_vague(&metric.2) || is_vague(&metric.3) {
            return Judgement::unknown(name);
        }
        Judgement::Fails { span: filter.resource.origin.span, found: "no alarm".into() }
    }
}

fn is_vague(text: &[Token]) -> bool {
    text.iter().any(|token| matches!(token, Token::Unknown(_)))
}

/// Whether what the filter looks for is written to its log group.
fn source(
    facts: &Facts<'_>,
    filter: ResourceRef<'_>,
    written: &HashSet<(StackId, &SmolStr)>,
    no_trail: bool,
    trail_unknown: bool,
) -> Judgement {
    let pattern =
        filter.resource.properties.get("FilterPattern").and_then(Value::as_str).and_then(Expression::parse);
    let fields = pattern.as_ref().map(Expression::fields).unwrap_or_default();
    let of_trail = |field: &&str| {
        ["eventName", "eventSource", "errorCode"].contains(field) || field.starts_with("userIdentity")
    };
    if !fields.iter().any(of_trail) {
        return Judgement::Holds;
    }
    Setting::of(filter.resource, &["LogGroupName"]).judge(|name| {
        let Some(name) = name else { return Judgement::missing(filter.resource) };
        match facts.index.named("AWS::Logs::LogGroup", name) {
            Some(group) if written.contains(&(group.stack_id, group.id)) => Judgement::Holds,
            Some(_) if trail_unknown => Judgement::Unknown {
                span: name.span,
                because: "the log group of a trail is not known".into(),
            },
            Some(_) if no_trail => {
                Judgement::Unknown { span: name.span, because: "the estate has no trail".into() }
            }
            Some(group) => Judgement::Fails { span: name.span, found: format!("log group `{}`", group.id) },
            None => Judgement::Unknown {
                span: name.span,
                because: format!("its log group, {}, is not in this estate", name.describe()),
            },
        }
    })
}
