"""Starts moto's server with what its CloudFormation lacks.

moto plays AWS: its own CloudFormation reads our templates, and its own services hold what comes of them. Two things are added here, and
counted apart, so that nobody takes them for more than they are:

1. bridges: types whose service moto has, and its CloudFormation has not. They call moto's own services: Organizations, stack sets.
2. stand-ins: types that moto has nowhere, and attributes its types do not answer. Without them `Fn::GetAtt` ends the stack, or a
   reference to them silently becomes nothing. They remember nothing but a name.
3. mends: a change set of moto's forgets outputs, parameters and tags, and a failing one ends in a page and a stack that looks well;
   here both go the way of moto's own update, and a failure ends as AWS says it does. A resource whose update moto does not know is
   kept instead of lost.

`GET /steward/played` answers how many resources of each kind there are.
"""

import collections
import json
import sys
import threading
import time
import traceback

import moto.backends
import moto.server
from moto.acm.models import acm_backends
from moto.cloudformation import parsing
from moto.cloudformation.models import ChangeSet, CloudFormationBackend, cloudformation_backends
from moto.core.common_models import CloudFormationModel
from moto.cloudformation.exceptions import CloudFormationError, ValidationError
from moto.ec2.exceptions import InvalidSubnetIdError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.elbv2.models import FakeLoadBalancer
from moto.kms.models import Key, kms_backends
from moto.organizations.models import organizations_backends
from moto.s3.models import FakeBucket

MAIN = __name__ == "__main__"
# moto takes the service of a model from the name of its module.
__name__ = "moto.steward"

PLAYED = {"own": collections.Counter(), "bridge": collections.Counter(), "stand-in": collections.Counter(),
          "attribute": collections.Counter(), "update ignored": collections.Counter()}
WORKED = {"calls": 0, "seconds": 0.0}
LOCK = threading.RLock()


def organization(account):
    return organizations_backends[account]["aws"]


class Bridge(CloudFormationModel):
    """A resource that a service of moto's holds. `id`: what Ref returns."""

    def __init__(self, id, attributes):
        self.physical_resource_id, self.attributes = id, attributes

    @staticmethod
    def cloudformation_name_type():
        return ""

    @classmethod
    def has_cfn_attr(cls, attr):
        return True

    def get_cfn_attribute(self, name):
        return self.attributes[name]

    def is_created(self):
        return True

    @classmethod
    def update_from_cloudformation_json(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
        return original_resource

    @classmethod
    def delete_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name):
        pass


class Organization(Bridge):
    @staticmethod
    def cloudformation_type():
        return "AWS::Organizations::Organization"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        backend = organization(account_id)
        if backend.org is None:
            backend.create_organization(region_name, FeatureSet="ALL")
        org, root = backend.org, backend.list_roots()["Roots"][0]["Id"]
        return cls(org.id, {"Id": org.id, "Arn": org.arn, "RootId": root, "ManagementAccountId": account_id,
                            "ManagementAccountArn": org.master_account_arn})


class Unit(Bridge):
    @staticmethod
    def cloudformation_type():
        return "AWS::Organizations::OrganizationalUnit"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        wanted, backend = cloudformation_json["Properties"], organization(account_id)
        if any(it.parent_id == wanted["ParentId"] and it.name == wanted["Name"] for it in backend.ou):
            raise ValidationError(message=f"{wanted['Name']} already exists")
        found = backend.create_organizational_unit(ParentId=wanted["ParentId"], Name=wanted["Name"])["OrganizationalUnit"]
        return cls(found["Id"], {"Id": found["Id"], "Arn": found["Arn"]})

    @classmethod
    def delete_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name):
        organization(account_id).delete_organizational_unit(OrganizationalUnitId=resource_name)


