//! Putting one estate's stacks into another.
//!
//! In: an estate that was read by itself, such as a user's own template. Out: its stacks in the estate that they
//! belong to. Always: every reference still leads to what it led to.

use crate::{
    AccountId, Estate, Formula, Kind, Output, Policy, Reference, Resource, Stack, StackId, Target, Value,
};

impl Estate {
    /// Moves all stacks of `other` into this estate, into `account`, behind those that are here. The accounts of
    /// `other` are left behind: what referred to one of them refers to `account`.
    pub fn graft(&mut self, other: Self, account: AccountId) -> Vec<StackId> {
        let offset = u32::try_from(self.stacks.len()).unwrap_or(u32::MAX);
        let graft = Graft { offset, account };
        let stacks = other.stacks.into_iter().map(|mut stack| {
            graft.stack(&mut stack);
            self.add_stack(stack)
        });
        stacks.collect()
    }
}

struct Graft {
    offset: u32,
    account: AccountId,
}

impl Graft {
    fn id(&self, id: &mut StackId) {
        id.0 = id.0.saturating_add(self.offset);
    }

    fn stack(&self, stack: &mut Stack) {
        stack.account = self.account;
        stack.depends_on.iter_mut().for_each(|id| self.id(id));
        if let Some((parent, _)) = &mut stack.nested_in {
            self.id(parent);
        }
        if let Some((owner, _)) = &mut stack.fleet {
            self.id(owner);
        }
        stack.resources.values_mut().for_each(|resource| self.resource(resource));
        stack.conditions.values_mut().for_each(|condition| self.formula(&mut condition.formula));
        stack.parameters.values_mut().for_each(|parameter| self.value(&mut parameter.value));
        for Output { value, export, condition, .. } in stack.outputs.values_mut() {
            self.value(value);
            export.iter_mut().for_each(|export| self.value(export));
            condition.iter_mut().for_each(|condition| self.id(&mut condition.stack));
        }
    }

    fn resource(&self, resource: &mut Resource) {
        self.value(&mut resource.properties);
        resource.condition.iter_mut().for_each(|condition| self.id(&mut condition.stack));
        resource.attributes.values_mut().for_each(|value| self.value(value));
        for policy in
            [&mut resource.deletion_policy, &mut resource.update_replace_policy].into_iter().flatten()
        {
            if let Policy::Unknown(value) = policy {
                self.value(value);
            }
        }
    }

    fn formula(&self, formula: &mut Formula) {
        match formula {
            Formula::Equals(left, right) => {
                self.value(left);
                self.value(right);
            }
            Formula::And(all) | Formula::Or(all) => all.iter_mut().for_each(|each| self.formula(each)),
            Formula::Not(inner) => self.formula(inner),
            Formula::Known(_) | Formula::Named(_) | Formula::Unreadable => {}
        }
    }

    fn value(&self, value: &mut Value) {
        match &mut value.kind {
            Kind::List(items) | Kind::Join(items) => items.iter_mut().for_each(|item| self.value(item)),
            Kind::Map(map) => map.iter_mut().for_each(|entry| self.value(&mut entry.value)),
            Kind::Case(case) => {
                self.id(&mut case.condition.stack);
                self.value(&mut case.then);
                self.value(&mut case.otherwise);
            }
            Kind::Call(call) => call.arguments.iter_mut().for_each(|argument| self.value(argument)),
            Kind::Unknown(unknown) => {
                unknown.allowed.iter_mut().flatten().for_each(|value| self.value(value))
            }
            Kind::Reference(reference) => self.reference(reference),
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) | Kind::Absent => {}
        }
    }

    fn reference(&self, reference: &mut Reference) {
        match &mut reference.target {
            Target::Resource { stack, .. } | Target::Pseudo { stack, .. } => self.id(stack),
            Target::Account(account) => *account = self.account,
        }
    }
}
