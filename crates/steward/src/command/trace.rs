//! `steward trace`: can this reach that, and by which way, or what stands in between.

use std::path::Path;

use diagnostics::{Diagnostic, Span};
use intake::Options as Reading;
use prove::Date;
use reachability::Network;
use reachability::engine::Engine;
use reachability::simulate::{ICMP, TCP, UDP, Verdict};
use reachability::trace::{Certified, End, Mistake, Question, Tracer};

use super::{refuse, say, say_mistakes};
use crate::cli::{Format, Global, Protocol, Trace};
use crate::terminal::{print, style};
use crate::{Ending, codes, pipeline};

/// Runs it.
pub fn run(global: &Global, options: &Trace, today: Date) -> Ending {
    let read = match options.path.as_path() {
        path if options.defaults && pipeline::blueprint_of(path).is_none() => {
            if intake::describe::is_describe_output(path) {
                pipeline::read(path, today)
            } else {
                let paths = [path.to_path_buf()];
                let sources = diagnostics::SourceMap::new();
                pipeline::templates(&paths, Reading::default(), sources, Vec::new(), today)
            }
        }
        path => pipeline::read(path, today),
    };
    let Some(estate) = &read.estate else {
        say(global, &read.diagnostics, &read.sources);
        return Ending::Mistake;
    };
    let network = Network::of(estate);
    say_mistakes(global, &network, &read.sources);
    let tracer = Tracer::new(&network);
    if let Some(batch) = &options.batch {
        return many(global, options, &tracer, batch);
    }
    let (Some(from), Some(to)) = (&options.from, &options.to) else {
        let text = "`steward trace` needs both ends, or a batch";
        let help = "give `--from A --to B`, or `--batch FILE`";
        return refuse(global, Diagnostic::error(codes::NO_ENDS, Span::NONE, text).help(help));
    };
    let question = match question(&tracer, from, to, options.protocol) {
        Ok(question) => question,
        Err(diagnostic) => return refuse(global, *diagnostic),
    };
    let mut trace = tracer.trace(question);
    let certified = (trace.verdict == Verdict::Unreachable)
        .then(|| tracer.certified(&mut Engine::new(&network), &trace.question));
    if let Some(Certified::Refused(_)) = certified {
        trace.verdict = Verdict::Unknown;
    }
    let certified = certified.as_ref();
    let opening = match &trace.followed {
        Some((flow, _)) if trace.verdict == Verdict::Unreachable && !global.quiet => {
            reachability::trace::opening(&network, flow)
        }
        _ => None,
    };
    let opening = opening.as_ref();
    match global.format {
        Format::Json => print(&format!(
            "{:#}\n",
            emit::trace::json(&trace, (certified, opening), &network, &read.sources)
        )),
        Format::Csv => {
            let words = [from.as_str(), to.as_str(), emit::trace::word(trace.verdict), &trace.reason];
            let row: Vec<String> = words.iter().map(|field| emit::trace::quoted(field)).collect();
            print(&format!("source,destination,verdict,reason\n{}\n", row.join(",")));
        }
        Format::Text | Format::Sarif | Format::Svg | Format::Markdown if global.quiet => {
            print(&format!("{}: {}\n", emit::trace::word(trace.verdict), trace.reason));
        }
        Format::Text | Format::Sarif | Format::Svg | Format::Markdown => {
            print(&emit::trace::text(&trace, (certified, opening), &network, &read.sources, style(global)));
        }
    }
    Ending::Good
}

/// The question that two ends ask: `name` or `name:port`.
fn question(
    tracer: &Tracer<'_>,
    from: &str,
    to: &str,
    protocol: Option<Protocol>,
) -> Result<Question, Box<Diagnostic>> {
    let (to, port) = split_port(to);
    let end = |text: &str| tracer.end(text).map_err(|mistake| Box::new(mistaken(text, mistake)));
    let (from, to) = (end(from)?, end(to)?);
    // Without a port there is one thing that has none: a ping.
    let protocol = protocol.unwrap_or(if port.is_some() { Protocol::Tcp } else { Protocol::Icmp });
    match (protocol, port) {
        (Protocol::Icmp, _) => Ok(Question { from, to, protocol: ICMP, port: 0 }),
        (Protocol::Tcp, Some(port)) => Ok(Question { from, to, protocol: TCP, port }),
        (Protocol::Udp, Some(port)) => Ok(Question { from, to, protocol: UDP, port }),
        (Protocol::Tcp | Protocol::Udp, None) => {
            let text = format!("`{}` has no port", to.text);
            let expected = "the port behind the end, as in `prod/records:5432`";
            Err(Box::new(Diagnostic::error(codes::NO_PORT, Span::NONE, text).expected(expected)))
        }
    }
}

/// `name:port`; an IPv6 address has its port behind brackets.
fn split_port(text: &str) -> (&str, Option<u16>) {
    if let Some((address, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once("]:"))
        && let Ok(port) = port.parse()
    {
        return (address, Some(port));
    }
    if text.parse::<std::net::IpAddr>().is_ok() {
        return (text, None);
    }
    match text.rsplit_once(':').map(|(name, port)| (name, port.parse())) {
        Some((name, Ok(port))) => (name, Some(port)),
        _ => (text, None),
    }
}

fn mistaken(text: &str, mistake: Mistake) -> Diagnostic {
    let (said, help) = said(text, mistake);
    Diagnostic::error(codes::NO_SUCH_END, Span::NONE, said).help(help)
}

/// What is wrong with a name, and what to do.
fn said(text: &str, mistake: Mistake) -> (String, String) {
    match mistake {
        Mistake::Nothing { nearest, some } => {
            let help = match nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None if some.is_empty() => {
                    "an end is an address, `internet`, an office, or the name or id of a host, subnet, VPC or environment"
                        .to_owned()
                }
                None => format!("there are addresses, `internet`, hosts, and among others {}", some.join(", ")),
            };
            (format!("nothing in the estate is called `{text}`"), help)
        }
        Mistake::Several { candidates } => {
            let shown: Vec<&str> = candidates.iter().take(6).map(String::as_str).collect();
            (format!("`{text}` is the name of several things"), format!("use an id: {}", shown.join(", ")))
        }
        Mistake::Block => (format!("`{text}` is a block of addresses"), "give one address of it".to_owned()),
    }
}