class Account(Bridge):
    @staticmethod
    def cloudformation_type():
        return "AWS::Organizations::Account"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        wanted, backend = cloudformation_json["Properties"], organization(account_id)
        if any(it.email == wanted["Email"] for it in backend.accounts):
            raise ValidationError(message=f"{wanted['Email']} already exists")
        made = backend.create_account(AccountName=wanted["AccountName"], Email=wanted["Email"])
        number = made["CreateAccountStatus"]["AccountId"]
        parent = (wanted.get("ParentIds") or [None])[0]
        if parent:
            root = backend.list_parents(ChildId=number)["Parents"][0]["Id"]
            backend.move_account(AccountId=number, SourceParentId=root, DestinationParentId=parent)
        return cls(number, {"AccountId": number, "Arn": backend.get_account_by_id(number).arn, "Status": "ACTIVE"})

    @classmethod
    def delete_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name):
        organization(account_id).close_account(AccountId=resource_name)


class StackSet(Bridge):
    @staticmethod
    def cloudformation_type():
        return "AWS::CloudFormation::StackSet"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        wanted, backend = cloudformation_json["Properties"], cloudformation_backends[account_id][region_name]
        name = wanted["StackSetName"]
        parameters = {it["ParameterKey"]: it["ParameterValue"] for it in wanted.get("Parameters", [])}
        made = backend.create_stack_set(name=name, template=wanted["TemplateBody"], parameters=parameters, tags={},
                                        permission_model=wanted["PermissionModel"], admin_role=None, exec_role=None,
                                        description=wanted.get("Description"))
        cls.spread(backend, name, wanted)
        return cls(name, {"StackSetId": made.id})

    @staticmethod
    def spread(backend, name, wanted):
        """moto goes one level down, and makes an account's stack twice where two units lead to it: here each is made once."""
        org, stack_set = organization(backend.account_id), backend.describe_stack_set(name)
        for group in wanted.get("StackInstancesGroup", []):
            open_units, accounts = list(group["DeploymentTargets"].get("OrganizationalUnitIds", [])), set()
            while open_units:
                unit = open_units.pop()
                open_units += [it.id for it in org.ou if it.parent_id == unit]
                # Service-managed stack sets leave the management account out.
                accounts |= {it.id for it in org.accounts if it.parent_id == unit and it.id != backend.account_id}
            stack_set.instances.create_instances(sorted(accounts), group["Regions"], wanted.get("Parameters", []), {}, stack_set.permission_model)

    @classmethod
    def update_from_cloudformation_json(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
        wanted, backend = cloudformation_json["Properties"], cloudformation_backends[account_id][region_name]
        backend.update_stack_set(wanted["StackSetName"], template=wanted["TemplateBody"], description=wanted.get("Description"),
                                 parameters=wanted.get("Parameters", []), tags={}, admin_role=None, execution_role=None,
                                 accounts=[], regions=[], operation_id=None)
        return original_resource

    @classmethod
    def delete_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name):
        backend = cloudformation_backends[account_id][region_name]
        for instance in list(backend.describe_stack_set(resource_name).stack_instances):
            backend.delete_stack_instances(resource_name, [instance.account_id], [instance.region_name])
        backend.delete_stack_set(resource_name)


class Certificate(Bridge):
    @staticmethod
    def cloudformation_type():
        return "AWS::CertificateManager::Certificate"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        wanted = cloudformation_json["Properties"]
        arn = acm_backends[account_id][region_name].request_certificate(
            wanted["DomainName"], None, wanted.get("SubjectAlternativeNames", []), wanted.get("Tags", []))
        return cls(arn, {})

    @classmethod
    def delete_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name):
        acm_backends[account_id][region_name].delete_certificate(resource_name)


class ReplicaKey(Bridge):
    @staticmethod
    def cloudformation_type():
        return "AWS::KMS::ReplicaKey"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        primary = cloudformation_json["Properties"]["PrimaryKeyArn"]
        home, id = primary.split(":")[3], primary.rsplit("/", 1)[1]
        key = kms_backends[account_id][home].replicate_key(id, region_name)
        return cls(key.id, {"Arn": key.arn, "KeyId": key.id})

    @classmethod
    def delete_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name):
        kms_backends[account_id][region_name].keys.pop(resource_name, None)


