//! What is refused: the code, the line, and the words that help.

use crate::support::{BASE, and, load_text, with};

/// Every diagnostic of `text` begins with the code and contains the words of one expectation, and the other way round.
fn check(text: &str, expected: &[(&str, &str)]) {
    let loaded = load_text(text);
    let lines = loaded.lines();
    assert_eq!(lines.len(), expected.len(), "\n{text}\n{lines:#?}");
    for (code, words) in expected {
        assert!(
            lines.iter().any(|line| line.starts_with(code) && line.contains(words)),
            "{code} {words}: {lines:#?}"
        );
    }
}

/// The only diagnostic of `text` suggests this.
fn suggests(text: &str, help: &str) {
    let loaded = load_text(text);
    let helps: Vec<_> = loaded.diagnostics.iter().filter_map(|diagnostic| diagnostic.help.clone()).collect();
    assert!(helps.iter().any(|given| given.contains(help)), "{help}: {helps:#?} {:#?}", loaded.lines());
}

#[test]
fn the_base_has_no_mistake() {
    check(BASE, &[]);
}

#[test]
fn fields_are_known_complete_and_of_the_right_form() {
    check(&and("colour: blue\n"), &[("BP0102 line 18", "the blueprint has no field `colour`")]);
    suggests(&and("tag: { a: b }\n"), "did you mean `tags`?");
    check(&with("name: acme\n", ""), &[("BP0103", "the blueprint has no `name`")]);
    check(&with("name: acme", "name: [acme]"), &[("BP0101 line 1", "found a list")]);
    check(&with("name: acme", "name: Acme"), &[("BP0104 line 1", "does not begin with a small letter")]);
    check(&with("{ primary: us-east-1 }", "us-east-1"), &[("BP0101 line 5", "expected a mapping")]);
    check(
        &with("[hipaa]", "[hippa]"),
        &[("BP0104 line 3", "`hippa` is not a framework"), ("BP0506", "health data")],
    );
    suggests(&with("[hipaa]", "[hippa]"), "did you mean `hipaa`?");
    check("[]\n", &[("BP0101", "expected a mapping")]);
    check("", &[("DOC0008", "empty")]);
    check(
        &with("contains: phi", "contains: phi, key: id"),
        &[("BP0106 line 15", "`key` belongs to a table")],
    );
    check(
        &with("contains: phi", "contains: phi, storage: 5 GiB"),
        &[("BP0104 line 15", "has no disk of 5 GiB")],
    );
    check(&with("contains: phi", "contains: phi, storage: 100GB"), &[("BP0104 line 15", "it has no unit")]);
    check(
        &with("uses: [records]", "uses: [records], copies: 5 to 2"),
        &[("BP0104", "the first number is larger")],
    );
}

#[test]
fn what_is_not_built_is_refused_and_says_so() {
    check(
        &and("identity: { second-factor: totp }\n"),
        &[("BP0105 line 18", "`second-factor` (a second factor")],
    );
    check(&with("runs-on: fargate", "runs-on: lambda"), &[("BP0105 line 17", "`lambda`")]);
    check(&with("kind: postgresql", "kind: redis"), &[("BP0105 line 15", "`redis`")]);
    check(
        &with("tier: production }", "tier: production, recovery: warm-standby }"),
        &[("BP0105 line 12", "`recovery`")],
    );
    check(&with("primary: us-east-1", "primary: us-gov-west-1"), &[("BP0105 line 5", "aws-us-gov")]);
    check(
        &and("guarantees: [{ never: staging reads production on 443 }]\n"),
        &[("BP0602 line 18", "has no port and no way through")],
    );
    check(
        &with("reached-from: internet", "reached-from: offices"),
        &[("BP0104 line 17", "reach a workload by a flow")],
    );
}

/// The base with a hub, an account for it, and one flow.
fn hub(flow: &str) -> String {
    let base = with("audit, log-archive", "audit, log-archive, network");
    format!("{base}network: {{ hub: {{}} }}\nflows:\n  - {flow}\n")
}