/// Every row of a file.
fn many(global: &Global, options: &Trace, tracer: &Tracer<'_>, batch: &Path) -> Ending {
    let text = if batch.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read(batch).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = match text {
        Ok(text) => text,
        Err(error) => {
            let text = format!("`{}` cannot be read: {error}", batch.display());
            return refuse(global, Diagnostic::error(codes::NO_SUCH_PATH, Span::NONE, text));
        }
    };
    let mut records = emit::trace::records(&text).into_iter();
    let header = match emit::trace::header(records.next().unwrap_or_default()) {
        Ok(header) => header,
        Err(missing) => {
            let text = format!("`{}` has no column {}", batch.display(), missing.join(" and "));
            let expected = "a first line with `source,destination,protocol,port`";
            return refuse(global, Diagnostic::error(codes::BAD_BATCH, Span::NONE, text).expected(expected));
        }
    };
    let mut out = String::new();
    let columns: Vec<String> = header.columns.iter().map(|column| emit::trace::quoted(column)).collect();
    out.push_str(&format!("{},verdict,reason\n", columns.join(",")));
    let mut traces = Vec::new();
    let mut engine = None;
    for row in records {
        let mut certified = None;
        let (verdict, reason) = match row_question(tracer, &header, &row, options.protocol) {
            Ok(question) => {
                let mut trace = tracer.trace(question);
                if trace.verdict == Verdict::Unreachable {
                    let engine = engine.get_or_insert_with(|| Engine::new(tracer.network()));
                    certified = Some(tracer.certified(engine, &trace.question));
                }
                if let Some(Certified::Refused(_)) = certified {
                    trace.verdict = Verdict::Unknown;
                    trace.reason = emit::trace::REFUSED.to_owned();
                }
                (emit::trace::word(trace.verdict), trace.reason)
            }
            Err(reason) => ("unknown", reason),
        };
        if global.format == Format::Json {
            let names = header.columns.iter().zip(&row);
            let mut object: serde_json::Map<String, serde_json::Value> =
                names.map(|(name, field)| (name.clone(), field.clone().into())).collect();
            object.insert("verdict".into(), verdict.into());
            object.insert("reason".into(), reason.into());
            object.insert("certificate".into(), certified.as_ref().map(emit::trace::certificate).into());
            traces.push(serde_json::Value::from(object));
            continue;
        }
        let answered = emit::trace::Answered { row: &row, verdict, reason: &reason };
        out.push_str(&emit::trace::record(&header, &answered));
        out.push('\n');
    }
    if global.format == Format::Json {
        out = format!("{:#}\n", serde_json::json!({ "schema": "steward-traces/1", "flows": traces }));
    }
    print(&out);
    Ending::Good
}

/// The question of a row; `Err` says why there is none.
fn row_question(
    tracer: &Tracer<'_>,
    header: &emit::trace::Header,
    row: &[String],
    protocol: Option<Protocol>,
) -> Result<Question, String> {
    let field = |at: Option<usize>| at.and_then(|at| row.get(at)).map_or("", |field| field.trim());
    let (source, destination) = (field(Some(header.source)), field(Some(header.destination)));
    if row.len() > header.columns.len() {
        return Err("the row has more fields than the header".to_owned());
    }
    let end = |text: &str, what: &str| -> Result<End, String> {
        if text.is_empty() {
            return Err(format!("the row has no {what}"));
        }
        tracer
            .end(text)
            .map_err(|mistake| said(text, mistake))
            .map_err(|(text, help)| format!("{text}; {help}"))
    };
    let (written_port, protocol_text) = (field(header.port), field(header.protocol).to_ascii_lowercase());
    let (to, to_port) = match written_port {
        "" => split_port(destination),
        _ => (destination, None),
    };
    let number = match protocol_text.as_str() {
        "" => match protocol {
            Some(Protocol::Icmp) => ICMP,
            Some(Protocol::Udp) => UDP,
            Some(Protocol::Tcp) => TCP,
            None if written_port.is_empty() && to_port.is_none() => ICMP,
            None => TCP,
        },
        "tcp" => TCP,
        "udp" => UDP,
        "icmp" | "icmpv6" | "icmp6" | "ping" | "58" => ICMP,
        "all" | "-1" | "any" => return Err(format!("the protocol `{protocol_text}` is no single protocol")),
        other => other.parse().map_err(|_| format!("`{other}` is no protocol"))?,
    };
    let port = match (written_port, to_port) {
        ("" | "-" | "-1", Some(port)) => Some(port),
        ("" | "-" | "-1", None) => None,
        (text, _) if number == TCP || number == UDP => {
            Some(text.parse::<u16>().map_err(|_| format!("`{text}` is no port"))?)
        }
        _ => None,
    };
    let port = match (port, number) {
        (Some(port), _) => port,
        (None, TCP | UDP) => return Err("the row has no port".to_owned()),
        (None, _) => 0,
    };
    Ok(Question { from: end(source, "source")?, to: end(to, "destination")?, protocol: number, port })
}
