//! What is not known within a value, by name.
//!
//! Always: what AWS assigns, and a parameter of which CloudFormation itself checks that it names something
//! that exists, is known well enough and has no name here.

use smol_str::SmolStr;

use super::walk::Checker;
use crate::{Function, Kind, Type, Value, Why};

impl Checker<'_> {
    /// Whether anything in the value, in this world, is not known and not assigned by AWS.
    pub(crate) fn has_symbols(&self, value: &Value) -> bool {
        let value = self.resolve(value);
        match &value.kind {
            Kind::Unknown(unknown) => unknown.ty == Type::List || !self.names_existing(value),
            Kind::Call(call) => {
                is_opaque(call.function) || call.arguments.iter().any(|value| self.has_symbols(value))
            }
            Kind::List(items) | Kind::Join(items) => items.iter().any(|value| self.has_symbols(value)),
            Kind::Map(map) => map.iter().any(|entry| self.has_symbols(&entry.value)),
            _ => false,
        }
    }

    /// Whether CloudFormation itself checks that a parameter's value names something that exists: its type is
    /// `AWS::EC2::VPC::Id` or the like, or a list of such.
    ///
    /// Source: AWS CloudFormation User Guide, "CloudFormation-supplied parameter types".
    pub(crate) fn names_existing(&self, value: &Value) -> bool {
        let Kind::Unknown(unknown) = &value.kind else { return false };
        let Why::Parameter(name) = &unknown.why else { return false };
        let Some(parameter) = self.place.stack.parameters.get(name) else { return false };
        let own = matches!(&parameter.value.kind, Kind::Unknown(other) if other.symbol == unknown.symbol);
        let ty = parameter.ty.as_str();
        let ty = ty.strip_prefix("List<").unwrap_or(ty);
        own && ty.starts_with("AWS::") && !ty.starts_with("AWS::SSM::")
    }

    /// The names of all that is not known in the value, in order, each once.
    pub(crate) fn symbols(&self, value: &Value) -> Vec<SmolStr> {
        let mut out = Vec::new();
        self.collect_symbols(value, &mut out);
        out
    }

    fn collect_symbols(&self, value: &Value, out: &mut Vec<SmolStr>) {
        let value = self.resolve(value);
        let mut put = |name: SmolStr| {
            if !out.contains(&name) {
                out.push(name);
            }
        };
        match &value.kind {
            Kind::Unknown(_) if self.names_existing(value) => {}
            Kind::Unknown(unknown) => put(unknown.symbol.clone()),
            Kind::Call(call) => {
                if is_opaque(call.function) {
                    let name = call.arguments.first().and_then(Value::as_str).unwrap_or("");
                    put(format!("{} {name}", call.function.name()).trim_end().into());
                }
                call.arguments.iter().for_each(|value| self.collect_symbols(value, out));
            }
            Kind::List(items) | Kind::Join(items) => {
                items.iter().for_each(|value| self.collect_symbols(value, out))
            }
            Kind::Map(map) => map.iter().for_each(|entry| self.collect_symbols(&entry.value, out)),
            _ => {}
        }
    }
}

/// Functions whose result nothing in the estate determines.
fn is_opaque(function: Function) -> bool {
    matches!(function, Function::ImportValue | Function::Transform | Function::FindInMap | Function::GetAtt)
}
