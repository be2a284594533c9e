//! Intrinsic functions of a template whose values are all known.
//!
//! In: a value of a template and a [`Scope`]: what parameters, resources and conditions are. Out: the value, or why it has
//! none. Always: nothing is guessed: what a scope does not know is an error that names it.
//!
//! Source: AWS CloudFormation Template Reference, "Intrinsic function reference".

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::template::{Template, placeholders, plain};

/// What a template's names stand for.
pub trait Scope {
    /// What `Ref` of a resource returns; `None`: it is not there (yet).
    fn reference(&self, id: &str) -> Option<Value>;
    /// What `Fn::GetAtt` of a resource returns.
    fn attribute(&self, id: &str, name: &str) -> Option<Value>;
    /// The value exported under a name in the same account and region.
    fn import(&self, name: &str) -> Option<Value>;
}

/// Where a stack is, for pseudo parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Here {
    /// Twelve digits.
    pub account: String,
    /// The region's code.
    pub region: String,
    /// The stack's name.
    pub stack: String,
    /// The stack's ARN.
    pub stack_id: String,
}

/// An evaluation of one template.
pub struct Evaluation<'a> {
    /// The template.
    pub template: &'a Template,
    /// Where.
    pub here: &'a Here,
    /// Values of parameters, defaults among them.
    pub parameters: &'a BTreeMap<String, String>,
    /// What resources are.
    pub scope: &'a dyn Scope,
}

/// A value that is not there: `AWS::NoValue`.
const NO_VALUE: &str = "AWS::NoValue";
/// How deep conditions may name each other.
const DEEPEST: u8 = 64;