#[test]
fn a_flow_can_happen() {
    check(&hub("{ from: staging/portal, to: production/portal }"), &[]);
    check(&hub("{ from: work, to: internet, domains: [.example.com] }"), &[]);
    check(&hub("{ from: staging, to: production/records, on: 5432 }"), &[]);
    check(
        &and("flows: [{ from: staging, to: production/portal }]\n"),
        &[("BP0604 line 18", "there is none")],
    );
    check(&hub("{ from: stagin, to: production/portal }"), &[("BP0301 line 20", "`stagin`")]);
    suggests(&hub("{ from: stagin, to: production/portal }"), "did you mean `staging`?");
    check(&hub("{ from: staging/portl, to: production/portal }"), &[("BP0301 line 20", "`portl`")]);
    check(&hub("{ from: staging, to: production }"), &[("BP0605 line 20", "reached-from: inside")]);
    check(&hub("{ from: staging, to: internet }"), &[("BP0504 line 20", "whole internet")]);
    check(
        &hub("{ from: staging, to: internet, domains: ['*.example.com'] }"),
        &[("BP0104 line 20", "a dot before it"), ("BP0504", "whole internet")],
    );
    check(
        &hub("{ from: staging, to: internet, domains: [a.example], on: 25 }"),
        &[("BP0605 line 20", "nothing listens on 25")],
    );
    check(&hub("{ from: internet, to: production/portal }"), &[("BP0605 line 20", "begins on the internet")]);
    check(&hub("{ from: production/records, to: staging/portal }"), &[("BP0605 line 20", "begins nothing")]);
    check(
        &hub("{ from: staging, to: production/records, on: 5433 }"),
        &[("BP0605 line 20", "nothing listens on 5433")],
    );
    check(&hub("{ from: production, to: production/portal }"), &[("BP0605 line 20", "same environment")]);
    check(&hub("{ from: offices, to: production/portal }"), &[("BP0605 line 20", "there is no office")]);
    check(&hub("{ from: security, to: production/portal }"), &[("BP0605 line 20", "no environment stands")]);
}

#[test]
fn the_hub_has_an_account_of_its_own() {
    check(&and("network: { hub: {} }\n"), &[("BP0307 line 18", "none is called `network`")]);
    check(&and("network: { hub: { account: audit } }\n"), &[("BP0504 line 18", "another purpose")]);
    check(&and("network: { hub: { account: play } }\n"), &[]);
    check(&and("network: { hub: { account: staging } }\n"), &[("BP0504 line 13", "could open the way in")]);
    check(
        &and("network: { hub: { account: play, inspect-tls: yes } }\n"),
        &[("BP0105 line 18", "`inspect-tls`")],
    );
}

#[test]
fn names_refer_to_something() {
    check(
        &with("like: production", "like: prodution"),
        &[("BP0301 line 13", "there is no environment `prodution`")],
    );
    suggests(&with("like: production", "like: prodution"), "did you mean `production`?");
    check(
        &with("uses: [records]", "uses: [record]"),
        &[("BP0301 line 17", "there is no store or workload `record`")],
    );
    suggests(&with("uses: [records]", "uses: [record]"), "did you mean `records`?");
    check(
        &with("reached-from: internet", "reached-from: intrenet"),
        &[("BP0301", "`intrenet` is not a place")],
    );
    check(&with("contains: phi", "contains: phi, environments: [prod]"), &[("BP0301 line 15", "`prod`")]);
    check(
        &with("{ tier: production }", "{ tier: production, account: prod }"),
        &[("BP0301 line 12", "no account `prod`")],
    );
    check(
        &with("{ tier: production }", "{ tier: production, without: [recrods] }"),
        &[("BP0301 line 12", "`recrods`")],
    );
    check(
        &with("{ tier: production }", "{ tier: production, overrides: { recrods: { size: small } } }"),
        &[("BP0301 line 12", "`recrods`")],
    );
    check(&with("  staging: {", "  uat: {"), &[("BP0307 line 13", "none is called `uat`")]);
    check(&with("audit, log-archive", "log-archive"), &[("BP0307 line 7", "no account is called `audit`")]);
    check(
        &with("  email: aws", "  log-archive: logs\n  email: aws"),
        &[("BP0301 line 7", "no account `logs`")],
    );
}

#[test]
fn a_mistake_is_not_reported_again_by_those_who_refer_to_it() {
    check(
        &with("kind: postgresql", "kind: postgres"),
        &[("BP0104 line 15", "`postgres` is not a kind of store")],
    );
    check(&with("runs-on: fargate", "runs-on: boat"), &[("BP0104 line 17", "`boat`")]);
    check(
        &with("{ tier: production }", "{ tier: top }"),
        &[("BP0104 line 12", "`top` is not a tier"), ("BP0103", "neither a tier")],
    );
}

