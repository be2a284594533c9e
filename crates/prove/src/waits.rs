//! Which resource of a stack waits for which.
//!
//! In: a stack. Out: the ids that a resource waits for, directly or through others. Always: `DependsOn` counts,
//! and so does every reference, in properties and in metadata alike.
//!
//! Source: AWS CloudFormation Template Reference, "DependsOn attribute" (references are dependencies by themselves).

use std::collections::{HashMap, HashSet};

use estate::{Resource, Stack, StackId, Value};

/// The resources of the same stack that `resource` names.
pub(crate) fn direct<'a>(stack: StackId, resource: &'a Resource) -> Vec<&'a str> {
    let mut out: Vec<&str> = resource.depends_on.iter().map(|dependency| dependency.id.as_str()).collect();
    let mut visit = |value: &'a Value| {
        let named = value.as_reference().and_then(|reference| reference.resource());
        if let Some((_, id)) = named.filter(|(of, _)| *of == stack) {
            out.push(id.as_str());
        }
    };
    resource.properties.walk(&mut visit);
    resource.attributes.values().for_each(|value| value.walk(&mut visit));
    out
}

/// Who waits for whom, worked out for each stack when it is first asked about.
#[derive(Default)]
pub(crate) struct Waits<'a> {
    by_stack: HashMap<StackId, HashMap<&'a str, Vec<&'a str>>>,
}

impl<'a> Waits<'a> {
    /// Whether the resource `from` waits for one that `wanted` accepts, by its id.
    pub(crate) fn reaches(
        &mut self,
        stack_id: StackId,
        stack: &'a Stack,
        from: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> bool {
        let edges = self.by_stack.entry(stack_id).or_insert_with(|| {
            stack.resources.iter().map(|(id, resource)| (id.as_str(), direct(stack_id, resource))).collect()
        });
        let mut seen: HashSet<&str> = HashSet::new();
        let mut open: Vec<&str> = edges.get(from).cloned().unwrap_or_default();
        while let Some(id) = open.pop() {
            if wanted(id) {
                return true;
            }
            if seen.insert(id) {
                open.extend(edges.get(id).into_iter().flatten());
            }
        }
        false
    }
}
