//! Finding resources: by type, and those that a value names.

use std::collections::HashMap;

use smol_str::SmolStr;

use crate::{Estate, Kind, Resource, Stack, StackId, Target, Value};

/// A resource with where it is.
#[derive(Debug, Clone, Copy)]
pub struct ResourceRef<'a> {
    /// The stack's id.
    pub stack_id: StackId,
    /// The stack.
    pub stack: &'a Stack,
    /// The resource's logical id.
    pub id: &'a SmolStr,
    /// The resource.
    pub resource: &'a Resource,
}

/// The same resource of the same estate.
impl PartialEq for ResourceRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.stack_id == other.stack_id && self.id == other.id
    }
}

impl Eq for ResourceRef<'_> {}

/// Look-ups over a whole estate, made once.
#[derive(Debug)]
pub struct Index<'a> {
    estate: &'a Estate,
    by_kind: HashMap<&'a str, Vec<ResourceRef<'a>>>,
    /// Resources by a literal physical name, such as that of a bucket.
    by_name: HashMap<(&'a str, &'a str), Vec<ResourceRef<'a>>>,
    /// Resources whose physical name is not known, by its symbol: the same unknown is the same name.
    by_symbol: HashMap<(&'a str, &'a str), Vec<ResourceRef<'a>>>,
}

impl<'a> Index<'a> {
    /// Indexes an estate.
    #[must_use]
    pub fn new(estate: &'a Estate) -> Self {
        let mut by_kind: HashMap<&str, Vec<ResourceRef<'_>>> = HashMap::new();
        let mut by_name: HashMap<(&str, &str), Vec<ResourceRef<'_>>> = HashMap::new();
        let mut by_symbol: HashMap<(&str, &str), Vec<ResourceRef<'_>>> = HashMap::new();
        for (stack_id, stack) in estate.stacks() {
            for (id, resource) in &stack.resources {
                let found = ResourceRef { stack_id, stack, id, resource };
                by_kind.entry(&resource.kind).or_default().push(found);
                let name = name_property(&resource.kind).and_then(|key| resource.properties.get(key));
                match name.map(|name| &name.kind) {
                    Some(Kind::String(name)) => {
                        by_name.entry((&resource.kind, name)).or_default().push(found)
                    }
                    Some(Kind::Unknown(name)) => {
                        by_symbol.entry((&resource.kind, &name.symbol)).or_default().push(found);
                    }
                    _ => {}
                }
            }
        }
        Self { estate, by_kind, by_name, by_symbol }
    }

    /// The estate.
    #[must_use]
    pub fn estate(&self) -> &'a Estate {
        self.estate
    }

    /// All resources of a type, in the estate's order.
    #[must_use]
    pub fn of_kind(&self, kind: &str) -> &[ResourceRef<'a>] {
        self.by_kind.get(kind).map_or(&[], Vec::as_slice)
    }

    /// All types that occur, sorted.
    #[must_use]
    pub fn kinds(&self) -> Vec<&'a str> {
        let mut kinds: Vec<_> = self.by_kind.keys().copied().collect();
        kinds.sort_unstable();
        kinds
    }

    /// All resources in the estate's order.
    pub fn all(&self) -> impl Iterator<Item = ResourceRef<'a>> + use<'a> {
        self.estate.stacks().flat_map(|(stack_id, stack)| {
            stack.resources.iter().map(move |(id, resource)| ResourceRef { stack_id, stack, id, resource })
        })
    }

    /// A resource by stack and logical id.
    #[must_use]
    pub fn get(&self, stack_id: StackId, id: &str) -> Option<ResourceRef<'a>> {
        let stack = self.estate.stack(stack_id)?;
        let (_, id, resource) = stack.resources.get_full(id)?;
        Some(ResourceRef { stack_id, stack, id, resource })
    }

    /// The resource of type `kind` that `value` names: by a reference to it or to one of its attributes, by
    /// its literal physical name, or by an ARN that ends in either. `None` when it names none, or none that
    /// is known.
    #[must_use]
    pub fn named(&self, kind: &str, value: &Value) -> Option<ResourceRef<'a>> {
        match &value.kind {
            Kind::Reference(reference) => match &reference.target {
                Target::Resource { stack, id } => {
                    self.get(*stack, id).filter(|found| found.resource.kind == kind)
                }
                Target::Account(_) | Target::Pseudo { .. } => None,
            },
            Kind::String(text) => {
                let name = text.rsplit([':', '/']).next().unwrap_or(text);
                let exact = self.by_name.get(&(kind, text.as_str()));
                exact.or_else(|| self.by_name.get(&(kind, name)))?.first().copied()
            }
            Kind::Unknown(name) => self.by_symbol.get(&(kind, name.symbol.as_str()))?.first().copied(),
            // An ARN put together: whatever of this type its pieces refer to.
            Kind::Join(pieces) => {
                let referred = pieces.iter().filter(|piece| piece.as_reference().is_some());
                let found = referred.into_iter().find_map(|piece| self.named(kind, piece));
                found.or_else(|| {
                    pieces
                        .last()
                        .filter(|last| last.as_str().is_some())
                        .and_then(|last| self.named(kind, last))
                })
            }
            _ => None,
        }
    }

    /// All resources that `value` refers to anywhere within it, in order.
    #[must_use]
    pub fn references(&self, value: &Value) -> Vec<ResourceRef<'a>> {
        let mut out = Vec::new();
        value.walk(&mut |value| {
            let found = value.as_reference().and_then(|reference| reference.resource());
            if let Some(found) = found.and_then(|(stack, id)| self.get(stack, id)) {
                out.push(found);
            }
        });
        out
    }
}

/// The property that names a resource of this type physically, where policies name it by that.
///
/// Source: the types' pages in the AWS CloudFormation Template Reference.
fn name_property(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "AWS::S3::Bucket" => "BucketName",
        "AWS::SNS::Topic" => "TopicName",
        "AWS::SQS::Queue" => "QueueName",
        "AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable" => "TableName",
        "AWS::Logs::LogGroup" => "LogGroupName",
        "AWS::KMS::Alias" => "AliasName",
        "AWS::IAM::Role" => "RoleName",
        "AWS::IAM::Group" => "GroupName",
        "AWS::IAM::User" => "UserName",
        "AWS::IAM::InstanceProfile" => "InstanceProfileName",
        "AWS::Lambda::Function" => "FunctionName",
        "AWS::CloudTrail::Trail" => "TrailName",
        "AWS::RDS::DBInstance" => "DBInstanceIdentifier",
        "AWS::RDS::DBCluster" => "DBClusterIdentifier",
        "AWS::RDS::DBParameterGroup" => "DBParameterGroupName",
        "AWS::RDS::DBClusterParameterGroup" => "DBClusterParameterGroupName",
        _ => return None,
    })
}
