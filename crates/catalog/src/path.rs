//! Property paths, as the registry writes them: `/properties/Rules/*/Destination`.
//!
//! In: JSON pointers of a schema. Out: [`PropertyPath`]s and [`PathTree`]s a walk over values can follow.
//! Must always hold: a path names properties from the resource's root, and `*` stands for every element of
//! a list and every value of a map, whether or not the schema wrote it.

use std::fmt;

use smol_str::SmolStr;

/// One step of a [`PropertyPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The property of this name.
    Name(SmolStr),
    /// Every element of a list, or every value of a map; written `*`.
    Each,
}

/// The place of a property below a resource's `Properties`; it prints as `SSESpecification/KMSMasterKeyId`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PropertyPath(Box<[Step]>);

impl PropertyPath {
    /// The path made of `steps`.
    #[must_use]
    pub fn new(steps: impl Into<Box<[Step]>>) -> Self {
        Self(steps.into())
    }

    /// Reads `/properties/A/*/B`, `/A/*/B` or `A/*/B`. The pointer escapes `~1` and `~0` are undone.
    #[must_use]
    pub fn parse(pointer: &str) -> Self {
        let pointer = pointer.strip_prefix('/').unwrap_or(pointer);
        let pointer = pointer.strip_prefix("properties/").unwrap_or(pointer);
        let steps = pointer.split('/').filter(|step| !step.is_empty()).map(|step| match step {
            "*" => Step::Each,
            name if name.contains('~') => Step::Name(name.replace("~1", "/").replace("~0", "~").into()),
            name => Step::Name(name.into()),
        });
        Self(steps.collect())
    }

    /// The steps from the root down.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The last property name, passing over `*`: `Bar` of `Foo/Bar/*`.
    #[must_use]
    pub fn leaf(&self) -> &str {
        let named = self.0.iter().rev().find_map(|step| match step {
            Step::Name(name) => Some(name.as_str()),
            Step::Each => None,
        });
        named.unwrap_or_default()
    }
}

impl fmt::Display for PropertyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str("/")?;
            }
            match step {
                Step::Name(name) => f.write_str(name)?,
                Step::Each => f.write_str("*")?,
            }
        }
        Ok(())
    }
}

/// A set of paths that a walk over a value follows step by step, without building paths of its own.
///
/// ```
/// # use catalog::{PathTree, PropertyPath};
/// let tree = PathTree::new(&[PropertyPath::parse("/properties/Rules/*/Id")]);
/// let rules = tree.name(tree.root(), "Rules").unwrap();
/// let rule = tree.each(rules).unwrap();
/// assert!(tree.name(rule, "Id").is_some_and(|id| tree.holds(id)));
/// assert!(tree.name(rule, "Name").is_none());
/// ```
#[derive(Debug, Clone)]
pub struct PathTree(Vec<Branch>);

#[derive(Debug, Clone, Default)]
struct Branch {
    end: bool,
    next: Vec<(Step, PathCursor)>,
}

/// A place in a [`PathTree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathCursor(u32);

impl PathTree {
    /// The tree of `paths`.
    #[must_use]
    pub fn new(paths: &[PropertyPath]) -> Self {
        let mut tree = Self(vec![Branch::default()]);
        for path in paths {
            let mut at = tree.root();
            for step in path.steps() {
                at = match tree.next(at, step) {
                    Some(next) => next,
                    None => tree.grow(at, step),
                };
            }
            if let Some(branch) = tree.0.get_mut(at.0 as usize) {
                branch.end = true;
            }
        }
        tree
    }

    fn grow(&mut self, at: PathCursor, step: &Step) -> PathCursor {
        let next = PathCursor(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        self.0.push(Branch::default());
        if let Some(branch) = self.0.get_mut(at.0 as usize) {
            branch.next.push((step.clone(), next));
        }
        next
    }

    fn next(&self, at: PathCursor, step: &Step) -> Option<PathCursor> {
        let branch = self.0.get(at.0 as usize)?;
        branch.next.iter().find(|(known, _)| known == step).map(|(_, next)| *next)
    }

    /// Where a walk starts.
    #[must_use]
    pub fn root(&self) -> PathCursor {
        PathCursor(0)
    }

    /// One step down to the property `name`; `None` when no path of the set goes there.
    #[must_use]
    pub fn name(&self, at: PathCursor, name: &str) -> Option<PathCursor> {
        let branch = self.0.get(at.0 as usize)?;
        let found = branch.next.iter().find(|(step, _)| matches!(step, Step::Name(known) if known == name));
        found.map(|(_, next)| *next)
    }

    /// One step down to the elements of a list or the values of a map.
    #[must_use]
    pub fn each(&self, at: PathCursor) -> Option<PathCursor> {
        self.next(at, &Step::Each)
    }

    /// Whether a path of the set ends here.
    #[must_use]
    pub fn holds(&self, at: PathCursor) -> bool {
        self.0.get(at.0 as usize).is_some_and(|branch| branch.end)
    }

    /// Whether the set has no path at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.len() == 1
    }
}