class StandIn(Bridge):
    """Remembers nothing but a name."""

    @staticmethod
    def cloudformation_type():
        return "Steward::StandIn"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        made = cls(resource_name[-120:], {})
        made.of = (account_id, region_name, kwargs.get("ResourceType", "AWS::Unknown::Unknown"))
        return made

    def get_cfn_attribute(self, name):
        account, region, kind = self.of
        return attribute(account, region, kind, self.physical_resource_id, name)


def attribute(account, region, kind, id, name):
    PLAYED["attribute"][f"{kind}.{name}"] += 1
    service = kind.split("::")[1].lower()
    if name.endswith("Arn"):
        return f"arn:aws:{service}:{region}:{account}:{id}"
    if name in ("EndpointIds",):
        return [f"{region}{zone}:vpce-{abs(hash((id, zone))) % 16**17:017x}" for zone in "abcdef"]
    if name.endswith(("Entries", "Ids", "Addresses", "Servers", "DnsEntries")):
        return [f"{id}-{name}-{at}" for at in range(6)]
    return f"{id}-{name}"[:128]


BRIDGES = {it.cloudformation_type(): it for it in (Organization, Unit, Account, StackSet, Certificate, ReplicaKey)}

found_class = parsing.resource_class_from_type


def resource_class_from_type(kind):
    if kind in parsing.NULL_MODELS:
        return None
    known = BRIDGES.get(kind) or parsing.get_model_map().get(kind)
    return known or (found_class(kind) if kind.startswith("Custom::") else StandIn)


create = parsing.parse_and_create_resource


def parse_and_create_resource(logical_id, resource_json, resources_map, account_id, region_name):
    made = create(logical_id, resource_json, resources_map, account_id=account_id, region_name=region_name)
    if made is not None:
        kind = "stand-in" if isinstance(made, StandIn) else "bridge" if isinstance(made, Bridge) else "own"
        PLAYED[kind][resource_json["Type"]] += 1
        lacking(made, resource_json["Type"], account_id, region_name)
        if resource_json["Type"] == "AWS::ElasticLoadBalancingV2::LoadBalancer":
            # moto takes each for an application load balancer.
            made.type = resource_json.get("Properties", {}).get("Type", "application")
    return made


names = parsing.generate_resource_name


def generate_resource_name(kind, stack_name, logical_id):
    name = names(kind, stack_name, logical_id)
    return name.lower() if kind == "AWS::ECR::Repository" else name


parsing.generate_resource_name = generate_resource_name


class Name(str):
    """A name; where moto expects the object, which has one, it is that too."""

    @property
    def name(self):
        return str(self)


def lacking(made, kind, account, region):
    """Attributes that moto's own types do not answer."""
    if isinstance(made, Bridge):
        return
    if not hasattr(made, "physical_resource_id"):
        # Else a reference to it becomes the object itself.
        names = ("subnet_name", "name", "db_parameter_group_name", "parameter_group_name", "id")
        made.physical_resource_id = Name(next((getattr(made, it) for it in names if hasattr(made, it)), made.logical_resource_id))
    own = getattr(made, "get_cfn_attribute", lambda name: None)

    def answer(name):
        try:
            found = own(name)
            if found is not None:
                return found
        except Exception:
            pass
        return attribute(account, region, kind, str(getattr(made, "physical_resource_id", "")), name)

    try:
        made.get_cfn_attribute = answer
    except AttributeError:
        pass


update = parsing.parse_and_update_resource


def parse_and_update_resource(logical_id, resource_json, resources_map, account_id, region_name):
    before = resources_map[logical_id]
    after = update(logical_id, resource_json, resources_map, account_id=account_id, region_name=region_name)
    if after is None and before is not None:
        PLAYED["update ignored"][resource_json["Type"]] += 1
        return before
    return after


def apply(self):
    """A change set that is executed."""
    stack, new = self.stack, self.change_set_type == "CREATE"
    before = (stack.template, stack.parameters, stack.tags)
    try:
        stack.template = self.template
        stack._parse_template()
        stack.resource_map.update(stack.template_dict, self.parameters)
        stack.output_map = stack._create_output_map()
        list(stack.output_map.values())
        stack.parameters, stack.tags = self.parameters, self.tags or {}
        stack.description = stack.template_dict.get("Description")
    except Exception as error:
        FAILED.add(stack.stack_id)
        stack._add_stack_event("CREATE_FAILED" if new else "UPDATE_FAILED", resource_status_reason=f"{type(error).__name__}: {error}")
        print("failed", stack.account_id, stack.name, repr(error), traceback.format_exc().splitlines()[-4:-1], file=sys.stderr, flush=True)
        if new:
            stack.tags = self.tags or {}
            stack.resource_map.delete()
        else:
            stack.template, stack.parameters, stack.tags = before
            stack._parse_template()


