//! Whether somebody may do something to something, for which contexts, and by which statements.
//!
//! In: [`Access`] and a question of one principal, one action and one resource. Out: a [`Finding`]. Always: "no" holds
//! for every context and every value of everything unknown; "yes" holds for every context; what lies between is
//! "when", with its conditions; what depends on a text that nobody knows is "unknown".
//!
//! Sources: "Policy evaluation logic", "Cross-account policy evaluation logic", IAM User Guide; "Key policies in AWS
//! KMS", AWS KMS Developer Guide (the account's own policies count only where the key policy lets them).

use std::borrow::Cow;

use diagnostics::Span;
use estate::AccountId;

use crate::operator::spell;
use crate::policy::{Condition, Effect, PrincipalKind, PrincipalSet, ResourceSet, Sense, Statement};
use crate::symbolic::symbols;
use crate::symbolic::{Contexts, Decided, Given, Obstacle};
use crate::text::{Segment, Text};

use super::collect::{Access, Document, Holder, Thing};
use super::fit::{Fit, resource_fit};

/// Who is asked about.
#[derive(Debug, Clone, Copy)]
pub enum Who<'a> {
    /// A role, user or permission set of the estate.
    Holder(&'a Holder),
    /// Somebody outside: an ARN, an account, a service, `anonymous`.
    Outsider(&'a str),
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// In every context.
    Yes,
    /// In contexts of which these hold.
    When(Vec<String>),
    /// It depends on what is not known.
    Unknown(Vec<String>),
    /// In no context.
    No,
}

/// What is known of how a request is sent.
#[derive(Debug, Clone, Default)]
pub struct Circumstances<'a> {
    /// The ARN that it names, where that is not the thing's own.
    pub arn: Option<String>,
    /// Keys of its context.
    pub given: &'a [Given],
    /// The policy of the VPC endpoint that it comes through.
    pub endpoint: Option<&'a Document>,
}

/// A statement that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Because {
    /// The layer: `identity policy`, `service control policy`.
    pub layer: &'static str,
    /// The document and statement: `Deploy · AllowDeploy`.
    pub statement: String,
    /// What it does.
    pub effect: Effect,
    /// Where.
    pub span: Span,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The verdict.
    pub verdict: Verdict,
    /// The statements that decide, those that allow first.
    pub because: Vec<Because>,
    /// Layers that would have to allow and do not.
    pub missing: Vec<&'static str>,
}

/// A statement of which action, resource and principal fit.
struct Candidate<'a> {
    because: Because,
    /// Whether it fits for certain; else why not.
    doubt: Option<String>,
    conditions: Cow<'a, [Condition]>,
}

#[derive(Default)]
struct Layer<'a> {
    name: &'static str,
    allows: Vec<Candidate<'a>>,
    denies: Vec<Candidate<'a>>,
}

/// How a resource policy can name somebody.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// Itself, or everybody.
    Direct,
    /// By its account.
    Account,
}

impl Access<'_> {
    /// Whether `who` may do `action` (`kms:Decrypt`) to `thing`.
    #[must_use]
    pub fn can(&self, who: Who<'_>, action: &str, thing: &Thing) -> Finding {
        self.can_given(who, action, thing, &[])
    }

    /// The same in contexts of which something is known: `iam:PassedToService` of a role that is passed.
    #[must_use]
    pub fn can_given(&self, who: Who<'_>, action: &str, thing: &Thing, given: &[Given]) -> Finding {
        self.can_at(who, action, thing, resource_of(&action.to_lowercase(), thing), given)
    }

    /// The same of a part of the thing, by the ARN that the request names: an object of a bucket.
    #[must_use]
    pub fn can_at(&self, who: Who<'_>, action: &str, thing: &Thing, arn: String, given: &[Given]) -> Finding {
        self.can_under(who, action, thing, Circumstances { arn: Some(arn), given, endpoint: None })
    }

    /// The same in given circumstances.
    #[must_use]
    pub fn can_under(
        &self,
        who: Who<'_>,
        action: &str,
        thing: &Thing,
        circumstances: Circumstances<'_>,
    ) -> Finding {
        let action = action.to_lowercase();
        let Circumstances { arn, given, endpoint } = circumstances;
        let arn = arn.unwrap_or_else(|| resource_of(&action, thing));
        let mut question = Question { access: self, who, action: &action, arn, endpoint, pins: Vec::new() };
        question.pins = question.known(thing);
        question.pins.retain(|(key, _)| !given.iter().any(|(other, _)| other.eq_ignore_ascii_case(key)));
        question.pins.extend(given.iter().cloned());
        question.answer(thing)
    }
}

