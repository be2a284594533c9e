//! What all stacks of one run share: the files, the estate in the making, diagnostics and the budget.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use diagnostics::{Diagnostics, SourceMap, Span};
use document::Node;
use estate::{Estate, StackId, Value};
use smol_str::SmolStr;

use super::Options;

/// A file given, with its tree where it is well-formed.
pub struct File {
    /// Its path relative to what was given, with `/` between parts.
    pub name: SmolStr,
    pub text: Arc<str>,
    pub tree: Option<Node>,
    /// Whether it is a CloudFormation template.
    pub template: bool,
}

/// How much reading one template and all it nests may cost, in values made: far more than CloudFormation accepts.
const BUDGET: usize = 3_000_000;

pub struct Session<'n> {
    pub files: &'n [File],
    pub options: &'n Options,
    pub sources: &'n SourceMap,
    pub diagnostics: Diagnostics,
    pub estate: Estate,
    /// Files that were read as the template of a nested stack.
    pub nested: BTreeSet<usize>,
    /// Files of the stacks that are being read, outermost first.
    pub open: Vec<usize>,
    /// Address blocks of VPCs, as their properties say.
    pub blocks: HashMap<(StackId, SmolStr), Value>,
    pub exhausted: bool,
    /// How many stacks there were before the one being read with all it nests.
    pub first_stack: usize,
    /// How many inclusions lie around what is being read.
    pub including: usize,
    budget: usize,
}

impl<'n> Session<'n> {
    pub fn new(files: &'n [File], options: &'n Options, sources: &'n SourceMap) -> Self {
        Self {
            files,
            options,
            sources,
            diagnostics: Diagnostics::new(),
            estate: Estate::default(),
            nested: BTreeSet::new(),
            open: Vec::new(),
            blocks: HashMap::new(),
            exhausted: false,
            first_stack: 0,
            including: 0,
            budget: BUDGET,
        }
    }

    /// A template that nobody nests is read next: it has the whole budget.
    pub fn begin(&mut self) {
        self.budget = BUDGET;
        self.exhausted = false;
        self.first_stack = self.estate.stacks.len();
    }

    /// Takes `cost` from the budget; `false` where it is used up.
    pub fn spend(&mut self, cost: usize) -> bool {
        match self.budget.checked_sub(cost) {
            Some(left) => {
                self.budget = left;
                true
            }
            None => {
                self.budget = 0;
                false
            }
        }
    }

    /// The place of `${name}` within a text written at `span`.
    pub fn find(&self, span: Span, name: &str) -> Option<Span> {
        let text = self.sources.snippet(span);
        let at = text.find(&format!("${{{name}}}"))?;
        let file = self.sources.file_of(span)?;
        let lo = file.range(span).start + at;
        Some(file.span(lo, lo + name.len() + 3))
    }

    /// The address block of a VPC where `value` is its attribute `CidrBlock`: AWS returns what was asked for.
    pub fn block_of(&self, value: &Value) -> Option<Value> {
        let reference =
            value.as_reference().filter(|found| found.attribute.as_deref() == Some("CidrBlock"))?;
        let (stack, id) = reference.resource()?;
        self.blocks.get(&(stack, id.clone())).cloned()
    }
}
