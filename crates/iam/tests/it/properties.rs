//! What must hold for every policy and request, attacked with random ones.

use iam::context::{Context, Value};
use iam::evaluate::{Verdict, decide};
use iam::glob::{Pattern, Tri};
use iam::text::{Syntax, Text};
use proptest::prelude::*;

/// A matcher that is obviously right, and slow.
fn naive(pattern: &[char], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), Some((_, shorter))) => naive(rest, text) || naive(pattern, shorter),
        (Some(('*', rest)), None) => naive(rest, text),
        (Some(('?', rest)), Some((_, shorter))) => naive(rest, shorter),
        (Some((a, rest)), Some((b, shorter))) => a == b && naive(rest, shorter),
        _ => false,
    }
}

fn statement() -> impl Strategy<Value = String> {
    let action = prop_oneof![Just("*"), Just("s3:*"), Just("s3:Get*"), Just("s3:GetObject"), Just("ec2:*")];
    let resource = prop_oneof![
        Just("*"),
        Just("arn:aws:s3:::b/*"),
        Just("arn:aws:s3:::${aws:PrincipalTag/t}/*"),
        Just("arn:aws:s3:::c")
    ];
    let condition = prop_oneof![
        Just("{}"),
        Just(r#"{"StringEquals": {"a:k": "v"}}"#),
        Just(r#"{"StringNotLike": {"a:k": "v*"}}"#),
        Just(r#"{"ForAllValues:StringEquals": {"a:k": ["v", "w"]}}"#),
        Just(r#"{"Null": {"a:k": "true"}}"#),
        Just(r#"{"NumericNotEquals": {"a:k": "7"}}"#),
    ];
    let effect = prop_oneof![4 => Just("Allow"), 1 => Just("Deny")];
    (effect, any::<bool>(), action, any::<bool>(), resource, condition).prop_map(
        |(effect, but_action, action, but_resource, resource, condition)| {
            let (not_action, not_resource) = (if but_action { "Not" } else { "" }, if but_resource { "Not" } else { "" });
            format!(
                r#"{{"Effect": "{effect}", "{not_action}Action": "{action}", "{not_resource}Resource": "{resource}",
                    "Principal": "*", "Condition": {condition}}}"#
            )
        },
    )
}

fn policy() -> impl Strategy<Value = String> {
    proptest::collection::vec(statement(), 1..4).prop_map(|all| {
        format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, all.join(",")).replace('\n', " ")
    })
}

fn case(value: &str, layers: &str) -> iam::batch::Case {
    let context = if value.is_empty() {
        String::new()
    } else {
        format!(r#""a:k": "{value}", "aws:PrincipalTag/t": "b""#)
    };
    let line = format!(
        r#"{{"request": {{"principal": "arn:aws:iam::111122223333:user/a", "action": "s3:GetObject", "resource":
        {{"arn": "arn:aws:s3:::b/k", "account": "111122223333"}}, "context": {{{context}}}}}{layers}}}"#
    );
    let (mut sources, mut said) = (diagnostics::SourceMap::new(), diagnostics::Diagnostics::new());
    let id = sources.add("case", line.replace('\n', " ")).unwrap();
    let case = iam::batch::read(sources.file(id).unwrap(), &mut None, &mut said);
    case.unwrap_or_else(|| panic!("{:?}", said.iter().map(|one| &one.message).collect::<Vec<_>>()))
}