FAILED = set()
execute = CloudFormationBackend.execute_change_set


def execute_change_set(self, change_set_name, stack_name=None):
    # A name is a stack's own; moto looks for it in all stacks.
    of = [it for it in self.change_sets.values()
          if change_set_name in (it.change_set_name, it.change_set_id) and stack_name in (it.stack.name, it.stack.stack_id, None)]
    if not of:
        raise ChangeSetNotFound(change_set_name)
    change_set = of[-1]
    if change_set.execution_status != "AVAILABLE":
        raise ChangeSetStatus(change_set_name)
    execute(self, change_set.change_set_id, stack_name)
    if change_set.stack_id in FAILED:
        FAILED.discard(change_set.stack_id)
        self.stacks[change_set.stack_id].status = "ROLLBACK_COMPLETE" if change_set.change_set_type == "CREATE" else "UPDATE_ROLLBACK_COMPLETE"


class ChangeSetNotFound(CloudFormationError):
    code = "ChangeSetNotFound"

    def __init__(self, name):
        super().__init__(f"ChangeSet [{name}] does not exist")


class ChangeSetStatus(CloudFormationError):
    code = "InvalidChangeSetStatus"

    def __init__(self, name):
        super().__init__(f"ChangeSet [{name}] cannot be executed in its current status")


update_bucket = FakeBucket.update_from_cloudformation_json.__func__


