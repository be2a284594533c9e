//! What `aws iam get-account-authorization-details` returns, and policies of the organization.
//!
//! The logical id is the ARN. IAM belongs to an account and no region, so its stack is named `global`.
//!
//! Source: AWS Identity and Access Management API Reference, `GetAccountAuthorizationDetails` ("Policies returned by
//! this operation are URL-encoded compliant with RFC 3986"; the AWS CLI decodes them); AWS Organizations API Reference,
//! `DescribePolicy`.

use diagnostics::{Diagnostics, SourceMap};
use document::{Node, Syntax};
use estate::{Kind, Map, Unknown, Value, Why, value};
use smol_str::{SmolStr, format_smolstr};

use super::balancers::account_of;
use super::kinds::{How, Known, Shape};
use super::session::{Draft, File, Session, at, text_at};
use super::value::value as valued;

/// What is read here.
pub static KNOWN: &[Known] = &[
    ("RoleDetailList", How::Items(ROLE)),
    ("UserDetailList", How::Items(USER)),
    ("GroupDetailList", How::Items(GROUP)),
    ("Policies", How::List(policies)),
];

const ROLE: Shape = Shape {
    id: "Arn",
    kind: "AWS::IAM::Role",
    properties: &[("RoleName", "RoleName"), ("Path", "Path"), ("Tags", "Tags")],
    more: role,
};

const USER: Shape = Shape {
    id: "Arn",
    kind: "AWS::IAM::User",
    properties: &[("UserName", "UserName"), ("Path", "Path"), ("GroupList", "Groups"), ("Tags", "Tags")],
    more: user,
};

const GROUP: Shape = Shape {
    id: "Arn",
    kind: "AWS::IAM::Group",
    properties: &[("GroupName", "GroupName"), ("Path", "Path")],
    more: group,
};

const MANAGED: Shape = Shape {
    id: "Arn",
    kind: "AWS::IAM::ManagedPolicy",
    properties: &[
        ("PolicyName", "ManagedPolicyName"),
        ("Path", "Path"),
        ("Description", "Description"),
        ("Tags", "Tags"),
    ],
    more: managed,
};

/// The place and owner of what belongs to an account as a whole.
fn global(session: &mut Session, file: &File, draft: &mut Draft) {
    draft.owner = account_of(&draft.id);
    let account = file.account.clone().or_else(|| draft.owner.clone());
    draft.place = session.global_place(account);
}

fn role(session: &mut Session, file: &File, node: &Node, draft: &mut Draft) {
    global(session, file, draft);
    if let Some(document) = node.get("AssumeRolePolicyDocument") {
        draft.set("AssumeRolePolicyDocument", policy(session, document));
        draft.observed.remove("AssumeRolePolicyDocument");
    }
    identity(session, node, draft, "RolePolicyList");
    draft.observed.remove("InstanceProfileList");
    for profile in session.items(node, "InstanceProfileList") {
        let Some(arn) = session.text(profile, "Arn") else { continue };
        let mut extra = Draft::new(draft.place, "AWS::IAM::InstanceProfile", arn, profile.span)
            .with("InstanceProfileName", at(profile, &["InstanceProfileName"]))
            .with("Path", at(profile, &["Path"]))
            .with("Roles", vec![at(node, &["RoleName"])]);
        extra.owner = draft.owner.clone();
        session.add(extra);
    }
}

fn user(session: &mut Session, file: &File, node: &Node, draft: &mut Draft) {
    global(session, file, draft);
    identity(session, node, draft, "UserPolicyList");
}

fn group(session: &mut Session, file: &File, node: &Node, draft: &mut Draft) {
    global(session, file, draft);
    identity(session, node, draft, "GroupPolicyList");
}