#[test]
fn names_are_unique_and_acceptable_to_aws() {
    check(
        &with("  portal:", "  records:"),
        &[("BP0302 line 17", "`records` names two things"), ("BP0104 line 17", "uses itself")],
    );
    check(&with("play]", "audit]"), &[("BP0302 line 10", "two accounts named `audit`")]);
    check(&with("name: acme", "name: a-very-long-company-name"), &[("BP0303 line 1", "at most 16")]);
    check(
        &with("  records:", "  Records:"),
        &[("BP0303 line 15", "`Records` cannot be a name"), ("BP0301", "`records`")],
    );
    check(&with("  records:", "  internet:"), &[("BP0304 line 15", "`internet`"), ("BP0301", "`records`")]);
    check(&with("play]", "management]"), &[("BP0302 line 10", "`management`")]);
    check(
        &with("  staging: {", "  staging: { domain: production.acme.example,"),
        &[("BP0302 line 13", "two environments serve beneath production.acme.example")],
    );
}

#[test]
fn environments_are_not_alike_in_a_circle() {
    check(
        &with("{ tier: production }", "{ tier: production, like: staging }"),
        &[("BP0305 line 12", "production → staging → production")],
    );
    check(
        &with("{ like: production, tier: staging }", "{ like: staging, tier: staging }"),
        &[("BP0305", "staging → staging")],
    );
    // Only the circle is said, not also that nobody in it has a tier.
    check(
        &with("{ tier: production }", "{ like: staging }")
            .replace("{ like: production, tier: staging }", "{ like: production }"),
        &[("BP0305", "production → staging → production")],
    );
    check(
        &with("{ tier: production }", "{}"),
        &[("BP0103 line 12", "neither a tier nor another environment")],
    );
}

#[test]
fn addresses_are_ranges_that_fit_and_do_not_overlap() {
    check(
        &and("network: { addresses: 10.1.0.0/12 }\n"),
        &[("BP0401 line 18", "the block that holds it is 10.0.0.0/12")],
    );
    check(&and("network: { addresses: 8.0.0.0/12 }\n"), &[("BP0401", "not a private range")]);
    check(
        &and("network: { addresses: 10.0.0.0/16 }\n"),
        &[("BP0403 line 18", "2 blocks, and 10.0.0.0/16 has 1 left")],
    );
    check(&and("network: { addresses: 10.0.0.0/20 }\n"), &[("BP0403 line 18", "has no block of /16")]);
    check(
        &and("network: { addresses: 10.0.0.0/14, reserved: [10.1.0.0/17, 10.1.64.0/18] }\n"),
        &[("BP0402 line 18", "10.1.64.0/18 (reserved) overlaps 10.1.0.0/17")],
    );
    check(
        &with("{ tier: production }", "{ tier: production, addresses: 11.0.0.0/16 }"),
        &[("BP0404 line 12", "no part of the address space")],
    );
    check(
        &with("{ tier: production }", "{ tier: production, addresses: 10.0.0.0/24 }"),
        &[("BP0401 line 12", "does not fit 10.0.0.0/24")],
    );
    let both = BASE
        .replace("{ tier: production }", "{ tier: production, addresses: 10.4.0.0/16 }")
        .replace("tier: staging }", "tier: staging, addresses: 10.4.128.0/17 }");
    check(&both, &[("BP0402 line 13", "10.4.128.0/17 (`staging`) overlaps 10.4.0.0/16 (`production`)")]);
}

#[test]
fn reserved_ranges_leave_fewer_blocks() {
    let plan =
        |reserved: &str| and(&format!("network: {{ addresses: 10.0.0.0/14, reserved: [{reserved}] }}\n"));
    check(&plan("10.0.0.0/16, 10.1.0.0/24"), &[]);
    check(&plan("10.0.0.0/16, 10.1.0.0/24, 10.1.1.0/24, 10.3.255.255/32"), &[("BP0403", "has 1 left")]);
}

#[test]
fn regions_exist_and_have_the_zones() {
    check(&with("us-east-1", "us-east-9"), &[("BP0405 line 5", "AWS has no region `us-east-9`")]);
    check(
        &with("us-east-1 }", "us-east-1, recovery: us-east-1 }"),
        &[("BP0407 line 5", "is the primary region")],
    );
    let zones =
        BASE.replace("us-east-1", "us-east-2").replace("tier: production }", "tier: production, zones: 5 }");
    check(
        &zones,
        &[("BP0406 line 12", "us-east-2 has 3 availability zones"), ("BP0406 line 12", "`staging` wants 5")],
    );
    check(
        &with("{ tier: production }", "{ tier: production, region: recovery }"),
        &[("BP0301 line 12", "names no recovery region")],
    );
}

