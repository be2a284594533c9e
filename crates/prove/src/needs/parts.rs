//! Which components belong to whom, and by which way their requests go, looked up once.
//!
//! In: an estate. Out: [`Parts`]: components and stores by environment and name, the service of each task, the endpoints of each network.
//! Always: the answer is that of [`belongs`] and of a look through everything; with thousands of environments nobody looks through
//! everything for each.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use estate::{Reference, ResourceRef, SmolStr, StackId, Value};
use iam::access::{Access, Document, Names, marked};

use crate::Facts;
use crate::guarantees::own_guarantees::{belongs, home};
use crate::intent::Party;

/// Types of components that run with a role of their own, and the property that says it.
const RUNNERS: [(&str, &str); 2] =
    [("AWS::ECS::TaskDefinition", "TaskRoleArn"), ("AWS::Lambda::Function", "Role")];

/// A resource by its place.
pub(crate) type Place = (StackId, SmolStr);

/// The place of a resource.
pub(crate) fn place(found: ResourceRef<'_>) -> Place {
    (found.stack_id, found.id.clone())
}

/// See the module.
pub(crate) struct Parts<'f, 'a> {
    facts: &'f Facts<'a>,
    /// Components and stores of the types that are asked for.
    all: Vec<ResourceRef<'a>>,
    /// Positions in `all` by environment and application.
    tagged: HashMap<(SmolStr, SmolStr), Vec<usize>>,
    /// The service that runs a task.
    services: HashMap<Place, ResourceRef<'a>>,
    /// Endpoints of a network, with the names of their services.
    endpoints: HashMap<Place, Vec<(ResourceRef<'a>, String)>>,
    /// Ways that were asked for, by network and service.
    ways: RefCell<HashMap<(Place, String), Rc<Way<'a>>>>,
}

impl<'f, 'a> Parts<'f, 'a> {
    /// Looks an estate up; `stores`: the types that something is used of.
    pub(crate) fn of(facts: &'f Facts<'a>, stores: &[&str]) -> Self {
        let kinds = RUNNERS.iter().map(|(kind, _)| *kind).chain(stores.iter().copied());
        let all: Vec<ResourceRef<'a>> = kinds.flat_map(|kind| facts.index.of_kind(kind)).copied().collect();
        let mut tagged: HashMap<(SmolStr, SmolStr), Vec<usize>> = HashMap::new();
        for (at, found) in all.iter().enumerate() {
            if let (Some(environment), Some(application)) = home(facts.access(), *found) {
                tagged.entry((environment, application)).or_default().push(at);
            }
        }
        let mut services = HashMap::new();
        for service in facts.index.of_kind("AWS::ECS::Service") {
            let task = service.resource.properties.get("TaskDefinition");
            for task in task.map(|task| facts.index.references(task)).unwrap_or_default() {
                services.entry(place(task)).or_insert(*service);
            }
        }
        let names = Names::of(facts.estate);
        let mut endpoints: HashMap<Place, Vec<(ResourceRef<'a>, String)>> = HashMap::new();
        for endpoint in facts.index.of_kind("AWS::EC2::VPCEndpoint") {
            let properties = &endpoint.resource.properties;
            let vpc = properties.get("VpcId").and_then(|value| vpc_of(facts, value));
            if let (Some(vpc), Some(name)) = (vpc, properties.get("ServiceName")) {
                endpoints.entry(place(vpc)).or_default().push((*endpoint, marked(&names.pieces(name))));
            }
        }
        Self { facts, all, tagged, services, endpoints, ways: RefCell::default() }
    }

    /// What belongs to a party.
    pub(crate) fn of_party(&self, party: &Party) -> Vec<ResourceRef<'a>> {
        match party {
            Party::Application(Some(environment), name) => {
                let found = self.tagged.get(&(environment.clone(), name.clone()));
                found.into_iter().flatten().filter_map(|at| self.all.get(*at)).copied().collect()
            }
            _ => {
                let access = self.facts.access();
                self.all.iter().filter(|found| belongs(access, **found, party)).copied().collect()
            }
        }
    }

    /// Components of a party with the roles that run them: of tasks their own, of functions theirs.
    pub(crate) fn runners(&self, party: &Party) -> Vec<(ResourceRef<'a>, ResourceRef<'a>)> {
        let mut out = Vec::new();
        for found in self.of_party(party) {
            let property = RUNNERS.iter().find(|(kind, _)| *kind == found.resource.kind.as_str());
            let role = property.and_then(|(_, property)| found.resource.properties.get(property));
            let role = role.and_then(|role| self.facts.index.references(role).into_iter().next());
            out.extend(role.filter(|role| role.resource.kind == "AWS::IAM::Role").map(|role| (found, role)));
        }
        out
    }

    /// By which way a component's requests to a service go; `None` where that is not known, or it stands in no network.
    pub(crate) fn way(&self, component: ResourceRef<'_>, service: &str) -> Option<Rc<Way<'a>>> {
        let facts = self.facts;
        let subnets = match component.resource.kind.as_str() {
            "AWS::ECS::TaskDefinition" => {
                let service = self.services.get(&place(component))?;
                let path = ["NetworkConfiguration", "AwsvpcConfiguration", "Subnets"];
                service.resource.properties.get_path(&path)?
            }
            "AWS::Lambda::Function" => component.resource.properties.get_path(&["VpcConfig", "SubnetIds"])?,
            _ => return None,
        };
        let subnet =
            facts.index.references(subnets).into_iter().find(|it| it.resource.kind == "AWS::EC2::Subnet")?;
        let vpc = vpc_of(facts, subnet.resource.properties.get("VpcId")?)?;
        let key = (place(vpc), service.to_owned());
        if let Some(known) = self.ways.borrow().get(&key) {
            return Some(Rc::clone(known));
        }
        let end = match service {
            "ecr" => ".ecr.api".to_owned(),
            service => format!(".{service}"),
        };
        let here = self.endpoints.get(&place(vpc)).into_iter().flatten();
        let endpoint = here.filter(|(_, name)| name.ends_with(&end)).map(|(endpoint, _)| *endpoint).next();
        let policy =
            endpoint.and_then(|endpoint| Access::policy_of(&facts.index, endpoint, "PolicyDocument"));
        let reference = Reference::to(vpc.stack_id, vpc.id.clone());
        let names = Names::of(facts.estate);
        let vpc = marked(&names.pieces(&Value::new(estate::Kind::Reference(Box::new(reference)))));
        let way = Rc::new(Way { vpc, endpoint, policy });
        self.ways.borrow_mut().insert(key, Rc::clone(&way));
        Some(way)
    }
}

fn vpc_of<'a>(facts: &Facts<'a>, value: &Value) -> Option<ResourceRef<'a>> {
    facts.index.references(value).into_iter().find(|it| it.resource.kind == "AWS::EC2::VPC")
}

/// The endpoints of a network through which a component's requests to a service go.
pub(crate) struct Way<'a> {
    /// The network, as policies name it.
    pub vpc: String,
    /// The endpoint.
    pub endpoint: Option<ResourceRef<'a>>,
    /// Its policy; `None` where it has none, and lets everything pass.
    pub policy: Option<Document>,
}