proptest! {
    #[test]
    fn globs_match_as_a_naive_matcher_says(pattern in "[ab*?é]{0,8}", text in "[abé]{0,10}") {
        let compiled = Pattern::new(&Text::parse(&pattern, Syntax { wildcards: true, variables: true }));
        let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
        prop_assert_eq!(compiled.matches(&text, &Context::default()), Tri::from(naive(&p, &t)));
    }

    /// A variable matches what its value written out matches, wildcards of the value being plain characters.
    #[test]
    fn variables_are_their_values(before in "[ab*?]{0,3}", value in "[ab*?]{0,3}", after in "[ab*?]{0,3}", text in "[ab*?]{0,9}") {
        let syntax = Syntax { wildcards: true, variables: true };
        let mut context = Context::default();
        context.set("a:v", Value::One(value.as_str().into()));
        let open = Pattern::new(&Text::parse(&format!("{before}${{A:V}}{after}"), syntax));
        let escaped: String = value.chars().map(|c| if "*?".contains(c) { format!("${{{c}}}") } else { c.to_string() }).collect();
        let written = Pattern::new(&Text::parse(&format!("{before}{escaped}{after}"), syntax));
        prop_assert_eq!(open.matches(&text, &context), written.matches(&text, &Context::default()));
    }

    /// Whatever else is said, a Deny that matches denies; and what no layer allows is not allowed.
    #[test]
    fn a_deny_in_any_layer_denies(policy in policy(), layer in 0_usize..6, value in "(|v|x|7)") {
        let deny = r#"{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "s3:Get*", "Resource": "*"}}"#;
        let name = ["identityPolicies", "permissionBoundaries", "sessionPolicies", "endpointPolicies", "serviceControlPolicies", "resourceControlPolicies"][layer];
        let denying = if layer < 4 { format!("[{deny}]") } else { format!(r#"[{{"level": "root", "policies": [{deny}]}}]"#) };
        let case = case(&value, &format!(r#", "resourcePolicy": {policy}, "{name}": {denying}"#));
        prop_assert_eq!(decide(&case.policies, &case.request), Verdict::ExplicitlyDenied);
    }

    /// A limiting layer never makes a request possible.
    #[test]
    fn a_limit_never_allows_more(identity in policy(), limit in policy(), layer in 0_usize..4, value in "(|v|x|7)") {
        let name = ["permissionBoundaries", "sessionPolicies", "endpointPolicies", "serviceControlPolicies"][layer];
        let limiting = if layer < 3 { format!("[{limit}]") } else { format!(r#"[{{"level": "root", "policies": [{limit}]}}]"#) };
        let without = case(&value, &format!(r#", "identityPolicies": [{identity}]"#));
        let with = case(&value, &format!(r#", "identityPolicies": [{identity}], "{name}": {limiting}"#));
        if decide(&with.policies, &with.request) == Verdict::Allowed {
            prop_assert_eq!(decide(&without.policies, &without.request), Verdict::Allowed);
        }
    }

    /// Reading what was printed gives the same policy.
    #[test]
    fn policies_survive_printing(policy in policy()) {
        let read = |text: &str| {
            let (mut sources, mut said) = (diagnostics::SourceMap::new(), diagnostics::Diagnostics::new());
            let id = sources.add("policy.json", text).unwrap();
            iam::parse::file(sources.file(id).unwrap(), &mut said).unwrap()
        };
        let first = read(&policy);
        let printed = iam::print::json(&first);
        prop_assert_eq!(iam::print::json(&read(&printed.to_string())), printed);
    }
}

#[test]
fn pathological_input_takes_its_time_and_no_more() {
    let start = std::time::Instant::now();
    let pattern =
        Pattern::new(&Text::parse(&"*a".repeat(2_000), Syntax { wildcards: true, variables: false }));
    assert_eq!(pattern.matches(&"a".repeat(20_000), &Context::default()), Tri::Yes);
    let pattern = Pattern::new(&Text::parse(
        &format!("{}b", "*a".repeat(50)),
        Syntax { wildcards: true, variables: false },
    ));
    assert_eq!(pattern.matches(&"a".repeat(20_000), &Context::default()), Tri::No);
    let statements: Vec<String> = (0..10_000)
        .map(|at| {
            format!(r#"{{"Effect": "Allow", "Action": "s3:Get{at}*", "Resource": "arn:aws:s3:::b{at}/*"}}"#)
        })
        .collect();
    let many = format!(r#", "identityPolicies": [{{"Statement": [{}]}}]"#, statements.join(","));
    let case = case("v", &many);
    assert_eq!(decide(&case.policies, &case.request), Verdict::ImplicitlyDenied);
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}
