//! `steward local`: what a console is for, in the local cloud.

use std::fmt::Write as _;

use deploy::Place;
use deploy::local::{Found, LocalCloud};
use diagnostics::render::{Ink, Style, cut};
use diagnostics::{Diagnostic, Span};
use serde_json::Value;

use super::deploy::{cloud_failed, user};
use super::refuse;
use crate::cli::{Global, Local, LocalAction};
use crate::terminal::{print, style};
use crate::{Ending, codes};

/// Runs it.
pub fn run(global: &Global, options: &Local) -> Ending {
    match done(global, options) {
        Ok(ending) | Err(ending) => ending,
    }
}

fn done(global: &Global, options: &Local) -> Result<Ending, Ending> {
    let who = options.who.clone().unwrap_or_else(user);
    let cloud = LocalCloud::open(&options.local, &who).map_err(|error| cloud_failed(global, &error))?;
    let look = style(global);
    match &options.action {
        LocalAction::Show { resource } => {
            let found = find(global, &cloud, resource.as_deref().unwrap_or_default(), false)?;
            print(&shown(&found, look));
        }
        LocalAction::Edit { resource, property, value } => {
            let found = one(global, &cloud, resource)?;
            let value = value
                .as_ref()
                .map(|text| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())));
            cloud.edit(&who, &found, property, value).map_err(|error| cloud_failed(global, &error))?;
            print(&format!("{} {}: {property} was changed by {who}\n", found.kind, found.id));
        }
        LocalAction::Delete { resource } => {
            let found = one(global, &cloud, resource)?;
            cloud.delete_behind(&who, &found).map_err(|error| cloud_failed(global, &error))?;
            print(&format!("{} {} was deleted by {who}\n", found.kind, found.id));
        }
        LocalAction::Create { account, region, kind, id, properties } => {
            let properties = properties.as_deref().unwrap_or("{}");
            let properties: Value = serde_json::from_str(properties).map_err(|error| {
                let text = format!("the properties are no JSON: {error}");
                refuse(global, Diagnostic::error(codes::NO_SUCH_RESOURCE, Span::NONE, text))
            })?;
            let place = Place::new(account.clone(), region.clone());
            let found = Found { place, kind: kind.clone(), id: id.clone(), of: None, properties };
            cloud.create_behind(&who, &found).map_err(|error| cloud_failed(global, &error))?;
            print(&format!("{kind} {id} was made by {who}\n"));
        }
    }
    Ok(Ending::Good)
}

fn find(global: &Global, cloud: &LocalCloud, text: &str, exact: bool) -> Result<Vec<Found>, Ending> {
    let wanted = text.rsplit('/').next().unwrap_or(text);
    let mut found =
        cloud.find(if exact { wanted } else { text }).map_err(|error| cloud_failed(global, &error))?;
    if exact {
        let is = |it: &Found| {
            let named = it
                .of
                .as_ref()
                .is_some_and(|(stack, logical)| logical == text || format!("{stack}/{logical}") == text);
            it.id == text || named
        };
        found.retain(is);
    }
    Ok(found)
}

fn one(global: &Global, cloud: &LocalCloud, text: &str) -> Result<Found, Ending> {
    let mut found = find(global, cloud, text, true)?;
    match (found.len(), found.pop()) {
        (1, Some(one)) => Ok(one),
        (count, _) => {
            let text = match count {
                0 => format!("the local cloud has no resource `{text}`"),
                _ => format!("the local cloud has {count} resources `{text}`"),
            };
            let help = "name one by its id, or as stack/LogicalId; `steward local show TEXT` lists those that contain a text";
            Err(refuse(global, Diagnostic::error(codes::NO_SUCH_RESOURCE, Span::NONE, text).help(help)))
        }
    }
}

fn shown(found: &[Found], look: Style) -> String {
    let mut out = String::new();
    for it in found {
        let of = it.of.as_ref().map_or_else(String::new, |(stack, logical)| format!("{stack}/{logical}"));
        let line = format!("{} {of:<40} {} {}", it.place, it.kind, it.id);
        let _ = writeln!(out, "{}", cut(&line, look.width, look.glyph("…", "...")));
        if found.len() == 1 {
            let _ = writeln!(out, "{:#}", it.properties);
        }
    }
    let _ = writeln!(out, "{}", look.paint(Ink::Dim, &format!("{} resources", found.len())));
    out
}
