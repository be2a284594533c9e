//! What a template cannot say: guarantees about an organization, on estates made by hand.

use catalog::Catalog;
use diagnostics::Span;
use estate::{Account, Estate, Organization, Origin, Reference, Resource, Stack, StackId, Value, value};
use prove::{Date, Options, Verdict, guarantees};

/// A logical id, a type and its properties.
type Made = (&'static str, &'static str, Value);

/// An estate with a management account and a log archive, and these resources in a stack of each region named.
fn estate(stacks: &[(&str, &[Made])]) -> Estate {
    let mut estate = Estate::default();
    let account = |name: &str| Account {
        name: name.into(),
        title: None,
        number: None,
        unit: None,
        environment: None,
        span: Span::NONE,
    };
    let management = estate.add_account(account("management"));
    let log_archive = estate.add_account(account("log-archive"));
    estate.organization = Some(Organization { management, log_archive, units: Vec::new() });
    for (region, resources) in stacks {
        let mut stack = Stack::new(*region, management, Some((*region).into()), Span::NONE);
        for (id, kind, properties) in *resources {
            stack
                .resources
                .insert((*id).into(), Resource::new(kind, properties.clone(), Origin::written(Span::NONE)));
        }
        estate.add_stack(stack);
    }
    estate
}

fn check(estate: &Estate, guarantee: &str, expected: &[(&str, Verdict)]) {
    let guarantee = guarantees::by_id(guarantee).unwrap();
    let list: &'static [_] = Box::leak(Box::new([guarantee]));
    let report =
        prove::check(estate, list, Catalog::shared(), &Options::on(Date::parse("2026-11-01").unwrap()), &[]);
    let name = |subject: prove::Subject| match subject.resource_in(estate) {
        Some((id, _)) => id.to_string(),
        None => "estate".to_owned(),
    };
    let checked = &report.guarantees[0];
    let mut found: Vec<(String, Verdict)> =
        checked.proved.iter().map(|subject| (name(*subject), Verdict::Proved)).collect();
    found.extend(checked.findings.iter().map(|finding| (name(finding.subject), finding.verdict)));
    found.sort();
    let expected: Vec<(String, Verdict)> =
        expected.iter().map(|(name, verdict)| ((*name).to_owned(), *verdict)).collect();
    assert_eq!(found, expected);
}

fn trail(organization: bool) -> Value {
    value!({
        "S3BucketName": "archive",
        "IsLogging": true,
        "IsMultiRegionTrail": true,
        "IsOrganizationTrail": organization,
        "EnableLogFileValidation": true,
        "KMSKeyId": "alias/audit",
        "CloudWatchLogsLogGroupArn": "arn:aws:logs:us-east-1:111122223333:log-group:audit:*",
    })
}

#[test]
fn an_organization_has_a_trail_of_all_its_accounts() {
    check(&estate(&[("us-east-1", &[])]), "trail-complete", &[("estate", Verdict::Violated)]);
    let own = [("Trail", "AWS::CloudTrail::Trail", trail(false))];
    check(
        &estate(&[("us-east-1", &own)]),
        "trail-complete",
        &[("Trail", Verdict::Proved), ("estate", Verdict::Violated)],
    );
    let all = [("Trail", "AWS::CloudTrail::Trail", trail(true))];
    check(
        &estate(&[("us-east-1", &all)]),
        "trail-complete",
        &[("Trail", Verdict::Proved), ("estate", Verdict::Proved)],
    );
}

#[test]
fn an_alarm_reaches_nobody_in_another_region() {
    let topic = value!({ "Subscription": [{ "Protocol": "email", "Endpoint": "security@example.com" }] });
    let alarm = value!({ "AlarmActions": [Reference::to(StackId(0), "Topic")] });
    let near = estate(&[(
        "us-east-1",
        &[("Topic", "AWS::SNS::Topic", topic.clone()), ("Alarm", "AWS::CloudWatch::Alarm", alarm.clone())],
    )]);
    check(&near, "alarm-reaches-person", &[("Alarm", Verdict::Proved)]);
    let far = estate(&[
        ("us-east-1", &[("Topic", "AWS::SNS::Topic", topic)]),
        ("us-west-2", &[("Alarm", "AWS::CloudWatch::Alarm", alarm)]),
    ]);
    check(&far, "alarm-reaches-person", &[("Alarm", Verdict::Violated)]);
}
