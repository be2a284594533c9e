//! Texts that are partly known, compared: names, ARNs and the globs of policies.
//!
//! Every value that CloudFormation would turn into text becomes a row of [`Token`]s. Two spellings of one
//! thing (`!GetAtt Bucket.Arn`, `!Sub 'arn:aws:s3:::${Bucket}'`, the literal name) become the same row.

use estate::{Estate, Kind, Pseudo, Reference, SmolStr, StackId, Target, Value};

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Token {
    /// A character that is known.
    Char(char),
    /// What AWS assigns: equal exactly to itself, and to no text that could be written today.
    Symbol(SmolStr),
    /// Anything: a parameter without value, the result of a function.
    Unknown(SmolStr),
}

/// Three-valued truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// Certainly not.
    No,
    /// It depends on what is not known.
    Unknown,
    /// Certainly.
    Yes,
}

impl Truth {
    /// `Yes` or `No`.
    #[must_use]
    pub fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// Either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// The opposite; what is unknown stays so.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }
}

/// The text of a value. A value that is no text (a list, a mapping) is one unknown.
#[must_use]
pub fn tokens(estate: &Estate, value: &Value) -> Vec<Token> {
    let mut out = Vec::new();
    push(estate, value, &mut out);
    out
}

/// What a condition key has that is certainly not in a request.
#[must_use]
pub fn absent() -> Vec<Token> {
    vec![Token::Symbol(SmolStr::new_static("absent"))]
}

/// The text, where all of it is known.
#[must_use]
pub fn known(tokens: &[Token]) -> Option<String> {
    let chars = tokens.iter().map(|token| match token {
        Token::Char(c) => Some(*c),
        Token::Symbol(_) | Token::Unknown(_) => None,
    });
    chars.collect()
}

/// The text for people: what AWS assigns and what is not known stands in braces.
#[must_use]
pub fn shown(tokens: &[Token]) -> String {
    let mut out = String::new();
    for token in tokens {
        match token {
            Token::Char(c) => out.push(*c),
            Token::Symbol(name) | Token::Unknown(name) => {
                let name = match name.split_once('/') {
                    // Told apart by a position, which means nothing to people: `AWS::Region/0`.
                    Some((what, at)) if at.bytes().all(|byte| byte.is_ascii_digit()) => what,
                    Some((_, name)) => name,
                    None => name,
                };
                out.push('{');
                out.push_str(name);
                out.push('}');
            }
        }
    }
    out
}

/// A literal as tokens.
#[must_use]
pub fn literal(text: &str) -> Vec<Token> {
    text.chars().map(Token::Char).collect()
}

fn push(estate: &Estate, value: &Value, out: &mut Vec<Token>) {
    match &value.kind {
        Kind::String(text) => match opaque(text) {
            true => out.push(Token::Unknown(text.clone())),
            false => out.extend(text.chars().map(Token::Char)),
        },
        Kind::Join(pieces) => pieces.iter().for_each(|piece| push(estate, piece, out)),
        Kind::Reference(reference) => push_reference(estate, reference, out),
        Kind::Unknown(unknown) => out.push(Token::Unknown(unknown.symbol.clone())),
        _ => match value.as_text() {
            Some(text) => out.extend(text.chars().map(Token::Char)),
            None => out.push(Token::Unknown(SmolStr::new(value.describe()))),
        },
    }
}

/// A dynamic reference, which CloudFormation resolves at deployment.
fn opaque(text: &str) -> bool {
    text.contains("{{resolve:")
}