/// Policies of an identity: inline ones, managed ones, its boundary.
fn identity(session: &mut Session, node: &Node, draft: &mut Draft, list: &str) {
    let mut inline: Vec<Value> = Vec::new();
    for entry in session.items(node, list) {
        let document = entry.get("PolicyDocument").map(|document| policy(session, document));
        let written = value!({ "PolicyName": at(entry, &["PolicyName"]), "PolicyDocument": document });
        inline.push(written.spanned(entry.span));
    }
    draft.observed.remove(list);
    draft.set("Policies", inline);
    let attached = session.items(node, "AttachedManagedPolicies").iter();
    let attached: Vec<Value> = attached.filter_map(|entry| at(entry, &["PolicyArn"])).collect();
    draft.set("ManagedPolicyArns", attached);
    draft.observed.remove("AttachedManagedPolicies");
    let boundary = at(node, &["PermissionsBoundary", "PermissionsBoundaryArn"]);
    draft.set("PermissionsBoundary", boundary);
}

/// Managed policies of IAM have versions; those of the organization have a summary.
fn policies(session: &mut Session, file: &File, items: &[Node]) {
    for (index, node) in items.iter().enumerate() {
        if let Some(draft) = super::kinds::item(session, file, "Policies", index, &MANAGED, node) {
            session.add(draft);
        }
    }
}

/// The version in force is the policy.
fn managed(session: &mut Session, file: &File, node: &Node, draft: &mut Draft) {
    global(session, file, draft);
    let default = text_at(node, &["DefaultVersionId"]);
    let versions = session.items(node, "PolicyVersionList");
    let flagged =
        |version: &&Node| at(version, &["IsDefaultVersion"]).and_then(|flag| flag.as_bool()) == Some(true);
    let named = |version: &&Node| default.is_some() && text_at(version, &["VersionId"]) == default;
    let found = versions.iter().find(flagged).or_else(|| versions.iter().find(named));
    let document = match found.and_then(|version| version.get("Document")) {
        Some(document) => policy(session, document),
        None => unknown(
            &format_smolstr!("{}/PolicyDocument", draft.id),
            "a policy whose document was not recorded",
        ),
    };
    draft.set("PolicyDocument", document);
    draft.observed.remove("PolicyVersionList");
}

/// A value that was not recorded.
pub fn unknown(symbol: &SmolStr, what: &'static str) -> Value {
    Value::new(Kind::Unknown(Box::new(Unknown {
        symbol: symbol.clone(),
        ty: estate::Type::Any,
        why: Why::NotModelled(SmolStr::new_static(what)),
        allowed: None,
    })))
}

/// A policy document: a mapping, or the text of one, plain or URL-encoded. A text that is none is unknown.
pub fn policy(session: &mut Session, node: &Node) -> Value {
    let Some(text) = node.as_str() else { return valued(node) };
    let plain = if text.trim_start().starts_with('{') { text.to_owned() } else { decoded(text) };
    let (mut sources, mut ignored) = (SourceMap::new(), Diagnostics::new());
    let id = sources.add("policy.json", plain);
    let tree = id
        .and_then(|id| sources.file(id))
        .and_then(|file| document::parse(file, Syntax::template(), &mut ignored));
    match tree.filter(|tree| tree.as_map().is_some()) {
        // Every part of it is written where the text is.
        Some(tree) => placed(valued(&tree), node.span),
        None => {
            session.bad_field("PolicyDocument", node, "a policy as a mapping or as JSON text");
            unknown(
                &format_smolstr!("policy at {}", node.span.lo),
                "a policy document that is not well formed",
            )
        }
    }
}

fn placed(value: Value, span: diagnostics::Span) -> Value {
    let kind = match value.kind {
        Kind::List(items) => Kind::List(items.into_iter().map(|item| placed(item, span)).collect()),
        Kind::Map(map) => {
            let mut out = Map::with_capacity(map.len());
            for mut entry in map {
                entry.key_span = span;
                entry.value = placed(entry.value, span);
                out.push_new(entry);
            }
            Kind::Map(out)
        }
        kind => kind,
    };
    Value::at(span, kind)
}

/// Percent-decoding, RFC 3986; what is not encoded stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = ahead;
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