#[test]
fn unsafe_choices_need_a_reason() {
    check(
        &with("contains: phi", "contains: phi, standby: no"),
        &[("BP0501 line 15", "no standby in another zone")],
    );
    check(&with("contains: phi", "contains: phi, standby: no, because: It is a cache."), &[]);
    check(
        &with("contains: phi", "contains: phi, because: Just so."),
        &[("BP0502 line 15", "explains nothing")],
    );
    check(
        &with("contains: phi", "contains: phi, standby: no, backup: 5 days, because: Both."),
        &[("BP0505 line 15", "one reason is given for 2 unsafe choices")],
    );
    check(
        &with(
            "contains: phi",
            "contains: phi, standby: no, backup: 5 days, because: { standby: a, backup: b }",
        ),
        &[],
    );
    check(
        &with("contains: phi", "contains: phi, standby: no, backup: 5 days, because: { standby: a }"),
        &[("BP0501 line 15", "restored to only the last 5 days")],
    );
    check(
        &with("{ tier: production }", "{ tier: production, zones: 2 }"),
        &[("BP0501 line 12", "only 2 zones, not 3")],
    );
    check(&with("uses: [records]", "uses: [records], protocol: http"), &[("BP0501 line 17", "in the clear")]);
    check(&with("uses: [records]", "uses: [records], copies: 1"), &[("BP0501 line 17", "only 1 copy")]);
    check(&and("keys: { rotate: 2 years }\n"), &[("BP0501 line 18", "rotate only every 2 years")]);
    check(&and("keys: { rotate: 10 days }\n"), &[("BP0104 line 18", "cannot rotate a key every 10 days")]);
    check(&and("logs: { lock: governance }\n"), &[("BP0501 line 18", "shorten how long the log archive")]);
    let silent = and("logs: { data-events: nowhere }\n");
    check(&silent, &[]);
    let silent = silent.replace("kind: postgresql", "kind: bucket");
    check(&silent, &[("BP0501 line 18", "which health data")]);
    check(
        &with("tier: staging }", "tier: staging, contains: phi }"),
        &[("BP0501 line 13", "contains real phi data")],
    );
}

#[test]
fn retention_meets_the_frameworks() {
    check(
        &and("logs: { retain: 1 year }\n"),
        &[("BP0503 line 18", "less than the 6 years that hipaa asks for")],
    );
    check(&and("logs: { retain: 1 year, because: A copy is kept elsewhere for six. }\n"), &[]);
    check(&and("logs: { retain: 7 years }\n"), &[]);
    check(&with("[hipaa]", "[soc2]"), &[("BP0506 line 15", "`hipaa` is not among the frameworks")]);
}

#[test]
fn some_combinations_are_never_safe() {
    let sandbox = |fields: &str| with("stores:", &format!("  play: {{ tier: sandbox{fields} }}\nstores:"));
    check(&sandbox(""), &[]);
    check(
        &sandbox(", contains: phi, because: Practice."),
        &[("BP0504 line 14", "may not contain phi"), ("BP0502", "")],
    );
    check(
        &with("{ tier: production }", "{ tier: production, account: audit }"),
        &[("BP0504 line 12", "audit account")],
    );
    check(
        &with("tier: staging }", "tier: staging, account: production }"),
        &[("BP0504 line 13", "share the account `production`")],
    );
    check(
        &with("contains: phi", "contains: phi, environments: [production]"),
        &[("BP0306 line 17", "does not exist in `staging`")],
    );
    let bucket = |fields: &str| with("stores:", &format!("stores:\n  files: {{ kind: bucket, {fields} }}"));
    check(&bucket("retain: 1 year, expires-after: 30 days"), &[("BP0104", "would disappear after 30 days")]);
    check(&bucket("lock: governance"), &[("BP0106", "nothing is retained")]);
    let table = |fields: &str| with("stores:", &format!("stores:\n  items: {{ kind: table, {fields} }}"));
    check(&table("key: id, sort: id"), &[("BP0104", "both partition key and sort key")]);
    check(
        &table("key: id, indexes: { by-at: { key: at }, by-time: { key: { name: at, type: number } } }"),
        &[("BP0104", "`at` is a string in one key and a number in another")],
    );
    check(&table("sort: id"), &[("BP0103", "a store has no `key`")]);
}

#[test]
fn what_is_served_has_a_domain() {
    check(&with("domain: acme.example\n", ""), &[("BP0603 line 16", "no domain for its certificate")]);
    check(&with("  portal: {", "  portal: { host: '@',"), &[]);
    check(&with("reached-from: internet, ", "host: www, "), &[("BP0104 line 17", "nobody reaches it")]);
}

