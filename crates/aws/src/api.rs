//! The two protocols of AWS's control plane.
//!
//! In: an action and its parameters. Out: a tree of what came back. Always: a success whose body cannot be read is transient.
//!
//! Sources: Smithy 2.0, "AWS query protocol", "AWS JSON 1.0 and 1.1 protocols".

use deploy::{Answer, CloudError, Place};
use serde_json::Value;

use crate::Aws;
use crate::wire::{Call, form};

/// An element of a reply, owned: its name, its text, its children.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tree {
    what: String,
    name: String,
    text: String,
    children: Vec<Tree>,
}

impl Tree {
    pub(crate) fn read(what: &str, body: &str) -> Answer<Self> {
        let tree = roxmltree::Document::parse(body)
            .map_err(|error| CloudError::Transient(format!("{what}: {error}")))?;
        Ok(Self::of(what, tree.root_element()))
    }

    fn of(what: &str, node: roxmltree::Node<'_, '_>) -> Self {
        Self {
            what: what.to_owned(),
            name: node.tag_name().name().to_owned(),
            text: node.text().unwrap_or_default().to_owned(),
            children: node
                .children()
                .filter(roxmltree::Node::is_element)
                .map(|it| Self::of(what, it))
                .collect(),
        }
    }

    /// The child of that name; else the first below, at any depth.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let child = self.children.iter().find(|it| it.name == name);
        child.or_else(|| self.children.iter().find_map(|it| it.get(name)))
    }

    /// The text of [`Tree::get`], where there is some.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|it| it.text.clone()).filter(|text| !text.is_empty())
    }

    /// The text of a child, not of anything below it.
    pub(crate) fn own(&self, name: &str) -> Option<String> {
        let child = self.children.iter().find(|it| it.name == name)?;
        Some(child.text.clone()).filter(|text| !text.is_empty())
    }

    /// Its own text.
    pub(crate) fn whole(&self) -> Option<String> {
        Some(self.text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The members of a list.
    pub(crate) fn list(&self, name: &str) -> &[Self] {
        self.get(name).map_or(&[], |it| it.children.as_slice())
    }

    /// Its own children.
    pub(crate) fn children(&self) -> &[Self] {
        &self.children
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// An answer that does not have what every such answer has.
    pub(crate) fn lacks(&self, name: &str) -> CloudError {
        CloudError::Transient(format!("{}: the answer has no {name}", self.what))
    }
}

/// How many pages are read at most: none of our lists has a million members.
pub(crate) const PAGES: usize = 10_000;

impl Aws {
    /// A call by the query protocol. `place`: where, or the caller's own account and region.
    pub(crate) fn query(
        &self,
        place: Option<&Place>,
        service: &str,
        action: &str,
        parameters: &[(String, String)],
    ) -> Answer<Tree> {
        let version = if service == "sts" { "2011-06-15" } else { "2010-05-15" };
        let fixed = [("Action", action), ("Version", version)];
        let pairs = parameters.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let body = form(fixed.into_iter().chain(pairs)).into_bytes();
        let what = format!("{} {action}", if service == "sts" { "STS" } else { "CloudFormation" });
        let headers = vec![("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned())];
        let reply =
            self.call(place, Call { service, headers, body, what: what.clone(), ..Call::default() })?;
        Tree::read(&what, &reply)
    }

    /// A call by the JSON protocol. `target`: `AWSOrganizationsV20161128`.
    pub(crate) fn json(
        &self,
        place: Option<&Place>,
        (service, target, version): (&str, &str, &str),
        action: &str,
        input: &Value,
    ) -> Answer<Value> {
        let what = format!("{service} {action}");
        let headers = vec![
            ("content-type", format!("application/x-amz-json-{version}")),
            ("x-amz-target", format!("{target}.{action}")),
        ];
        let body = input.to_string().into_bytes();
        let reply =
            self.call(place, Call { service, headers, body, what: what.clone(), ..Call::default() })?;
        if reply.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&reply).map_err(|error| CloudError::Transient(format!("{what}: {error}")))
    }

    fn call(&self, place: Option<&Place>, call: Call<'_>) -> Answer<String> {
        // Without a place it is the caller's own: asking who that is must not ask itself.
        let who = match place {
            Some(place) => self.credentials(Some(&place.account))?,
            None => self.chain.own(&self.wire)?,
        };
        let region = place.map_or(self.home(), |place| place.region.as_str());
        let service = call.service;
        let host = if service == "cloudcontrol" { "cloudcontrolapi" } else { service };
        let base = self.wire.base(host, region, self.chain.environment());
        let call = Call { service: host, region, method: "POST", path: "/".to_owned(), ..call };
        Ok(self.wire.send(&base, &call, Some(&who))?.body)
    }

    /// All pages of a list of the query protocol.
    pub(crate) fn pages(
        &self,
        place: &Place,
        action: &str,
        parameters: &[(String, String)],
        mut each: impl FnMut(&Tree) -> Answer<bool>,
    ) -> Answer<()> {
        let mut token: Option<String> = None;
        for _ in 0..PAGES {
            let mut all = parameters.to_vec();
            all.extend(token.take().map(|token| ("NextToken".to_owned(), token)));
            let tree = self.query(Some(place), "cloudformation", action, &all)?;
            let more = each(&tree)?;
            token = tree.text("NextToken");
            if token.is_none() || !more {
                return Ok(());
            }
        }
        Err(CloudError::refused("Pages", format!("{action} does not come to an end")))
    }

    /// All members of a list of the JSON protocol.
    pub(crate) fn listed(
        &self,
        place: Option<&Place>,
        api: (&str, &str, &str),
        action: &str,
        input: &Value,
        list: &str,
    ) -> Answer<Vec<Value>> {
        let mut out = Vec::new();
        let mut input = input.clone();
        for _ in 0..PAGES {
            let mut answer = self.json(place, api, action, &input)?;
            if let Some(Value::Array(found)) = answer.get_mut(list).map(Value::take) {
                out.extend(found);
            }
            match answer.get("NextToken").and_then(Value::as_str).filter(|token| !token.is_empty()) {
                Some(token) => {
                    if let Some(input) = input.as_object_mut() {
                        input.insert("NextToken".to_owned(), Value::from(token));
                    }
                }
                None => return Ok(out),
            }
        }
        Err(CloudError::refused("Pages", format!("{action} does not come to an end")))
    }
}
