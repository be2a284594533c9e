//! Functions run on runtimes that AWS still patches.
//!
//! Source: AWS Lambda Developer Guide, "Lambda runtimes", runtime use after deprecation (the catalog's table).

use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Words};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "supported-runtimes",
    title: "every function runs on a runtime that AWS still patches",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/supported-runtimes.md"),
    check,
};

/// Types whose property `Runtime` names a Lambda runtime.
const KINDS: [&str; 2] = ["AWS::Lambda::Function", "AWS::Serverless::Function"];

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let today = facts.options.today.to_string();
    for kind in KINDS {
        for &function in facts.index.of_kind(kind) {
            let setting = Setting::of(function.resource, &["Runtime"]);
            // A function from a container image has none: its image is somebody else's to judge.
            if setting.is_absent() {
                continue;
            }
            let (mut message, mut fix) = (String::new(), "Runtime: a supported one".to_owned());
            let judgement = setting.judge(|value| {
                let Some(value) = value else { return Judgement::Holds };
                let Some(name) = value.as_str() else { return Judgement::unknown(value) };
                let Some(runtime) = facts.catalog.runtime(name) else {
                    let because = format!("the runtime `{name}` is not one that Steward knows");
                    return Judgement::Unknown { span: value.span, because };
                };
                if !runtime.is_deprecated_on(&today) {
                    return Judgement::Holds;
                }
                let since = runtime.deprecated.as_deref().unwrap_or_default();
                message = format!("the function runs on `{name}`, which AWS has not patched since {since}");
                if let Some(blocked) =
                    runtime.create_blocked.as_deref().filter(|blocked| *blocked <= today.as_str())
                {
                    message = format!("{message}; since {blocked} no function with it can be created");
                }
                if let Some(successor) = &runtime.successor {
                    fix = format!("Runtime: {successor}");
                }
                Judgement::fails(value)
            });
            findings.settle(
                function,
                judgement,
                &Words {
                    violated: &message,
                    unknown: "AWS still patches the function's runtime",
                    path: "Runtime",
                    fix: &fix,
                },
            );
        }
    }
}
