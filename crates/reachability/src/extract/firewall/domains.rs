//! Domain lists, as the rules that Network Firewall makes of them.
//!
//! Source: AWS Network Firewall Developer Guide, "Examples of stateful rules for Network Firewall", domain list rules;
//! "Stateful domain list rule groups in AWS Network Firewall".

use estate::{SmolStr, Value};

use super::super::Extraction;
use crate::model::{Certainty, UnknownId};

/// The rules of a list as text, and what is not known of them.
pub(super) struct Generated {
    pub text: String,
    pub doubt: Option<UnknownId>,
}

impl<'a> Extraction<'a> {
    /// The rules of a `RulesSourceList`. `strict` order has no pass before all drops: whether AWS adds the last drop
    /// there is not documented, so it is doubtful; a default action of the policy drops the rest anyway.
    pub(super) fn domain_rules(&mut self, list: &'a Value) -> Generated {
        let mut doubt = None;
        let kind = self.text(list.get("GeneratedRulesType"));
        let (action, word) = match kind.as_ref().map(|kind| kind.as_deref()) {
            Ok(Some("ALLOWLIST")) => ("pass", "allowlisted"),
            Ok(Some("REJECTLIST")) => ("reject", "rejectlisted"),
            Ok(Some("ALERTLIST")) => ("alert", "alertlisted"),
            Ok(_) => ("drop", "denylisted"),
            Err(id) => {
                doubt = Some(*id);
                ("drop", "listed")
            }
        };
        let targets = self.texts(list.get("Targets"), &mut doubt);
        let kinds = self.texts(list.get("TargetTypes"), &mut doubt);
        let mut text = String::new();
        let mut sid = 0;
        let mut add = |line: String| {
            sid += 1;
            text.push_str(&format!("{line} sid:{sid}; rev:1;)\n"));
        };
        let between = "$HOME_NET any -> $EXTERNAL_NET any";
        for (kind, protocol, name, first, case) in [
            ("TLS_SNI", "tls", "TLS", "ssl_state:client_hello; tls.sni;", " nocase;"),
            ("HTTP_HOST", "http", "HTTP", "http.host;", ""),
        ] {
            if !kinds.iter().any(|wanted| wanted == kind) {
                continue;
            }
            for target in &targets {
                let content = match target.starts_with('.') {
                    true => format!("dotprefix; content:\"{target}\";{case} endswith;"),
                    false => format!("content:\"{target}\"; startswith;{case} endswith;"),
                };
                let message = format!("msg:\"matching {name} {word} FQDNs\";");
                add(format!(
                    "{action} {protocol} {between} ({first} {content} {message} flow:to_server, established;"
                ));
            }
            if action == "pass" {
                let rest = if protocol == "tls" {
                    "ssl_state:client_hello;"
                } else {
                    "http.header_names; content:\"|0d 0a|\"; startswith;"
                };
                let message = format!("msg:\"not matching any {name} allowlisted FQDNs\";");
                add(format!("drop {protocol} {between} ({rest} {message} flow:to_server, established;"));
            }
        }
        Generated { text, doubt }
    }

    fn texts(&mut self, list: Option<&'a Value>, doubt: &mut Option<UnknownId>) -> Vec<SmolStr> {
        let mut out = Vec::new();
        for item in self.items(list, Certainty::Yes) {
            match (self.text(Some(item.value)), item.exists) {
                (Ok(Some(text)), Certainty::Yes) => out.push(escaped(&text)),
                (Ok(None), _) | (_, Certainty::No) => {}
                (Err(id), _) | (_, Certainty::Maybe(id)) => *doubt = Some(id),
            }
        }
        out
    }
}

/// A name with what a rule's content may not hold behind a backslash.
fn escaped(text: &str) -> SmolStr {
    let special = |c: char| matches!(c, ';' | '"' | ':' | '\\');
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}