fn push_reference(estate: &Estate, reference: &Reference, out: &mut Vec<Token>) {
    match &reference.target {
        Target::Account(id) => match estate.account(*id).and_then(|account| account.number.as_ref()) {
            Some(number) => out.extend(number.chars().map(Token::Char)),
            None => out.push(Token::Symbol(smol_str::format_smolstr!("account/{}", id.0))),
        },
        // Every partition has its own copy of every rule; within one estate there is one partition.
        Target::Pseudo { pseudo: Pseudo::Partition, .. } => out.extend("aws".chars().map(Token::Char)),
        Target::Pseudo { pseudo: Pseudo::UrlSuffix, .. } => {
            out.extend("amazonaws.com".chars().map(Token::Char))
        }
        Target::Pseudo { stack, pseudo: pseudo @ Pseudo::Region } => {
            let stack = outermost(estate, *stack);
            out.push(Token::Symbol(smol_str::format_smolstr!("{}/{}", pseudo.name(), stack.0)));
        }
        Target::Pseudo { stack, pseudo } => {
            out.push(Token::Symbol(smol_str::format_smolstr!("{}/{}", pseudo.name(), stack.0)));
        }
        Target::Resource { stack, id } => {
            let resource = estate.resource(*stack, id);
            let kind = resource.map_or("", |resource| resource.kind.as_str());
            let arn = arn_of(kind, reference.attribute.as_deref());
            let name = reference.attribute.is_none() || arn.is_some();
            let named = resource.filter(|_| name).and_then(|resource| {
                physical_name(kind).and_then(|property| resource.properties.get(property))
            });
            let Some(pattern) = arn.or_else(|| named.map(|_| "{ref}")) else {
                return out.push(Token::Symbol(symbol(reference)));
            };
            for part in pattern.split_inclusive(['}']) {
                let (text, hole) = part.split_once('{').unwrap_or((part, ""));
                out.extend(text.chars().map(Token::Char));
                let owner = estate.stack(*stack);
                match (hole, owner) {
                    ("ref}", _) => match named {
                        Some(name) if !matches!(name.kind, Kind::Case(_)) => push(estate, name, out),
                        _ => out.push(Token::Symbol(symbol(&Reference::to(*stack, id.clone())))),
                    },
                    ("region}", Some(owner)) => match &owner.region {
                        Some(region) => out.extend(region.chars().map(Token::Char)),
                        None => {
                            let target = Target::Pseudo { stack: *stack, pseudo: Pseudo::Region };
                            push_reference(estate, &Reference { target, attribute: None }, out);
                        }
                    },
                    ("account}", Some(owner)) => {
                        let target = Target::Account(owner.account);
                        push_reference(estate, &Reference { target, attribute: None }, out);
                    }
                    _ => {}
                }
            }
        }
    }
}

/// The stack that nests this one, however deep: nested stacks share its account and region.
fn outermost(estate: &Estate, mut stack: StackId) -> StackId {
    // Each step goes one stack up; a circle of nesting has been refused by whoever read it.
    for _ in 0..estate.stacks.len() {
        match estate.stack(stack).and_then(|stack| stack.nested_in.as_ref()) {
            Some((parent, _)) => stack = *parent,
            None => break,
        }
    }
    stack
}

fn symbol(reference: &Reference) -> SmolStr {
    match (&reference.target, &reference.attribute) {
        (Target::Resource { stack, id }, Some(attribute)) => {
            smol_str::format_smolstr!("{}/{id}.{attribute}", stack.0)
        }
        (Target::Resource { stack, id }, None) => smol_str::format_smolstr!("{}/{id}", stack.0),
        _ => smol_str::format_smolstr!("{reference}"),
    }
}

/// The ARN that an attribute (or `Ref`, `None`) of a type returns.
///
/// Source: Service Authorization Reference, "Resource types defined by …" of each service; AWS
/// CloudFormation Template Reference, "Return values" of each type.
fn arn_of(kind: &str, attribute: Option<&str>) -> Option<&'static str> {
    Some(match (kind, attribute) {
        ("AWS::S3::Bucket", Some("Arn")) => "arn:aws:s3:::{ref}",
        ("AWS::SNS::Topic", None | Some("TopicArn")) => "arn:aws:sns:{region}:{account}:{ref}",
        ("AWS::SQS::Queue", Some("Arn")) => "arn:aws:sqs:{region}:{account}:{ref}",
        ("AWS::KMS::Key", Some("Arn")) => "arn:aws:kms:{region}:{account}:key/{ref}",
        ("AWS::DynamoDB::Table", Some("Arn")) => "arn:aws:dynamodb:{region}:{account}:table/{ref}",
        ("AWS::Logs::LogGroup", Some("Arn")) => "arn:aws:logs:{region}:{account}:log-group:{ref}:*",
        ("AWS::CloudTrail::Trail", Some("Arn")) => "arn:aws:cloudtrail:{region}:{account}:trail/{ref}",
        ("AWS::Lambda::Function", Some("Arn")) => "arn:aws:lambda:{region}:{account}:function:{ref}",
        ("AWS::CloudWatch::Alarm" | "AWS::CloudWatch::CompositeAlarm", Some("Arn")) => {
            "arn:aws:cloudwatch:{region}:{account}:alarm:{ref}"
        }
        _ => return None,
    })
}

/// The property whose literal value is what `{ref}` stands for in [`arn_of`].
pub(crate) fn physical_name(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "AWS::S3::Bucket" => "BucketName",
        "AWS::SNS::Topic" => "TopicName",
        "AWS::SQS::Queue" => "QueueName",
        "AWS::DynamoDB::Table" => "TableName",
        "AWS::Logs::LogGroup" => "LogGroupName",
        "AWS::CloudTrail::Trail" => "TrailName",
        "AWS::Lambda::Function" => "FunctionName",
        "AWS::CloudWatch::Alarm" | "AWS::CloudWatch::CompositeAlarm" => "AlarmName",
        "AWS::IAM::Role" => "RoleName",
        _ => return None,
    })
}

