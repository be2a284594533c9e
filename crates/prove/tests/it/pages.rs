//! Every page under `docs/guarantees` is a test: its examples get the verdicts that stand beside them.
//!
//! An example is a fenced block whose info string is `yaml VERDICT SUBJECT…`: `proved A B` (these are the
//! subjects, all proved), `violated A` or `unknown A` (these have that verdict, every other subject is proved),
//! or `nothing` (the guarantee has no subject). `today=YYYY-MM-DD` and `tags=a,b` set options; what a blueprint
//! would say of the traffic stands in `environments=a,b`, `approved=a>b:443`, `needed=a>b:443`, `claim=never:a>b:443`,
//! `claim=never:a~reads~b`, `uses=a~reads~b`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use catalog::Catalog;
use diagnostics::Span;
use prove::intent::{Act, Claim, Intended, Intent, Mode, Party, Usage};
use prove::{Date, Guarantee, Options, Verdict, guarantees};

struct Example<'a> {
    line: usize,
    info: Vec<&'a str>,
    text: String,
}

fn examples(page: &str) -> Vec<Example<'_>> {
    let mut out: Vec<Example<'_>> = Vec::new();
    let mut inside = false;
    for (number, line) in page.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if inside => inside = false,
            Some(info) => {
                inside = true;
                out.push(Example {
                    line: number + 1,
                    info: info.split_whitespace().collect(),
                    text: String::new(),
                });
            }
            None if inside => writeln!(out.last_mut().unwrap().text, "{line}").unwrap(),
            None => {}
        }
    }
    out
}

fn intent(options: &mut Options) -> &mut Intent {
    options.intent.get_or_insert_with(Intent::default)
}

/// `web>api:443`
fn intended(text: &str) -> Intended {
    let (from, rest) = text.split_once('>').unwrap();
    let (to, port) = rest.split_once(':').map_or((rest, None), |(to, port)| (to, Some(port)));
    let party = |name: &str| match name {
        "internet" => Party::Internet,
        "anyone" => Party::Anyone,
        name => Party::Application(None, name.into()),
    };
    let ports = port.map(|port| port.parse().unwrap()).into_iter().collect();
    Intended { from: party(from), to: party(to), ports, says: text.to_owned(), span: Span::NONE }
}

/// `never:web>api:443`, `never:web~reads~records`
fn claim(text: &str) -> Claim {
    let (mode, flow) = text.split_once(':').unwrap();
    let mode = match mode {
        "never" => Mode::Never,
        "only" => Mode::Only,
        "always" => Mode::Always,
        other => panic!("{other}"),
    };
    let request: Vec<&str> = flow.split('~').collect();
    let (flow, act) = match request.as_slice() {
        [who, verb, what] => (format!("{who}>{what}"), Act::May((*verb).into())),
        _ => (flow.to_owned(), Act::Reaches),
    };
    let Intended { from, to, ports, says, span } = intended(&flow);
    let port = ports.first().copied();
    Claim { name: says.as_str().into(), mode, who: from, act, what: to, port, through: None, says, span }
}