/// The ARN that a request names: objects of a bucket are asked for beneath it.
fn resource_of(action: &str, thing: &Thing) -> String {
    let of_objects = ["object", "multipart"].iter().any(|word| action.contains(word));
    if thing.kind == "AWS::S3::Bucket"
        && action.starts_with("s3:")
        && of_objects
        && !action.contains("objectlockconfiguration")
    {
        return format!("{}/{}", thing.arn, symbols::of("object"));
    }
    thing.arn.clone()
}

/// One question.
pub(super) struct Question<'q> {
    pub(super) access: &'q Access<'q>,
    pub(super) who: Who<'q>,
    action: &'q str,
    arn: String,
    endpoint: Option<&'q Document>,
    /// What is known of the context.
    pub(super) pins: Vec<Given>,
}

impl<'q> Question<'q> {
    fn account(&self) -> Option<AccountId> {
        match self.who {
            Who::Holder(holder) => Some(holder.account),
            Who::Outsider(_) => None,
        }
    }

    fn answer(&self, thing: &'q Thing) -> Finding {
        let identity = match self.who {
            Who::Holder(holder) => self.layer("identity policy", &holder.identity, None),
            Who::Outsider(_) => Layer { name: "identity policy", ..Layer::default() },
        };
        let boundary = match self.who {
            Who::Holder(Holder { boundary: Some(boundary), .. }) => {
                Some(self.layer("permissions boundary", std::slice::from_ref(boundary), None))
            }
            _ => None,
        };
        let direct = self.layer("resource policy", &thing.policies, Some(Naming::Direct));
        let by_account = self.layer("resource policy", &thing.policies, Some(Naming::Account));
        let none: &[Document] = &[];
        let controls = |table: &'q std::collections::HashMap<AccountId, Vec<Document>>,
                        account: Option<AccountId>| {
            account.and_then(|account| table.get(&account)).map_or(none, Vec::as_slice)
        };
        // Source: "Service control policies" and "Resource control policies", AWS Organizations User Guide: neither limits
        // service-linked roles, and resource control policies only what is on their list of services.
        let linked =
            matches!(self.who, Who::Holder(holder) if holder.arn.contains(":role/aws-service-role/"));
        let limited = self.account().filter(|_| !linked);
        let owner = Some(thing.account).filter(|_| !linked && knows_resource_controls(self.action));
        let scp = self.layer("service control policy", controls(&self.access.controls, limited), None);
        let rcp =
            self.layer("resource control policy", controls(&self.access.resource_controls, owner), None);
        let lists = limited.and_then(|account| self.access.allow_lists.get(&account)).into_iter().flatten();
        let lists: Vec<Layer<'_>> =
            lists.map(|list| self.layer("service control policy", &list.documents, None)).collect();
        let endpoint =
            self.endpoint.map(|policy| self.layer("endpoint policy", std::slice::from_ref(policy), None));
        let outsider = matches!(self.who, Who::Outsider(_));
        let same = self.account() == Some(thing.account);
        let needs_delegation = matches!(thing.kind.as_str(), "AWS::KMS::Key" | "AWS::KMS::ReplicaKey")
            || self.action.starts_with("sts:assume");
        // The ways in which the layers can allow together.
        let mut ways: Vec<Vec<&Layer<'_>>> = Vec::new();
        match (outsider, same, needs_delegation) {
            (true, ..) => ways.extend([vec![&direct], vec![&by_account]]),
            (false, true, false) => ways.extend([vec![&identity], vec![&direct]]),
            (false, true, true) => ways.extend([vec![&direct], vec![&by_account, &identity]]),
            (false, false, _) => ways.extend([vec![&direct, &identity], vec![&by_account, &identity]]),
        }
        for way in &mut ways {
            way.extend(boundary.as_ref());
            way.extend(lists.iter().chain(&endpoint));
        }
        let mut denying: Vec<&Candidate<'_>> =
            identity.denies.iter().chain(&direct.denies).chain(&scp.denies).collect();
        denying.extend(rcp.denies.iter());
        denying.extend(boundary.iter().chain(&endpoint).flat_map(|layer| &layer.denies));
        self.combine(&ways, &denying)
    }