#[test]
fn overrides_change_what_can_differ() {
    let over = |fields: &str| {
        with("tier: staging }", &format!("tier: staging, overrides: {{ records: {{ {fields} }} }} }}"))
    };
    check(&over("size: large"), &[]);
    check(&over("size: ~"), &[]);
    check(&over("size: enormous"), &[("BP0104 line 13", "`enormous` is not a size")]);
    check(&over("colour: blue"), &[("BP0102 line 13", "no field `colour`")]);
    check(&over("kind: table"), &[("BP0104 line 13", "`kind` cannot differ")]);
    check(
        &with(
            "tier: staging }",
            "tier: staging, without: [records, portal], overrides: { records: { size: small } } }",
        ),
        &[("BP0104 line 13", "does not exist in `staging`")],
    );
}

#[test]
fn sentences_and_exceptions_name_what_exists() {
    let guarantee = |text: &str| and(&format!("guarantees: [{{ {text} }}]\n"));
    check(&guarantee("never: staging eats production"), &[("BP0602 line 18", "`eats` is not a verb")]);
    check(&guarantee("because: Nothing said."), &[("BP0602 line 18", "exactly one of")]);
    check(&guarantee("never: a reaches production"), &[("BP0301 line 18", "nothing is called `a`")]);
    check(&guarantee("never: staging reaches production on 443"), &[]);
    let exception = |text: &str| {
        and(&format!(
            "exceptions: [{{ guarantee: tls, because: Old., owner: a@acme.example, until: 2027-01-31{text} }}]\n"
        ))
    };
    check(&exception(""), &[]);
    check(&exception(", for: [staging/records, work, production]"), &[]);
    check(&exception(", for: [production/us-east-1/data/Records, 'production/*/Records*']"), &[]);
    check(&exception(", for: staging/recrods"), &[("BP0301 line 18", "`recrods`")]);
    check(
        &and("exceptions: [{ guarantee: tls, because: Old., owner: a@acme.example }]\n"),
        &[("BP0103 line 18", "no `until`")],
    );
    check(
        &and("exceptions: [{ guarantee: tls, because: Old., owner: me, until: 2027-02-30 }]\n"),
        &[("BP0104 line 18", "`me` is not an e-mail address"), ("BP0104 line 18", "the month has 28 days")],
    );
}

#[test]
fn contacts_and_accounts_have_addresses() {
    check(&with("security@acme.example }", "security }"), &[("BP0104 line 4", "it has no `@`")]);
    check(&with("  email: aws+{account}@", "  email: aws@"), &[("BP0104 line 7", "`{account}` is missing")]);
    check(
        &with("play]", "an-account-with-a-very-long-name-indeed]")
            .replace("aws+{", "a-long-local-part-of-an-address+{"),
        &[("BP0104 line 10", "more than 64 characters")],
    );
}

#[test]
fn all_mistakes_come_in_one_run_and_each_once() {
    let text = BASE
        .replace("name: acme", "name: Acme")
        .replace("security@acme.example", "nobody")
        .replace("us-east-1", "us-east-9")
        .replace("aws+{account}@", "aws@")
        .replace("like: production", "like: prodution")
        .replace("tier: production }", "tier: production, account: prod }")
        .replace("contains: phi", "contains: phi, standby: no, colour: red")
        .replace("reached-from: internet", "reached-from: intrenet, protocol: http");
    check(
        &text,
        &[
            ("BP0104 line 1", "`Acme` is not a name"),
            ("BP0104 line 4", "`nobody` is not an e-mail address"),
            ("BP0405 line 5", "`us-east-9`"),
            ("BP0104 line 7", "`{account}` is missing"),
            ("BP0301 line 12", "no account `prod`"),
            ("BP0301 line 13", "`prodution`"),
            ("BP0102 line 15", "no field `colour`"),
            ("BP0501 line 15", "no standby"),
            ("BP0301 line 17", "`intrenet`"),
            ("BP0501 line 17", "in the clear"),
        ],
    );
}

#[test]
fn what_is_missing_does_not_hide_what_is_wrong() {
    let text = "stores: { a: { kind: bucket, lock: governance } }\nenvironments: { p: { tier: sandbox } }\n";
    let codes: Vec<_> = load_text(text).diagnostics.iter().map(|one| one.code.0).collect();
    assert_eq!(codes.iter().filter(|code| **code == "BP0103").count(), 4, "{codes:?}");
    assert!(codes.contains(&"BP0308"), "{codes:?}");
}