fn check(guarantee: &'static Guarantee, example: &Example<'_>) -> Result<String, String> {
    let mut options = Options::on(Date::parse("2026-11-01").unwrap());
    let mut words = Vec::new();
    for word in &example.info[1..] {
        match word.split_once('=') {
            Some(("today", day)) => options.today = Date::parse(day).unwrap(),
            Some(("tags", tags)) => options.required_tags = tags.split(',').map(str::to_owned).collect(),
            Some(("environments", names)) => {
                intent(&mut options).environments = names.split(',').map(Into::into).collect();
            }
            Some((list @ ("production" | "lower" | "sandbox"), names)) => {
                let names = names.split(',').map(Into::into).collect();
                let intent = intent(&mut options);
                match list {
                    "production" => intent.production = names,
                    "sandbox" => intent.sandbox = names,
                    _ => intent.lower = names,
                }
            }
            Some((list @ ("approved" | "needed"), flows)) => {
                let flows: Vec<Intended> = flows.split(',').map(intended).collect();
                let intent = intent(&mut options);
                if list == "approved" { intent.approved = flows } else { intent.needed = flows }
            }
            Some(("uses", text)) => {
                let [who, does, what] = text.split('~').collect::<Vec<_>>().try_into().unwrap();
                let [who, what] = [who, what].map(|name| Party::Application(None, name.into()));
                let (reads, writes) = (does.contains("reads"), does.contains("writes"));
                let intent = intent(&mut options);
                intent.workloads.push(who.clone());
                let says = text.replace('~', " ");
                intent.uses.push(Usage { who, what, reads, writes, user: None, says, span: Span::NONE });
            }
            Some(("claim", text)) => intent(&mut options).claims.push(claim(text)),
            Some((other, _)) => return Err(format!("no such option: {other}")),
            None => words.push(*word),
        }
    }
    let (verdict, subjects) = words.split_first().ok_or("no verdict in the info string")?;
    let (estate, sources, diagnostics) = intake::from_texts(&[("template.yaml", &example.text)]);
    if diagnostics.has_errors() {
        let style = diagnostics::render::text::Style::default();
        return Err(diagnostics::render::text::all(&diagnostics, &sources, style));
    }
    let list: &'static [&'static Guarantee] = Box::leak(Box::new([guarantee]));
    let report = prove::check(&estate, list, Catalog::shared(), &options, &[]);
    let name = |subject: prove::Subject| match subject.resource_in(&estate) {
        Some((id, _)) => id.to_string(),
        None => "stack".to_owned(),
    };
    let of = |wanted: Verdict| -> BTreeSet<String> {
        let found = report.findings().filter(|finding| finding.verdict == wanted);
        found.map(|finding| name(finding.subject)).collect()
    };
    let proved: BTreeSet<String> = report.guarantees[0].proved.iter().map(|subject| name(*subject)).collect();
    let (violated, unknown) = (of(Verdict::Violated), of(Verdict::Unknown));
    let wanted: BTreeSet<String> = subjects.iter().map(|id| (*id).to_owned()).collect();
    let none = BTreeSet::new();
    let right = match *verdict {
        "proved" => (&proved, &violated, &unknown) == (&wanted, &none, &none) && !wanted.is_empty(),
        "violated" => (&violated, &unknown) == (&wanted, &none) && !wanted.is_empty(),
        "unknown" => (&unknown, &violated) == (&wanted, &none) && !wanted.is_empty(),
        "nothing" => proved.is_empty() && violated.is_empty() && unknown.is_empty(),
        other => return Err(format!("no such verdict: {other}")),
    };
    let messages: Vec<&str> = report.findings().map(|finding| finding.message.as_str()).collect();
    if right {
        Ok((*verdict).to_owned())
    } else {
        Err(format!(
            "proved {proved:?}, violated {violated:?}, unknown {unknown:?}\n  {}",
            messages.join("\n  ")
        ))
    }
}

#[test]
fn every_example_of_every_page_gets_its_verdict() {
    let mut wrong = String::new();
    for guarantee in guarantees::ALL {
        let mut seen = BTreeSet::new();
        for example in examples(guarantee.page) {
            match check(guarantee, &example) {
                Ok(verdict) => drop(seen.insert(verdict)),
                Err(why) => {
                    let place = format!("docs/guarantees/{}.md:{}", guarantee.id, example.line);
                    writeln!(wrong, "{place}: wanted `{}`, but {why}", example.info[1..].join(" ")).unwrap();
                }
            }
        }
        // A guarantee that nobody has seen fail, hold and doubt is not one.
        for verdict in ["proved", "violated", "unknown"] {
            let excused = verdict == "unknown" && guarantee.page.contains("\nNever unknown: ");
            if !seen.contains(verdict) && !excused {
                writeln!(wrong, "docs/guarantees/{}.md has no example that is {verdict}", guarantee.id)
                    .unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_page_says_what_why_how_and_from_where() {
    for guarantee in guarantees::ALL {
        let first = guarantee.page.lines().next().unwrap().trim_start_matches("# ").to_lowercase();
        assert_eq!(first, guarantee.title.to_lowercase(), "title of {}", guarantee.id);
        let line = format!("Id `{}`, level {}.", guarantee.id, guarantee.level.word());
        assert!(guarantee.page.contains(&line), "{} lacks the line: {line}", guarantee.id);
        for section in ["What is guaranteed", "Why", "How to mend it", "Sources", "Examples"] {
            assert!(!guarantee.section(section).is_empty(), "{} has no section {section}", guarantee.id);
        }
    }
}

#[test]
fn every_page_belongs_to_a_guarantee() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guarantees");
    let mut pages: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().trim_end_matches(".md").to_owned())
        .filter(|name| name != "README")
        .collect();
    pages.sort();
    let mut ids: Vec<String> = guarantees::ALL.iter().map(|guarantee| guarantee.id.to_owned()).collect();
    ids.sort();
    assert_eq!(pages, ids);
}