    /// Puts the layers together: first what is certain, then what may be.
    fn combine(&self, ways: &[Vec<&Layer<'_>>], denying: &[&Candidate<'_>]) -> Finding {
        let denials: Vec<Obstacle<'_>> = denying
            .iter()
            .map(|candidate| Obstacle {
                conditions: &candidate.conditions,
                certain: candidate.doubt.is_none(),
            })
            .collect();
        let mut best: Option<(Verdict, Vec<Because>)> = None;
        let mut complete = true;
        for certain_only in [true, false] {
            for way in ways {
                let (ways, all) = combinations(way, certain_only);
                complete &= all;
                for combination in ways {
                    let conditions: Vec<&Condition> =
                        combination.iter().flat_map(|candidate| candidate.conditions.iter()).collect();
                    let decided = Contexts {
                        pins: &self.pins,
                        conditions: &conditions,
                        denials: &denials,
                        certain: certain_only,
                    }
                    .decide();
                    let doubts: Vec<String> =
                        combination.iter().filter_map(|one| one.doubt.clone()).collect();
                    let verdict = match decided {
                        Decided::Never => continue,
                        Decided::Always if certain_only => Verdict::Yes,
                        Decided::Sometimes if certain_only => Verdict::When(described(&combination, denying)),
                        Decided::Unknown(why) => Verdict::Unknown(vec![why]),
                        Decided::Always | Decided::Sometimes => Verdict::Unknown(or_denials(doubts, denying)),
                    };
                    let because = combination.iter().map(|one| one.because.clone()).collect();
                    if best.as_ref().is_none_or(|(known, _)| rank(&verdict) < rank(known)) {
                        best = Some((verdict, because));
                    }
                    if matches!(best, Some((Verdict::Yes, _))) {
                        break;
                    }
                }
            }
            if best.is_some() {
                break;
            }
        }
        if !complete && best.is_none() {
            let why = "there are too many ways in which statements could allow it together";
            best = Some((Verdict::Unknown(vec![why.to_owned()]), Vec::new()));
        }
        let missing = ways.iter().flatten().filter(|layer| layer.allows.is_empty()).map(|layer| layer.name);
        match best {
            Some((verdict, mut because)) => {
                because.extend(denying.iter().map(|candidate| candidate.because.clone()));
                Finding { verdict, because, missing: Vec::new() }
            }
            None => {
                let mut missing: Vec<&'static str> = missing.collect();
                missing.dedup();
                let because = denying.iter().map(|candidate| candidate.because.clone()).collect();
                Finding { verdict: Verdict::No, because, missing }
            }
        }
    }

    fn layer<'d>(&self, name: &'static str, documents: &'d [Document], naming: Option<Naming>) -> Layer<'d>
    where
        'q: 'd,
    {
        let mut layer = Layer { name, ..Layer::default() };
        for document in documents {
            let policy = match &document.policy {
                Ok(policy) => policy,
                Err(why) => {
                    // What it says is not known: it may allow this, and one that is on a resource or controls may deny.
                    let candidate = |effect| Candidate {
                        because: Because {
                            layer: name,
                            statement: document.name.to_string(),
                            effect,
                            span: document.span,
                        },
                        doubt: Some(format!("policy `{}`: {why}", document.name)),
                        conditions: Cow::Borrowed(&[]),
                    };
                    layer.allows.push(candidate(Effect::Allow));
                    if name != "identity policy" {
                        layer.denies.push(candidate(Effect::Deny));
                    }
                    continue;
                }
            };
            for (at, statement) in policy.statements.iter().enumerate() {
                let fit = self.fits(statement, naming);
                let doubt = match fit {
                    Fit::No => continue,
                    Fit::Perhaps(why) => Some(why),
                    Fit::Yes if !document.certain => {
                        Some(format!("policy `{}` is there only under a condition", document.name))
                    }
                    Fit::Yes => None,
                };
                let because = Because {
                    layer: name,
                    statement: format!("{} · {}", document.name, policy.statement_name(at)),
                    effect: statement.effect,
                    span: statement.span,
                };
                let candidate = Candidate { because, doubt, conditions: self.conditions(statement) };
                match statement.effect {
                    Effect::Allow => layer.allows.push(candidate),
                    Effect::Deny => layer.denies.push(candidate),
                }
            }
        }
        layer
    }