def update_named_bucket(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
    """moto expects a bucket that is changed to say its name."""
    properties = {"BucketName": original_resource.name, **cloudformation_json["Properties"]}
    return update_bucket(cls, original_resource, new_resource_name, {**cloudformation_json, "Properties": properties}, account_id,
                         region_name)


FakeBucket.update_from_cloudformation_json = classmethod(update_named_bucket)
create_balancer = FakeLoadBalancer.create_from_cloudformation_json.__func__


def create_balancer_in_subnets(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
    """moto's CloudFormation knows `Subnets` and not `SubnetMappings`."""
    properties = dict(cloudformation_json["Properties"])
    properties.setdefault("Subnets", [it["SubnetId"] for it in properties.get("SubnetMappings", [])])
    return create_balancer(cls, resource_name, {**cloudformation_json, "Properties": properties}, account_id, region_name, **kwargs)


FakeLoadBalancer.create_from_cloudformation_json = classmethod(create_balancer_in_subnets)


def disassociate(ec2, made):
    for table in ec2.route_tables.values():
        table.associations = {id: subnet for id, subnet in table.associations.items() if subnet != made.subnet_id}


# Types whose deletion moto's CloudFormation forgets, and moto's own call for it.
DELETES = {
    "AWS::EC2::Route": lambda b, it: b("ec2").delete_route(it.route_table.id, it.destination_cidr_block),
    "AWS::EC2::RouteTable": lambda b, it: b("ec2").delete_route_table(it.id),
    "AWS::EC2::SubnetRouteTableAssociation": lambda b, it: disassociate(b("ec2"), it),
    "AWS::EC2::VPCEndpoint": lambda b, it: b("ec2").delete_vpc_endpoints([it.id]),
    "AWS::EC2::VPCGatewayAttachment": lambda b, it: b("ec2").detach_internet_gateway(it.gateway_id, it.vpc_id),
    "AWS::EC2::InternetGateway": lambda b, it: b("ec2").delete_internet_gateway(it.id),
    "AWS::EC2::NatGateway": lambda b, it: b("ec2").delete_nat_gateway(it.id),
    "AWS::EC2::EIP": lambda b, it: b("ec2").release_address(allocation_id=it.allocation_id),
    "AWS::EC2::TransitGateway": lambda b, it: b("ec2").delete_transit_gateway(it.id),
    "AWS::EC2::FlowLog": lambda b, it: b("ec2").delete_flow_logs([it.id]),
    "AWS::ElasticLoadBalancingV2::Listener": lambda b, it: b("elbv2").delete_listener(it.arn),
    "AWS::ElasticLoadBalancingV2::TargetGroup": lambda b, it: b("elbv2").delete_target_group(it.arn),
    "AWS::ECS::Service": lambda b, it: b("ecs").delete_service(it.cluster_name, it.name, force=True),
    "AWS::ECS::Cluster": lambda b, it: b("ecs").delete_cluster(it.name),
    "AWS::ECS::TaskDefinition": lambda b, it: b("ecs").deregister_task_definition(it.arn),
    "AWS::Route53::HostedZone": lambda b, it: b("route53").delete_hosted_zone(it.id),
}

delete_resource = parsing.ResourceMap._delete_resource


def delete(self, parsed_resource, resource_json):
    kind = resource_json["Type"]
    if kind not in DELETES:
        return delete_resource(self, parsed_resource, resource_json)

    def backend(service):
        region = "aws" if service == "route53" else self._region_name
        return moto.backends.get_backend(service)[self._account_id][region]

    try:
        DELETES[kind](backend, parsed_resource)
    except Exception as error:
        # What is gone already is gone; anything else is tried again after the others, as moto does it.
        if "NotFound" not in type(error).__name__ and "Invalid" not in type(error).__name__:
            raise


parsing.ResourceMap._delete_resource = delete

own_subnet = EC2Backend.get_subnet


def get_subnet(self, subnet_id):
    """moto's Resource Access Manager shares nothing: here an account sees the subnets of the others."""
    try:
        return own_subnet(self, subnet_id)
    except InvalidSubnetIdError:
        for account in list(ec2_backends):
            backend = ec2_backends[account][self.region_name]
            for subnets in backend.subnets.values():
                if subnet_id in subnets:
                    return subnets[subnet_id]
        raise


EC2Backend.get_subnet = get_subnet
create_key = Key.create_from_cloudformation_json.__func__


def create_key_with_tags(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
    """moto reads the tags of a key as KMS's own API writes them."""
    properties = dict(cloudformation_json["Properties"])
    properties["Tags"] = [{"TagKey": it["Key"], "TagValue": it["Value"]} for it in properties.get("Tags", [])]
    made = create_key(cls, resource_name, {**cloudformation_json, "Properties": properties}, account_id, region_name, **kwargs)
    # Only KMS's own API makes moto's keys ready for replicas.
    made.multi_region = bool(properties.get("MultiRegion"))
    if made.multi_region:
        made.multi_region_configuration = {
            "MultiRegionKeyType": "PRIMARY", "PrimaryKey": {"Arn": made.arn, "Region": region_name}, "ReplicaKeys": []}
    return made


Key.create_from_cloudformation_json = classmethod(create_key_with_tags)
parsing.parse_and_update_resource = parse_and_update_resource
ChangeSet.apply = apply
CloudFormationBackend.execute_change_set = execute_change_set
parsing.resource_class_from_type = resource_class_from_type
parsing.parse_and_create_resource = parse_and_create_resource
parsing.verify_attribute = lambda *_: None


def serve(application):
    """One call at a time: moto's services are not made for several."""

    def answer(environ, start):
        if environ.get("PATH_INFO") == "/steward/played":
            played = {kind: dict(sorted(found.items())) for kind, found in PLAYED.items()}
            body = json.dumps({**played, **WORKED}).encode()
            start("200 OK", [("content-type", "application/json"), ("content-length", str(len(body)))])
            return [body]
        with LOCK:
            begin = time.monotonic()
            try:
                return list(application(environ, start))
            finally:
                WORKED["calls"] += 1
                WORKED["seconds"] += time.monotonic() - begin

    return answer


if MAIN:
    run = moto.server.run_simple
    moto.server.run_simple = lambda host, port, app, **options: run(host, port, serve(app), **options)
    moto.server.main(sys.argv[1:])