/// Whether `text` matches the glob `pattern`: `*` any text, `?` any character. With `fold`, letters match
/// without regard to case (actions and keys do, values do not).
#[must_use]
pub fn matches(pattern: &[Token], text: &[Token], fold: bool) -> Truth {
    if glob(pattern, text, &Token::Char('*'), |p, t| same(p, t, fold)) {
        return Truth::Yes;
    }
    let text_is_vague = text.iter().any(|token| vague(token, pattern));
    if !text_is_vague && !pattern.iter().any(|token| vague(token, text)) {
        return Truth::No;
    }
    // What is unknown may be any text on either side: could they meet at all?
    let wild = |tokens: &[Token], other: &[Token]| -> Vec<Token> {
        let wild =
            tokens.iter().map(|token| if vague(token, other) { Token::Char('*') } else { token.clone() });
        wild.collect()
    };
    if text_is_vague {
        let (pattern, text) = (wild(pattern, text), wild(text, pattern));
        return if globs_meet(&pattern, &text, fold) { Truth::Unknown } else { Truth::No };
    }
    if glob(&wild(pattern, text), text, &Token::Char('*'), |p, t| same(p, t, fold)) {
        Truth::Unknown
    } else {
        Truth::No
    }
}

/// Whether a token of one text may be anything as far as the other text is concerned. The number of an account
/// and the region of a stack that nobody has said are names somebody may have spelled out on the other side.
fn vague(token: &Token, other: &[Token]) -> bool {
    match token {
        Token::Unknown(_) => true,
        Token::Symbol(name) if name.starts_with("account/") => {
            !other.iter().any(|other| matches!(other, Token::Symbol(name) if name.starts_with("account/")))
        }
        Token::Symbol(name) if name.starts_with("AWS::Region/") => !other.contains(token),
        Token::Symbol(_) | Token::Char(_) => false,
    }
}

/// Whether two globs have a text in common, as far as their beginnings and ends up to the first and last star
/// tell; past that it is taken that they have.
fn globs_meet(a: &[Token], b: &[Token], fold: bool) -> bool {
    let star = |token: &&Token| **token != Token::Char('*');
    let agree = |(a, b): (&Token, &Token)| same(a, b, fold) || same(b, a, fold);
    let head = a.iter().take_while(star).zip(b.iter().take_while(star)).all(agree);
    let tail = a.iter().rev().take_while(star).zip(b.iter().rev().take_while(star)).all(agree);
    head && tail
}

fn same(pattern: &Token, text: &Token, fold: bool) -> bool {
    match (pattern, text) {
        (Token::Char('?'), _) => true,
        (Token::Char(a), Token::Char(b)) if fold => a.eq_ignore_ascii_case(b),
        (a, b) => a == b,
    }
}

/// Glob matching that on a mismatch only tries the last `*` again: at worst the product of the lengths.
pub(crate) fn glob<T: PartialEq>(pattern: &[T], text: &[T], star: &T, same: impl Fn(&T, &T) -> bool) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(next) = text.get(t) {
        match pattern.get(p) {
            Some(token) if token == star => {
                retry = Some((p, t));
                p += 1;
            }
            Some(token) if same(token, next) => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|token| token == star)
}

#[cfg(test)]
mod tests {
    use super::{Token, Truth, literal, matches};

    #[test]
    fn globs_match_known_and_unknown_texts() {
        let check =
            |pattern: &[Token], text: &[Token], expected| assert_eq!(matches(pattern, text, false), expected);
        check(&literal("s3:Get*"), &literal("s3:GetObject"), Truth::Yes);
        check(&literal("s3:Get?"), &literal("s3:GetObject"), Truth::No);
        let bucket = vec![Token::Symbol("0/B".into())];
        let arn = [literal("arn:aws:s3:::"), bucket.clone()].concat();
        check(&[arn.clone(), literal("/*")].concat(), &[arn.clone(), literal("/x")].concat(), Truth::Yes);
        check(&arn, &literal("arn:aws:s3:::name"), Truth::No);
        let unknown = [literal("arn:aws:s3:::"), vec![Token::Unknown("p".into())]].concat();
        check(&unknown, &arn, Truth::Unknown);
        check(&unknown, &unknown, Truth::Yes);
        check(&unknown, &literal("arn:aws:sqs:x"), Truth::No);
        assert_eq!(matches(&literal("S3:GETobject"), &literal("s3:GetObject"), true), Truth::Yes);
        // A number that is not known may be the one somebody has written; two accounts of the estate are two.
        let account = |id: &str| vec![Token::Symbol(format!("account/{id}").into())];
        check(&account("0"), &literal("111122223333"), Truth::Unknown);
        check(&account("0"), &account("1"), Truth::No);
        check(&account("0"), &account("0"), Truth::Yes);
        check(&[literal("x"), account("0")].concat(), &literal("y1"), Truth::No);
    }
}