    fn fits(&self, statement: &Statement, naming: Option<Naming>) -> Fit {
        let patterns = &statement.actions.patterns;
        let named =
            patterns.iter().any(|pattern| crate::symbolic::action_matches(&pattern.text, self.action));
        let open = patterns.iter().any(|pattern| pattern.text.has_unknowns());
        let action = match (named == (statement.actions.sense == Sense::Only), open) {
            (_, true) if !named => Fit::Perhaps("an action is not known".into()),
            (true, _) => Fit::Yes,
            (false, _) => Fit::No,
        };
        action.and(|| statement.resources.as_ref().map_or(Fit::Yes, |set| self.fits_resource(set))).and(
            || match (&statement.principals, naming) {
                (None, _) => Fit::Yes,
                (Some(set), Some(naming)) if statement.effect == Effect::Allow => {
                    self.fits_principal(set, Some(naming))
                }
                (Some(set), _) => self.fits_principal(set, None),
            },
        )
    }

    fn fits_resource(&self, set: &ResourceSet) -> Fit {
        let mut perhaps = None;
        let mut named = false;
        for pattern in &set.patterns {
            let Some(text) = self.bound(&pattern.text) else { continue };
            match resource_fit(&text, &self.arn) {
                Fit::Yes => named = true,
                Fit::Perhaps(why) => perhaps = Some(why),
                Fit::No => {}
            }
        }
        match (named, perhaps, set.sense) {
            (true, _, Sense::Only) => Fit::Yes,
            (true, _, Sense::AllBut) => Fit::No,
            (false, Some(why), _) => Fit::Perhaps(why),
            (false, None, Sense::Only) => Fit::No,
            (false, None, Sense::AllBut) => Fit::Yes,
        }
    }

    /// Whether a set of principals names who asks; `None`: in whatever way.
    ///
    /// Source: "AWS JSON policy elements: NotPrincipal", IAM User Guide: it leaves somebody out only where it lists the
    /// principal and the account it is of.
    fn fits_principal(&self, set: &PrincipalSet, naming: Option<Naming>) -> Fit {
        let mut perhaps = None;
        let (mut direct, mut by_account) = (false, false);
        for principal in &set.principals {
            match self.named_by(&principal.kind) {
                Some(Naming::Direct) => direct = true,
                Some(Naming::Account) => by_account = true,
                None => {
                    if let PrincipalKind::Open(_, text) = &principal.kind
                        && !rendered(text).starts_with("arn:")
                    {
                        perhaps = Some(format!("principal `{}` is not known", principal.written));
                    }
                }
            }
        }
        if set.sense == Sense::AllBut {
            return match (direct, by_account, perhaps) {
                (false, false, None) => Fit::Yes,
                (false, false, Some(why)) => Fit::Perhaps(why),
                (true, true, _) => Fit::No,
                (true, false, _) if !matches!(self.who, Who::Holder(_)) => Fit::No,
                _ => Fit::Perhaps(
                    "whom `NotPrincipal` leaves out that lists a principal or its account, but not both, is not certain"
                        .into(),
                ),
            };
        }
        let named = match naming {
            Some(Naming::Direct) => direct,
            Some(Naming::Account) => by_account,
            None => direct || by_account,
        };
        match (named, perhaps) {
            (true, _) => Fit::Yes,
            (false, Some(why)) => Fit::Perhaps(why),
            (false, None) => Fit::No,
        }
    }

    fn named_by(&self, kind: &PrincipalKind) -> Option<Naming> {
        let text = match kind {
            PrincipalKind::Everyone => return Some(Naming::Direct),
            PrincipalKind::Account(text) | PrincipalKind::Arn(text) => text.to_string(),
            PrincipalKind::Open(_, text) => rendered(text),
            PrincipalKind::Service(name)
            | PrincipalKind::Federated(name)
            | PrincipalKind::CanonicalUser(name) => {
                let asks = matches!(self.who, Who::Outsider(who) if who == name.as_str());
                return asks.then_some(Naming::Direct);
            }
            PrincipalKind::UniqueId(_) => return None,
        };
        let account = |arn: &str| arn.split(':').nth(4).map(str::to_owned);
        match self.who {
            Who::Outsider(who) => {
                let own = account(&text).unwrap_or_else(|| text.clone());
                let theirs = account(who).unwrap_or_else(|| who.to_owned());
                (text == who)
                    .then_some(Naming::Direct)
                    .or((is_account(&text) && own == theirs).then_some(Naming::Account))
            }
            Who::Holder(holder) => {
                let own = super::names::marked(&[
                    super::names::Names::of(self.access.estate).account(holder.account)
                ]);
                if text == holder.arn {
                    Some(Naming::Direct)
                } else if is_account(&text)
                    && (text == own || account(&text).as_deref() == Some(own.as_str()))
                {
                    Some(Naming::Account)
                } else {
                    None
                }
            }
        }
    }
}

