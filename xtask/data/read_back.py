"""Reads back what is there, by the APIs of AWS and nobody's library of ours: prints JSON.

Arguments: regions. The endpoint and the caller's credentials come from the environment, as for Steward.
"""

import json
import sys

import boto3

ROLE = "OrganizationAccountAccessRole"


def pages(client, call, key, **arguments):
    for page in client.get_paginator(call).paginate(**arguments):
        yield from page[key]


def main(regions):
    here = boto3.Session(region_name=regions[0])
    caller = here.client("sts").get_caller_identity()["Account"]
    try:
        accounts = list(pages(here.client("organizations"), "list_accounts", "Accounts"))
    except here.client("organizations").exceptions.AWSOrganizationsNotInUseException:
        accounts = [{"Id": caller, "Email": "", "Status": "ACTIVE"}]
    out = {"accounts": sorted(it["Email"] for it in accounts if it["Id"] != caller and it["Status"] == "ACTIVE"), "stacks": {}, "resources": {}}
    for account in accounts:
        number, session = account["Id"], here
        if number != caller:
            found = here.client("sts").assume_role(RoleArn=f"arn:aws:iam::{number}:role/{ROLE}", RoleSessionName="reader")["Credentials"]
            session = boto3.Session(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], regions[0])
        for region in regions:
            client = lambda service: session.client(service, region_name=region)
            for stack in pages(client("cloudformation"), "describe_stacks", "Stacks"):
                tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
                key = f"{number}/{region}/{stack['StackName']}"
                if key in out["stacks"]:
                    sys.exit(f"two stacks are called {key}")
                out["stacks"][key] = [stack["StackStatus"], tags.get("steward:template", "")]
            ec2 = client("ec2")
            count(out, "vpc", [it for it in pages(ec2, "describe_vpcs", "Vpcs") if not it["IsDefault"]])
            count(out, "load balancer", pages(client("elbv2"), "describe_load_balancers", "LoadBalancers"))
            count(out, "database", pages(client("rds"), "describe_db_instances", "DBInstances"))
            count(out, "table", pages(client("dynamodb"), "list_tables", "TableNames"))
            count(out, "key", pages(client("kms"), "list_keys", "Keys"))
        count(out, "bucket", session.client("s3").list_buckets()["Buckets"])
        own = (it for it in pages(session.client("iam"), "list_roles", "Roles") if it["RoleName"] != ROLE)
        count(out, "role", own)
    print(json.dumps(out))


def count(out, what, found):
    out["resources"][what] = out["resources"].get(what, 0) + sum(1 for _ in found)


main(sys.argv[1:])
