//! `steward policy compare`: what one policy allows that another does not.

use catalog::Catalog;
use diagnostics::{Diagnostics, SourceMap};
use iam::symbolic::{Answer, Request, compare};
use serde_json::{Map, Value, json};

use crate::Ending;
use crate::cli::{ComparePolicies, Difference, Format, Global};
use crate::command::say;
use crate::terminal::{print, style};

/// Runs it.
pub fn run(global: &Global, options: &ComparePolicies) -> Ending {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let old = super::read(&options.old, &mut sources, &mut diagnostics);
    let new = super::read(&options.new, &mut sources, &mut diagnostics);
    say(global, &diagnostics, &sources);
    let (Some(old), Some(new)) = (old, new) else { return Ending::Mistake };
    let comparison = compare(&old, &new, Catalog::shared().iam());
    match global.format {
        Format::Text | Format::Csv | Format::Svg | Format::Markdown => {
            print(&text(global, options, &comparison.more, &comparison.less))
        }
        Format::Json | Format::Sarif => print(&format!("{:#}\n", json(&comparison.more, &comparison.less))),
    }
    let counts = |answer: &Answer| !matches!(answer, Answer::No);
    let fails = match options.fail_on {
        None => false,
        Some(Difference::More) => counts(&comparison.more),
        Some(Difference::Less) => counts(&comparison.less),
        Some(Difference::Any) => counts(&comparison.more) || counts(&comparison.less),
    };
    if fails { Ending::DoesNotHold } else { Ending::Good }
}

fn json(more: &Answer, less: &Answer) -> Value {
    let mut out = Map::new();
    let mut why = Vec::new();
    for (answer, word) in [(more, "More"), (less, "Less")] {
        let allows = match answer {
            Answer::Yes(_) => Value::Bool(true),
            Answer::No => Value::Bool(false),
            Answer::Unknown(reason) => {
                why.push(format!("allows{word}: {reason}"));
                Value::Null
            }
        };
        out.insert(format!("allows{word}"), allows);
    }
    for (answer, word) in [(more, "More"), (less, "Less")] {
        if let Answer::Yes(request) = answer {
            out.insert(format!("witness{word}"), witness(request));
        }
    }
    if !why.is_empty() {
        out.insert("why".into(), Value::from(why.join("; ")));
    }
    Value::Object(out)
}

/// A request as `steward policy evaluate --batch` reads it.
fn witness(request: &Request) -> Value {
    let context = request.context.iter().map(|(key, texts)| {
        let value = match texts.as_slice() {
            [one] => json!(one),
            several => json!(several),
        };
        (key.to_string(), value)
    });
    let account = request.resource.split(':').nth(4).filter(|account| account.len() == 12);
    json!({
        "principal": request.principal.as_str(),
        "action": request.action,
        "resource": { "arn": request.resource, "account": account.unwrap_or("111122223333") },
        "context": Map::from_iter(context),
    })
}

fn text(global: &Global, options: &ComparePolicies, more: &Answer, less: &Answer) -> String {
    let paint = |code: &str, text: &str| {
        if style(global).colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    let (old, new) = (options.old.display(), options.new.display());
    let mut out = format!("{new}, compared with {old}\n\n");
    for (answer, word, who) in [(more, "more", "the new one"), (less, "less", "the old one")] {
        match answer {
            Answer::No => {
                out.push_str(&format!("  {}  nothing {word} is allowed\n", paint("32", "✓")));
            }
            Answer::Unknown(why) => {
                out.push_str(&format!(
                    "  {}  whether {word} is allowed is not known: {why}\n",
                    paint("33", "?")
                ));
            }
            Answer::Yes(request) => {
                out.push_str(&format!("  {}  {word} is allowed: only {who} allows\n", paint("31", "✗")));
                let mut rows = vec![
                    ("principal", request.principal.to_string()),
                    ("action", request.action.clone()),
                    ("resource", request.resource.clone()),
                ];
                let context = request.context.iter();
                let context: Vec<String> =
                    context.map(|(key, texts)| format!("{key} = {}", texts.join(", "))).collect();
                if !context.is_empty() {
                    rows.push(("when", context.join("\n                ")));
                }
                for (name, value) in rows {
                    out.push_str(&format!("     {}{value}\n", paint("2", &format!("{name:<11}"))));
                }
            }
        }
    }
    out
}
