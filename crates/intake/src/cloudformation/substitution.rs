//! `Fn::Sub`: texts with names in them.
//!
//! In: the text and what it may name. Out: a text, or pieces of one. Always: `${!Name}` stays as `${Name}`, and a
//! mistake is reported at the `${…}` it is in.

use diagnostics::{Diagnostic, Span};
use estate::{Function, Kind, Value};
use smol_str::SmolStr;

use super::compute::{Fault, compute};
use super::evaluate::{Scope, Section};
use super::syntax::Invocation;
use crate::{BAD_ARGUMENT, MISPLACED_FUNCTION, UNUSED_VARIABLE};

impl Scope<'_, '_> {
    /// `Fn::Sub`: a text, or a text and a mapping of names.
    pub fn sub(&mut self, invocation: &Invocation<'_>) -> Value {
        const EXPECTED: &str = "a text, or a list of a text and a mapping of names to values";
        let (template, text, own) = match invocation.items() {
            Some([template, own]) => {
                (template, template.as_scalar_text().filter(|_| own.as_map().is_some()), own.as_map())
            }
            Some([template]) => (template, template.as_scalar_text(), None),
            _ => (invocation.argument, invocation.text(), None),
        };
        let Some(text) = text.filter(|_| invocation.tagged || template.tag.is_none()) else {
            // A macro may make the text.
            if template.get("Fn::Transform").is_some() {
                return self.value(template);
            }
            return self.bad_argument(invocation, template.span, EXPECTED);
        };
        let own = own.unwrap_or(&[]);
        let values: Vec<_> = own.iter().map(|entry| (&entry.key, self.value(&entry.value))).collect();
        if !self.spend(text.len() / 64, invocation.span) {
            return self.mistake(invocation.span);
        }
        let mut used = vec![false; values.len()];
        let mut pieces = Vec::new();
        for part in parts(&text) {
            match part {
                Part::Text(text) => pieces.push(Value::from(text)),
                Part::Variable(name) => {
                    let span = self.session.find(template.span, name).unwrap_or(invocation.span);
                    let name = name.trim();
                    match values.iter().position(|(key, _)| key.text == name) {
                        Some(at) => {
                            used.get_mut(at).into_iter().for_each(|used| *used = true);
                            pieces.extend(values.get(at).map(|(_, value)| value.clone()));
                        }
                        None => pieces.push(self.variable(name, span)),
                    }
                }
            }
        }
        for ((key, _), used) in values.iter().zip(used) {
            if !used {
                let text =
                    format!("`{}` is defined here and the text does not use `${{{}}}`", key.text, key.text);
                self.report(Diagnostic::warning(UNUSED_VARIABLE, key.span, text));
            }
        }
        self.text_of(pieces, invocation.span)
    }

    /// What `${name}` stands for.
    fn variable(&mut self, name: &str, span: Span) -> Value {
        let well_formed = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':'));
        if !well_formed {
            let text = format!("`${{{name}}}` is not the name of a parameter, resource or attribute");
            let bad = Diagnostic::error(BAD_ARGUMENT, span, text);
            self.report(bad.help(format!("write `${{!{name}}}` to keep `${{{name}}}` as it is")));
            return self.mistake(span);
        }
        match name.split_once('.') {
            Some((id, attribute)) => {
                if matches!(self.section, Section::Conditions | Section::Rules) {
                    let text = format!(
                        "`${{{name}}}` is an attribute, and no resource exists before conditions are decided"
                    );
                    return self.wrong(MISPLACED_FUNCTION, span, text);
                }
                self.attribute_of(&SmolStr::new(id), Value::from(attribute), span)
            }
            None => self.named(&SmolStr::new(name), span),
        }
    }

    /// A text of pieces, each of which must be a text.
    fn text_of(&mut self, pieces: Vec<Value>, span: Span) -> Value {
        let list =
            Value::new(Kind::List(pieces.into_iter().filter(|piece| piece.kind != Kind::Absent).collect()));
        let mut faults = Vec::new();
        let text = compute(Function::Join, vec![Value::from(""), list], &mut |fault: Fault| {
            faults.push(fault);
            Value::new(Kind::Null)
        });
        match faults.pop() {
            Some(mut fault) => {
                fault.message = fault.message.replace("`Fn::Join` joins", "`Fn::Sub` takes");
                self.fault(fault, span)
            }
            None => text,
        }
    }
}

/// A part of the text of `Fn::Sub`.
#[derive(Debug, PartialEq)]
pub enum Part<'t> {
    /// As it is.
    Text(&'t str),
    /// What is written between `${` and `}`.
    Variable(&'t str),
}

/// The parts of the text of `Fn::Sub`; `${!Name}` stays as `${Name}`.
pub fn parts(text: &str) -> Vec<Part<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        if !before.is_empty() {
            out.push(Part::Text(before));
        }
        if let Some(literal) = name.strip_prefix('!') {
            out.extend([Part::Text("${"), Part::Text(literal), Part::Text("}")]);
        } else {
            out.push(Part::Variable(name));
        }
        rest = behind;
    }
    if !rest.is_empty() {
        out.push(Part::Text(rest));
    }
    out
}
