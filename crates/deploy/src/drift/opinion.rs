//! Two looks at one resource: ours, and the cloud's own detection.
//!
//! In: what each says. Out: one answer, with who saw it. Always: where the two disagree, both are said; what neither has compared is not
//! checked; that we find nothing by a name counts as a deletion only where the cloud does not say otherwise.
//!
//! Sources: AWS CloudFormation API Reference: `StackResourceDrift` (`NOT_CHECKED`: the type does not support detection); AWS Cloud Control API
//! User Guide, "Identifying resources": several properties of an identifier are joined by `|`, in the order of the schema.

use std::collections::BTreeMap;

use catalog::{Catalog, PropertyPath, RefMeaning};
use serde_json::Value;

use super::What;
use crate::evaluate::Evaluation;
use crate::template::{Template, plain};
use crate::{Cloud, Place, Says, StackResource};

type Differences = Vec<(String, Option<Value>, Option<Value>)>;

/// Who saw what is said of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// We, and nobody else looked.
    Read,
    /// The cloud's own detection; we could not look.
    Detection,
    /// Both say the same, or each a part of it.
    Both,
    /// We; the cloud's own detection says that it is as it should be.
    ReadOnly,
    /// The cloud's own detection; we find it as it should be.
    DetectionOnly,
}

/// What our own look says.
#[derive(Debug)]
pub(super) enum Own {
    Alike,
    Differs(Differences),
    Gone,
    Cannot(String),
}

/// What both say together.
#[derive(Debug, PartialEq)]
pub(super) enum Settled {
    Alike(Seen),
    Drift(What, Seen),
    Cannot(String),
}

/// What the cloud's own detection says of one resource.
#[derive(Debug)]
pub(super) enum Second<'s> {
    /// The cloud has no detection: ours is the only look there is.
    None,
    /// It was asked, and has not looked at this one.
    Silent,
    /// It looked.
    Says(&'s Says),
}

/// By logical id; `None`: the cloud has no detection; an error says why this stack has none.
pub(super) type Opinion = Result<Option<BTreeMap<String, Says>>, String>;

/// Waits for a detection that was begun.
pub(super) fn ask(
    cloud: &dyn Cloud,
    place: &Place,
    stack: &str,
    begun: &Result<Option<String>, String>,
) -> Opinion {
    let Some(id) = begun.clone()? else { return Ok(None) };
    let found = cloud.detected(place, stack, &id).map_err(|error| error.to_string())?;
    Ok(Some(found.into_iter().map(|it| (it.logical_id, it.says)).collect()))
}

/// What an opinion says of one resource.
pub(super) fn of<'o>(opinion: &'o Opinion, logical_id: &str) -> Second<'o> {
    match opinion {
        Ok(None) => Second::None,
        Err(_) => Second::Silent,
        Ok(Some(known)) => match known.get(logical_id) {
            None | Some(Says::Nothing) => Second::Silent,
            Some(says) => Second::Says(says),
        },
    }
}

/// What both say together.
pub(super) fn settled(own: Own, second: Second<'_>) -> Settled {
    let says = match second {
        Second::None => match own {
            Own::Gone => return Settled::Drift(What::Gone, Seen::Read),
            own => return alone(own),
        },
        Second::Silent => return alone(own),
        Second::Says(says) => says,
    };
    match (own, says) {
        (Own::Alike, Says::Alike) => Settled::Alike(Seen::Both),
        // They know it by a name that we do not.
        (Own::Cannot(_) | Own::Gone, Says::Alike) => Settled::Alike(Seen::Detection),
        (Own::Differs(paths), Says::Alike) => Settled::Drift(What::Differs(paths), Seen::ReadOnly),
        (Own::Gone, Says::Gone) => Settled::Drift(What::Gone, Seen::Both),
        (Own::Cannot(_), Says::Gone) => Settled::Drift(What::Gone, Seen::Detection),
        (Own::Alike | Own::Differs(_), Says::Gone) => Settled::Drift(What::Gone, Seen::DetectionOnly),
        (Own::Alike, Says::Differs(paths)) => {
            Settled::Drift(What::Differs(paths.clone()), Seen::DetectionOnly)
        }
        (Own::Cannot(_) | Own::Gone, Says::Differs(paths)) => {
            Settled::Drift(What::Differs(paths.clone()), Seen::Detection)
        }
        (Own::Differs(mut paths), Says::Differs(theirs)) => {
            let begins = |long: &str, short: &str| long == short || long.starts_with(&format!("{short}/"));
            for it in theirs {
                if !paths.iter().any(|(path, ..)| begins(path, &it.0) || begins(&it.0, path)) {
                    paths.push(it.clone());
                }
            }
            Settled::Drift(What::Differs(paths), Seen::Both)
        }
        (own, Says::Nothing) => alone(own),
    }
}