impl Evaluation<'_> {
    /// A value with all its functions resolved. `None`: it is left out.
    ///
    /// # Errors
    /// What cannot be resolved.
    pub fn value(&self, value: &Value) -> Result<Option<Value>, String> {
        match value {
            Value::Array(items) => {
                let mut out = Vec::with_capacity(items.len());
                for item in items {
                    out.extend(self.value(item)?);
                }
                Ok(Some(Value::Array(out)))
            }
            Value::Object(map) => match map.iter().next().filter(|_| map.len() == 1) {
                Some((name, argument)) if name == "Ref" || name.starts_with("Fn::") => {
                    self.function(name, argument)
                }
                Some((name, Value::String(condition)))
                    if name == "Condition" && self.template.conditions.contains_key(condition) =>
                {
                    Ok(Some(Value::Bool(self.condition(condition, 0)?)))
                }
                _ => self.map(map).map(|map| Some(Value::Object(map))),
            },
            other => Ok(Some(other.clone())),
        }
    }

    /// A mapping with all its values resolved.
    ///
    /// # Errors
    /// What cannot be resolved.
    pub fn map(&self, map: &Map<String, Value>) -> Result<Map<String, Value>, String> {
        let mut out = Map::new();
        for (key, value) in map {
            if let Some(value) = self.value(value)? {
                out.insert(key.clone(), value);
            }
        }
        Ok(out)
    }

    /// Whether a condition holds.
    ///
    /// # Errors
    /// What cannot be resolved.
    pub fn condition(&self, name: &str, depth: u8) -> Result<bool, String> {
        if depth > DEEPEST {
            return Err(format!("condition {name} refers to itself"));
        }
        let written = self.template.conditions.get(name);
        self.holds(written.ok_or_else(|| format!("there is no condition {name}"))?, depth)
    }

    fn holds(&self, value: &Value, depth: u8) -> Result<bool, String> {
        let one = value.as_object().and_then(|map| map.iter().next());
        let Some((name, argument)) = one else {
            return Ok(value.as_bool().unwrap_or_else(|| value.as_str() == Some("true")));
        };
        let all = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        match name.as_str() {
            "Condition" => self.condition(argument.as_str().unwrap_or_default(), depth + 1),
            "Fn::Not" => all.first().map_or(Ok(false), |one| self.holds(one, depth).map(|holds| !holds)),
            "Fn::And" => all.iter().try_fold(true, |holds, one| Ok(holds & self.holds(one, depth)?)),
            "Fn::Or" => all.iter().try_fold(false, |holds, one| Ok(holds | self.holds(one, depth)?)),
            "Fn::Equals" => match all {
                [a, b] => Ok(self.text(a)? == self.text(b)?),
                _ => Err("Fn::Equals takes two values".to_owned()),
            },
            other => Err(format!("{other} is no condition function that Steward deploys")),
        }
    }

    fn some(&self, value: &Value) -> Result<Value, String> {
        self.value(value).map(|value| value.unwrap_or(Value::Null))
    }

    fn text(&self, value: &Value) -> Result<String, String> {
        Ok(plain(&self.some(value)?))
    }

    fn function(&self, name: &str, argument: &Value) -> Result<Option<Value>, String> {
        let list = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        let wrong = || format!("{name} has another shape than AWS documents");
        Ok(Some(match (name, list) {
            ("Ref", _) => match argument.as_str().ok_or_else(wrong)? {
                NO_VALUE => return Ok(None),
                id => self.reference(id)?,
            },
            ("Fn::GetAtt", [id, attribute]) => {
                self.attribute(id.as_str().ok_or_else(wrong)?, &self.text(attribute)?)?
            }
            ("Fn::GetAtt", _) => {
                let (id, attribute) =
                    argument.as_str().and_then(|path| path.split_once('.')).ok_or_else(wrong)?;
                self.attribute(id, attribute)?
            }
            ("Fn::Sub", [Value::String(text), Value::Object(names)]) => self.sub(text, Some(names))?,
            ("Fn::Sub", _) => self.sub(argument.as_str().ok_or_else(wrong)?, None)?,
            ("Fn::Join", [delimiter, items]) => {
                let items = self.some(items)?;
                let items = items.as_array().ok_or_else(wrong)?;
                let delimiter = self.text(delimiter)?;
                json!(items.iter().map(plain).collect::<Vec<_>>().join(&delimiter))
            }
            ("Fn::Split", [delimiter, text]) => {
                let (delimiter, text) = (self.text(delimiter)?, self.text(text)?);
                json!(text.split(delimiter.as_str()).collect::<Vec<_>>())
            }
            ("Fn::Select", [at, items]) => {
                let at: usize = self.text(at)?.parse().map_err(|_| wrong())?;
                let items = self.some(items)?;
                let found = match &items {
                    Value::Array(items) => items.get(at).cloned(),
                    Value::String(text) => text.split(',').nth(at).map(|item| json!(item.trim())),
                    _ => None,
                };
                found.ok_or_else(|| format!("Fn::Select cannot select nonexistent value at index {at}"))?
            }
            ("Fn::If", [condition, yes, no]) => {
                let holds = self.condition(condition.as_str().ok_or_else(wrong)?, 0)?;
                return self.value(if holds { yes } else { no });
            }
            ("Fn::FindInMap", [map, first, second, ..]) => {
                let (map, first, second) = (self.text(map)?, self.text(first)?, self.text(second)?);
                let found = self.template.mappings.get(&map).and_then(|map| map.get(&first)?.get(&second));
                found
                    .cloned()
                    .ok_or_else(|| format!("Fn::FindInMap finds nothing at {map}/{first}/{second}"))?
            }
            ("Fn::ImportValue", _) => {
                let export = self.text(argument)?;
                self.scope.import(&export).ok_or_else(|| format!("No export named {export} found."))?
            }
            ("Fn::GetAZs", _) => {
                let region = Some(self.text(argument)?).filter(|region| !region.is_empty());
                let region = region.unwrap_or_else(|| self.here.region.clone());
                json!(["a", "b", "c"].map(|zone| format!("{region}{zone}")))
            }
            ("Fn::Base64", _) => json!(base64(self.text(argument)?.as_bytes())),
            ("Fn::Length", _) => json!(self.some(argument)?.as_array().ok_or_else(wrong)?.len()),
            ("Fn::ToJsonString", _) => json!(self.some(argument)?.to_string()),
            ("Fn::Cidr", [block, count, bits]) => {
                let (block, count, bits) = (self.text(block)?, self.text(count)?, self.text(bits)?);
                json!(cidr(&block, &count, &bits).ok_or_else(|| format!("Fn::Cidr cannot divide {block}"))?)
            }
            ("Fn::Transform", _) => return Err("macros run in AWS only".to_owned()),
            _ => return Err(wrong()),
        }))
    }

    fn reference(&self, id: &str) -> Result<Value, String> {
        let here = self.here;
        Ok(match id {
            "AWS::AccountId" => json!(here.account),
            "AWS::Region" => json!(here.region),
            "AWS::StackName" => json!(here.stack),
            "AWS::StackId" => json!(here.stack_id),
            "AWS::Partition" => json!("aws"),
            "AWS::URLSuffix" => json!("amazonaws.com"),
            "AWS::NotificationARNs" => json!([]),
            _ => match (self.parameters.get(id), self.template.parameters.get(id)) {
                (Some(value), Some(parameter)) if parameter.kind.contains("List") => {
                    json!(value.split(',').map(str::trim).collect::<Vec<_>>())
                }
                (Some(value), _) => json!(value),
                (None, _) => self.scope.reference(id).ok_or_else(|| format!("{id} is not there"))?,
            },
        })
    }

    fn attribute(&self, id: &str, name: &str) -> Result<Value, String> {
        self.scope.attribute(id, name).ok_or_else(|| format!("{id}.{name} is not there"))
    }

    fn sub(&self, text: &str, names: Option<&Map<String, Value>>) -> Result<Value, String> {
        let mut out = text.to_owned();
        for name in placeholders(text) {
            let value = match (names.and_then(|names| names.get(name)), name.split_once('.')) {
                (Some(value), _) => self.text(value)?,
                (None, Some((id, attribute))) => plain(&self.attribute(id, attribute)?),
                (None, None) => plain(&self.reference(name)?),
            };
            out = out.replace(&format!("${{{name}}}"), &value);
        }
        Ok(json!(out.replace("${!", "${")))
    }
}

/// Blocks of 2^`bits` addresses within another, from the start.
fn cidr(block: &str, count: &str, bits: &str) -> Option<Vec<String>> {
    let (address, _) = block.split_once('/')?;
    let address: std::net::Ipv4Addr = address.parse().ok()?;
    let (count, bits): (u32, u32) = (count.parse().ok()?, bits.parse().ok()?);
    let size = 1_u32.checked_shl(bits)?;
    let at = |n: u32| u32::from(address).checked_add(n.checked_mul(size)?);
    let block = |n| at(n).map(|at| format!("{}/{}", std::net::Ipv4Addr::from(at), 32 - bits.min(32)));
    (0..count.min(256)).map(block).collect()
}

/// Source: RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let number = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4_usize {
            let letter = LETTERS.get((number >> (18 - 6 * at)) as usize & 63).copied().unwrap_or(b'=');
            out.push(if at > three.len() { '=' } else { char::from(letter) });
        }
    }
    out
}
