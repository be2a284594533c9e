//! What one policy allows beyond another, by example and against sampled requests.

use catalog::Catalog;
use diagnostics::{Diagnostics, SourceMap};
use iam::policy::Policy;
use iam::symbolic::{Answer, Request, compare};

fn policy(text: &str) -> Policy {
    let mut sources = SourceMap::new();
    let id = sources.add("policy.json", text).unwrap();
    let mut diagnostics = Diagnostics::new();
    let policy = iam::parse::file(sources.file(id).unwrap(), &mut diagnostics);
    policy.unwrap_or_else(|| panic!("{text}: {diagnostics:?}"))
}

/// `Statement`s in short: `+s3:Get* arn:…` allows, `-…` denies; conditions follow as JSON.
fn statements(lines: &[&str]) -> Policy {
    let list = |text: &str| text.split(',').map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join(",");
    let one = |line: &&str| {
        let effect = if line.starts_with('+') { "Allow" } else { "Deny" };
        let mut parts = line[1..].splitn(3, ' ');
        let (action, resource) = (list(parts.next().unwrap()), list(parts.next().unwrap()));
        let condition = parts.next().map(|text| format!(",\"Condition\":{text}")).unwrap_or_default();
        format!("{{\"Effect\":\"{effect}\",\"Action\":[{action}],\"Resource\":[{resource}]{condition}}}")
    };
    let all: Vec<String> = lines.iter().map(one).collect();
    policy(&format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{}]}}", all.join(",")))
}

fn word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Yes(_) => "yes",
        Answer::No => "no",
        Answer::Unknown(_) => "unknown",
    }
}

#[track_caller]
fn check(old: &[&str], new: &[&str], more: &str, less: &str) -> (Option<Request>, Option<Request>) {
    let comparison = compare(&statements(old), &statements(new), Catalog::shared().iam());
    assert_eq!((word(&comparison.more), word(&comparison.less)), (more, less), "{comparison:#?}");
    let witness = |answer: Answer| match answer {
        Answer::Yes(request) => Some(*request),
        Answer::No | Answer::Unknown(_) => None,
    };
    (witness(comparison.more), witness(comparison.less))
}

#[test]
fn a_policy_is_itself() {
    let policy = ["+s3:Get*,s3:List* *", "-s3:GetObject arn:aws:s3:::secret/*"];
    check(&policy, &policy, "no", "no");
}

#[test]
fn wider_actions_are_more() {
    let (witness, _) = check(&["+s3:GetObject *"], &["+s3:Get* *"], "yes", "no");
    let action = witness.unwrap().action;
    assert!(action.starts_with("s3:Get") && action != "s3:GetObject", "{action}");
}

#[test]
fn the_same_actions_in_other_words_are_the_same() {
    check(&["+s3:getobject,S3:GETOBJECT* *"], &["+s3:GetObject* *"], "no", "no");
}

#[test]
fn a_prefix_holds_what_is_beneath_it() {
    check(&["+s3:GetObject arn:aws:s3:::b/*"], &["+s3:GetObject arn:aws:s3:::b/x/*"], "no", "yes");
    check(
        &["+s3:GetObject arn:aws:s3:::b*"],
        &["+s3:GetObject arn:aws:s3:::b/*,arn:aws:s3:::bc"],
        "no",
        "yes",
    );
}

#[test]
fn several_patterns_together_may_cover_one() {
    check(
        &["+sqs:* arn:aws:sqs:*:*:a*", "+sqs:* arn:aws:sqs:*:*:*b"],
        &["+sqs:* arn:aws:sqs:*:*:a*b"],
        "no",
        "yes",
    );
}

#[test]
fn a_denial_takes_away_and_its_condition_gives_back() {
    let bool_mfa = r#"{"Bool":{"aws:MultiFactorAuthPresent":"false"}}"#;
    check(&["+iam:* *"], &["+iam:* *", "-iam:DeleteUser *"], "no", "yes");
    let (_, witness) = check(&["+iam:* *"], &["+iam:* *", &format!("-iam:* * {bool_mfa}")], "no", "yes");
    assert_eq!(witness.unwrap().context, [("aws:MultiFactorAuthPresent".into(), vec!["false".to_owned()])]);
    // Absent is not false: BoolIfExists denies more.
    let if_exists = r#"{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}"#;
    check(
        &["+iam:* *", &format!("-iam:* * {bool_mfa}")],
        &["+iam:* *", &format!("-iam:* * {if_exists}")],
        "no",
        "yes",
    );
}