fn alone(own: Own) -> Settled {
    match own {
        Own::Alike => Settled::Alike(Seen::Read),
        Own::Differs(paths) => Settled::Drift(What::Differs(paths), Seen::Read),
        Own::Gone => Settled::Cannot(
            "nothing is found by its name, and no second look says that it is gone".to_owned(),
        ),
        Own::Cannot(why) => Settled::Cannot(why),
    }
}

/// The name that Cloud Control knows a resource by: its primary identifier, made of what `Ref` returns and of what the template says.
///
/// # Errors
/// What is not known of it.
pub(super) fn identifier(
    member: &StackResource,
    template: &Template,
    evaluation: &Evaluation<'_>,
) -> Result<String, String> {
    let physical = &member.physical_id;
    let Some(schema) = Catalog::shared().resource_type(&member.kind) else { return Ok(physical.clone()) };
    let parts = schema.primary_identifier();
    let by_ref: Vec<&PropertyPath> = match schema.ref_meaning() {
        RefMeaning::Property(one) => vec![one],
        RefMeaning::Joined(several) => several.iter().collect(),
        RefMeaning::Unread(_) | RefMeaning::Unstated => Vec::new(),
    };
    if parts.is_empty() || (by_ref.len() == parts.len() && by_ref.iter().zip(parts).all(|(a, b)| *a == b)) {
        return Ok(physical.clone());
    }
    let pieces: Vec<&str> = physical.split('|').collect();
    // Nobody has read what `Ref` returns, and it has the form of the whole identifier.
    if by_ref.is_empty() && pieces.len() == parts.len() {
        return Ok(physical.clone());
    }
    let pieces = if by_ref.len() == 1 { vec![physical.as_str()] } else { pieces };
    let said = |part: &PropertyPath| {
        if let Some(at) = by_ref.iter().position(|it| *it == part) {
            return pieces.get(at).map(|it| (*it).to_owned());
        }
        let path = part.to_string();
        let mut names = path.split('/').filter(|name| !name.is_empty());
        let written = template.resource(&member.logical_id)?.properties.get(names.next()?)?;
        let value = evaluation.value(written).ok()??;
        let value = names.try_fold(&value, |value, name| value.get(name))?;
        (!value.is_object() && !value.is_array()).then(|| plain(value))
    };
    let values: Vec<Option<String>> = parts.iter().map(said).collect();
    let missing = values.iter().filter(|it| it.is_none()).count();
    let stands_in = by_ref.is_empty() && missing == 1;
    if missing == 0 || stands_in {
        let values = values.into_iter().map(|it| it.unwrap_or_else(|| physical.clone()));
        return Ok(values.collect::<Vec<_>>().join("|"));
    }
    Err(format!("Cloud Control knows {} by a name that its stack does not say", member.kind))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(path: &str) -> Differences {
        vec![(path.to_owned(), Some(json!(1)), Some(json!(2)))]
    }

    #[test]
    fn what_neither_compared_is_not_checked_and_what_both_see_is_said_once() {
        let why = || Own::Cannot("why".to_owned());
        assert_eq!(settled(why(), Second::Silent), Settled::Cannot("why".to_owned()));
        assert_eq!(settled(why(), Second::Says(&Says::Alike)), Settled::Alike(Seen::Detection));
        assert!(matches!(settled(Own::Gone, Second::Silent), Settled::Cannot(_)), "a name proves nothing");
        assert_eq!(settled(Own::Gone, Second::Says(&Says::Alike)), Settled::Alike(Seen::Detection));
        assert_eq!(settled(Own::Gone, Second::None), Settled::Drift(What::Gone, Seen::Read));
        assert_eq!(settled(Own::Gone, Second::Says(&Says::Gone)), Settled::Drift(What::Gone, Seen::Both));
        assert_eq!(
            settled(Own::Differs(one("A")), Second::Says(&Says::Alike)),
            Settled::Drift(What::Differs(one("A")), Seen::ReadOnly)
        );
        let theirs = Says::Differs([one("A/B"), one("C")].concat());
        assert_eq!(
            settled(Own::Differs(one("A")), Second::Says(&theirs)),
            Settled::Drift(What::Differs([one("A"), one("C")].concat()), Seen::Both)
        );
        assert_eq!(
            settled(Own::Alike, Second::Says(&theirs)),
            Settled::Drift(What::Differs([one("A/B"), one("C")].concat()), Seen::DetectionOnly)
        );
    }
}