fn is_account(text: &str) -> bool {
    !text.starts_with("arn:") || text.ends_with(":root")
}

/// A text with its symbols marked; wildcards and variables as they are written.
#[must_use]
pub fn rendered(text: &Text) -> String {
    text.segments
        .iter()
        .map(|segment| match segment {
            Segment::Literal(text) => text.to_string(),
            Segment::Unknown(name) => symbols::of(name).to_string(),
            Segment::AnyRun => "*".to_owned(),
            Segment::AnyOne => "?".to_owned(),
            Segment::Variable(variable) => format!("${{{}}}", variable.written),
        })
        .collect()
}

/// What names a principal in a policy, with its symbols marked.
#[must_use]
pub fn principal_text(kind: &PrincipalKind) -> String {
    match kind {
        PrincipalKind::Everyone => "*".to_owned(),
        PrincipalKind::Open(_, text) => rendered(text),
        PrincipalKind::Account(text)
        | PrincipalKind::Arn(text)
        | PrincipalKind::UniqueId(text)
        | PrincipalKind::Service(text)
        | PrincipalKind::Federated(text)
        | PrincipalKind::CanonicalUser(text) => text.to_string(),
    }
}

/// At most this many ways to choose one statement from each layer.
const MOST_COMBINATIONS: usize = 2_000;

/// A choice of one statement from each layer.
type Choice<'c, 'a> = Vec<&'c Candidate<'a>>;

/// The ways to choose, and whether these are all.
fn combinations<'c, 'a>(layers: &[&'c Layer<'a>], certain_only: bool) -> (Vec<Choice<'c, 'a>>, bool) {
    let mut complete = true;
    let mut out: Vec<Vec<&Candidate<'_>>> = vec![Vec::new()];
    for layer in layers {
        let fitting: Vec<&Candidate<'_>> =
            layer.allows.iter().filter(|candidate| !certain_only || candidate.doubt.is_none()).collect();
        let mut next = Vec::new();
        for chosen in &out {
            for candidate in &fitting {
                let mut chosen = chosen.clone();
                chosen.push(candidate);
                next.push(chosen);
            }
        }
        // Those without conditions are kept first: they settle it.
        next.sort_by_key(|chosen: &Vec<&Candidate<'_>>| conditions_of(chosen));
        complete &= next.len() <= MOST_COMBINATIONS;
        next.truncate(MOST_COMBINATIONS);
        out = next;
    }
    (out, complete)
}

fn conditions_of(chosen: &[&Candidate<'_>]) -> usize {
    chosen.iter().map(|candidate| candidate.conditions.len()).sum()
}

/// Whether resource control policies apply to an action's service.
fn knows_resource_controls(action: &str) -> bool {
    let service =
        action.split_once(':').and_then(|(prefix, _)| catalog::Catalog::shared().iam().service(prefix));
    service.is_some_and(|service| service.supports_rcp)
}

fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Yes => 0,
        Verdict::When(_) => 1,
        Verdict::Unknown(_) => 2,
        Verdict::No => 3,
    }
}

fn described(combination: &[&Candidate<'_>], denying: &[&Candidate<'_>]) -> Vec<String> {
    let mut out: Vec<String> =
        combination.iter().flat_map(|candidate| candidate.conditions.iter()).map(condition_text).collect();
    for candidate in denying {
        let conditions: Vec<String> = candidate.conditions.iter().map(condition_text).collect();
        out.push(if conditions.is_empty() {
            format!("unless `{}` denies it", candidate.because.statement)
        } else {
            format!("not ({})", conditions.join(" and "))
        });
    }
    out.dedup();
    out
}

fn or_denials(mut doubts: Vec<String>, denying: &[&Candidate<'_>]) -> Vec<String> {
    if doubts.is_empty() {
        doubts.extend(denying.iter().filter_map(|candidate| candidate.doubt.clone()));
    }
    doubts.dedup();
    doubts
}

/// A condition in one line: `StringEquals kms:ViaService s3.us-east-1.amazonaws.com`.
fn condition_text(condition: &Condition) -> String {
    let values: Vec<String> =
        condition.values.iter().map(|value| super::names::shown(&rendered(&value.text))).collect();
    let operator = spell(condition.qualifier, condition.operator, condition.if_exists);
    format!("{operator} {} {}", condition.written_key, values.join(" | "))
}