#[test]
fn ranges_of_addresses_and_numbers_are_compared_as_such() {
    let ip = |cidr: &str| format!("+s3:GetObject * {{\"IpAddress\":{{\"aws:SourceIp\":{cidr}}}}}");
    check(&[&ip(r#""10.0.0.0/8""#)], &[&ip(r#""10.1.0.0/16""#)], "no", "yes");
    check(&[&ip(r#"["10.0.0.0/9","10.128.0.0/9"]"#)], &[&ip(r#""10.0.0.0/8""#)], "no", "no");
    let number =
        |operator: &str, n: i32| format!("+s3:ListBucket * {{\"{operator}\":{{\"s3:max-keys\":\"{n}\"}}}}");
    check(&[&number("NumericLessThan", 11)], &[&number("NumericLessThanEquals", 10)], "no", "yes");
    check(&[&number("NumericLessThanEquals", 10)], &[&number("NumericLessThan", 11)], "yes", "no");
}

#[test]
fn sets_of_values_are_told_apart() {
    let any = r#"{"ForAnyValue:StringEquals":{"aws:TagKeys":["a","b"]}}"#;
    let all = r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}"#;
    // One of them may come with others; all of them may be none.
    check(&[&format!("+ec2:CreateTags * {any}")], &[&format!("+ec2:CreateTags * {all}")], "yes", "yes");
    let both = r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]},"Null":{"aws:TagKeys":"false"}}"#;
    check(&[&format!("+ec2:CreateTags * {any}")], &[&format!("+ec2:CreateTags * {both}")], "no", "yes");
}

#[test]
fn two_variables_are_equal_only_to_themselves() {
    let home = "+s3:GetObject arn:aws:s3:::home/${aws:username}/*";
    check(&[home], &[home], "no", "no");
    check(&["+s3:GetObject arn:aws:s3:::home/*"], &[home], "no", "yes");
    check(&[home], &["+s3:GetObject arn:aws:s3:::home/${aws:userid}/*"], "yes", "yes");
    let (witness, _) = check(&[home], &["+s3:GetObject arn:aws:s3:::home/ana/*"], "yes", "yes");
    assert!(witness.unwrap().resource.starts_with("arn:aws:s3:::home/ana/"));
}

#[test]
fn a_variable_may_be_what_a_pattern_names() {
    // The name may begin with b.
    let old = ["+s3:GetObject arn:aws:s3:::home/*", "-s3:GetObject arn:aws:s3:::home/b*"];
    check(&old, &["+s3:GetObject arn:aws:s3:::home/${aws:username}"], "yes", "yes");
}

#[test]
fn principals_of_an_account_are_more_than_one_role() {
    let grant = |who: &str| {
        policy(&format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{who},"Action":"sqs:SendMessage","Resource":"*"}}}}"#
        ))
    };
    let role = grant(r#"{"AWS":"arn:aws:iam::111122223333:role/app"}"#);
    let account = grant(r#"{"AWS":"111122223333"}"#);
    let everyone = grant(r#""*""#);
    let reference = Catalog::shared().iam();
    let words = |old: &Policy, new: &Policy| {
        let comparison = compare(old, new, reference);
        (word(&comparison.more), word(&comparison.less))
    };
    assert_eq!(words(&role, &account), ("yes", "no"));
    assert_eq!(words(&account, &everyone), ("yes", "no"));
    assert_eq!(words(&everyone, &everyone), ("no", "no"));
}

#[test]
fn the_nastiest_patterns_end() {
    let stars: Vec<String> =
        (0..40).map(|n| format!("+s3:GetObject arn:aws:s3:::*a*b{n}*c*d*a{n}*b*c*")).collect();
    let old: Vec<&str> = stars.iter().map(String::as_str).collect();
    let begun = std::time::Instant::now();
    let comparison = compare(
        &statements(&old),
        &statements(&["+s3:GetObject arn:aws:s3:::*a*a*a*a*a*b"]),
        Catalog::shared().iam(),
    );
    assert!(matches!(comparison.more, Answer::Yes(_)), "{comparison:?}");
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

mod sampled {
    //! Every witness is replayed in the evaluator, and every "nothing" is attacked with requests.

    use super::{Answer, Catalog, Policy, compare, policy};
    use iam::compiled::{Compiled, Layer};
    use iam::context::{Context, Value};
    use iam::evaluate::{Policies, Verdict, decide};
    use iam::request::{Caller, Request};
    use proptest::prelude::*;
    use proptest::sample::select;

    const ACTIONS: &[&str] =
        &["s3:GetObject", "s3:Get*", "s3:*", "s3:PutObject", "*", "s3:?etObject", "ec2:*"];
    const RESOURCES: &[&str] = &[
        "*",
        "arn:aws:s3:::a/*",
        "arn:aws:s3:::a/b*",
        "arn:aws:s3:::*/x",
        "arn:aws:s3:::a/${aws:username}/*",
        "arn:aws:s3:::a/${aws:PrincipalTag/team}",
        "arn:aws:s3:::a",
    ];
    const CONDITIONS: &[&str] = &[
        "{}",
        "{}",
        r#"{"StringEquals": {"aws:PrincipalOrgID": ["o-1", "o-2"]}}"#,
        r#"{"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}"#,
        r#"{"Bool": {"aws:SecureTransport": "false"}}"#,
        r#"{"BoolIfExists": {"aws:SecureTransport": "false"}}"#,
        r#"{"IpAddress": {"aws:SourceIp": ["10.0.0.0/9", "192.0.2.0/24"]}}"#,
        r#"{"NotIpAddress": {"aws:SourceIp": "10.1.0.0/16"}}"#,
        r#"{"NumericLessThan": {"s3:max-keys": "10"}}"#,
        r#"{"StringLike": {"aws:PrincipalTag/team": ["a*", "c?"]}}"#,
        r#"{"ForAnyValue:StringEquals": {"aws:TagKeys": ["a", "b"]}}"#,
        r#"{"ForAllValues:StringLike": {"aws:TagKeys": "a*"}}"#,
    ];

    fn statement() -> impl Strategy<Value = String> {
        let parts = (select(vec!["Allow", "Allow", "Deny"]), select(vec!["Action", "Action", "NotAction"]));
        let sets = (select(ACTIONS), select(vec!["Resource", "Resource", "NotResource"]), select(RESOURCES));
        (parts, sets, select(CONDITIONS)).prop_map(|((effect, act), (action, on, resource), condition)| {
            format!(r#"{{"Effect": "{effect}", "{act}": "{action}", "{on}": "{resource}", "Condition": {condition}}}"#)
        })
    }

    fn document(statements: &[String]) -> Policy {
        policy(&format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, statements.join(",")))
    }

    fn allows(document: &Policy, request: &Request) -> bool {
        let identity = vec![Compiled::new("policy", document, Layer::Identity)];
        decide(&Policies { identity, ..Policies::default() }, request) == Verdict::Allowed
    }

    fn request(action: &str, resource: &str, context: &[(&str, Vec<String>)]) -> Request {
        let mut own = Context::default();
        for (key, texts) in context {
            let value = match texts.as_slice() {
                [one] => Value::One(one.as_str().into()),
                several => Value::Many(several.iter().map(|text| text.as_str().into()).collect()),
            };
            own.set(key, value);
        }
        let caller = Caller::parse("arn:aws:iam::111122223333:role/example").unwrap();
        Request::new(caller, action, resource, Some("111122223333"), own)
    }

    /// Requests that the policies above tell apart.
    fn sampled() -> impl Strategy<Value = Request> {
        let maybe = |key: &'static str, values: &'static [&'static [&'static str]]| {
            prop::option::of(select(values).prop_map(move |texts| {
                (key, texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
            }))
        };
        let context = (
            maybe("aws:PrincipalOrgID", &[&["o-1"], &["o-3"]]),
            maybe("aws:SecureTransport", &[&["true"], &["false"]]),
            maybe("aws:SourceIp", &[&["10.1.2.3"], &["10.200.1.1"], &["8.8.8.8"]]),
            maybe("s3:max-keys", &[&["5"], &["50"]]),
            maybe("aws:PrincipalTag/team", &[&["ab"], &["cd"], &["b"], &["x"]]),
            maybe("aws:TagKeys", &[&["a"], &["a", "b"], &["c", "a"], &["c"]]),
            maybe("aws:username", &[&["b"], &["x"], &["bob"]]),
        );
        let resources = select(vec![
            "arn:aws:s3:::a/b",
            "arn:aws:s3:::a/bob/x",
            "arn:aws:s3:::a",
            "arn:aws:s3:::q/x",
            "arn:aws:s3:::a/ab",
        ]);
        let actions = select(vec![
            "s3:GetObject",
            "s3:GetObjectAcl",
            "s3:PutObject",
            "ec2:RunInstances",
            "sqs:SendMessage",
        ]);
        (actions, resources, context).prop_map(|(action, resource, (a, b, c, d, e, f, g))| {
            let context: Vec<_> = [a, b, c, d, e, f, g].into_iter().flatten().collect();
            request(action, resource, &context)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

        #[test]
        fn answers_are_those_of_the_evaluator(
            common in prop::collection::vec(statement(), 0..3),
            (only_old, only_new) in (prop::collection::vec(statement(), 0..2), prop::collection::vec(statement(), 1..2)),
            requests in prop::collection::vec(sampled(), 40),
        ) {
            let old = document(&[common.clone(), only_old].concat());
            let new = document(&[common, only_new].concat());
            let comparison = compare(&old, &new, Catalog::shared().iam());
            for (answer, wide, narrow) in [(&comparison.more, &new, &old), (&comparison.less, &old, &new)] {
                match answer {
                    Answer::Yes(witness) => {
                        let context: Vec<(&str, Vec<String>)> =
                            witness.context.iter().map(|(key, texts)| (key.as_str(), texts.clone())).collect();
                        let request = request(&witness.action, &witness.resource, &context);
                        prop_assert!(allows(wide, &request) && !allows(narrow, &request), "{witness:?}");
                    }
                    Answer::No => {
                        for request in &requests {
                            prop_assert!(!allows(wide, request) || allows(narrow, request), "{request:?}");
                        }
                    }
                    Answer::Unknown(_) => {}
                }
            }
        }
    }
}
