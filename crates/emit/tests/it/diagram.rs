//! The map of a network.

use emit::diagram::{Account, Flow, Incoming, Map, Tier, Unit, Vpc};

fn account(name: &str, at: usize, hosts: usize) -> Account {
    let tier = |tier: &str| Tier {
        name: tier.into(),
        subnets: 3,
        hosts: (0..hosts).map(|host| format!("{tier}-service-{host}")).collect(),
    };
    Account {
        name: name.into(),
        vpcs: vec![Vpc {
            name: format!("{name}-vpc"),
            blocks: format!("10.{at}.0.0/16"),
            region: "us-east-1".into(),
            internet_gateway: at == 0,
            attached: true,
            inspects: at == 0,
            tiers: ["gateway", "application", "data"].map(tier).to_vec(),
        }],
        incoming: (0..at % 4)
            .map(|from| Incoming {
                from: if from == 0 { "internet".into() } else { format!("account-{from}") },
                certain: from != 2,
                says: "TCP 443, 5432, 8080-8090".into(),
            })
            .collect(),
    }
}

/// Twenty accounts in six units.
fn twenty() -> Map {
    let names = ["Networking", "Security & Audit", "Production", "Development", "Sandbox", "Collaboration"];
    let mut units: Vec<Unit> =
        names.map(|name| Unit { name: name.into(), accounts: vec![] }).into_iter().collect();
    for at in 0..20 {
        let unit = [0, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 5, 5][at];
        units[unit].accounts.push(account(&format!("account-{at}"), at, at % 5));
    }
    let flow = |from: &str, to: &str, certain, says: &str| Flow {
        from: from.into(),
        to: to.into(),
        certain,
        says: says.into(),
    };
    Map {
        title: "Northbeam Health".into(),
        offices: vec!["Berlin".into(), "<Paris>".into()],
        firewalls: vec![("inspection-firewall".into(), "inspection-vpc".into())],
        transit: true,
        units,
        flows: vec![
            flow("internet", "Networking", true, "TCP 443"),
            flow("Production", "internet", false, "TCP 443"),
            flow("Production", "Security & Audit", true, "TCP 443, 6514"),
            flow("Development", "Security & Audit", true, "TCP 443, 6514"),
            flow("Collaboration", "Production", true, "TCP 8443"),
            flow("office Berlin", "Production", false, "TCP 22, 443, 3389; UDP 53"),
        ],
    }
}

#[test]
fn a_map_shows_every_account_and_flow_and_is_well_formed() {
    let map = twenty();
    let svg = map.svg();
    if let Some(path) = std::env::var_os("MAP_OUT") {
        std::fs::write(path, &svg).unwrap();
    }
    assert_eq!(svg, twenty().svg());
    for at in 0..20 {
        assert!(svg.contains(&format!(">account-{at}<")), "account-{at}");
    }
    assert!(svg.contains("Collaboration → Production: TCP 8443"));
    assert!(svg.contains("&lt;Paris&gt;") && !svg.contains("<Paris>"));
    assert!(!svg.contains("http://") || svg.matches("http://").count() == 1, "only the name of the language");
    for tag in ["svg", "style", "defs", "marker", "text", "title"] {
        let opened = svg.matches(&format!("<{tag}>")).count() + svg.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, svg.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

/// The boxes of one class: x, y, width, height.
fn boxes(svg: &str, class: &str) -> Vec<[usize; 4]> {
    let number = |line: &str, name: &str| -> usize {
        let after = line.split_once(&format!(" {name}=\"")).unwrap().1;
        after.split('"').next().unwrap().parse().unwrap()
    };
    svg.lines()
        .filter(|line| line.starts_with(&format!("<rect class=\"{class}\"")))
        .map(|line| ["x", "y", "width", "height"].map(|name| number(line, name)))
        .collect()
}

#[test]
fn no_card_lies_on_another_and_all_lie_in_the_picture() {
    let svg = twenty().svg();
    let cards: Vec<_> = boxes(&svg, "card").into_iter().filter(|[_, _, width, _]| *width == 288).collect();
    assert_eq!(cards.len(), 20);
    let whole = boxes(&svg.replace("<rect width", "<rect class=\"whole\" x=\"0\" y=\"0\" width"), "whole");
    for (at, [x, y, width, height]) in cards.iter().enumerate() {
        assert!(x + width <= whole[0][2] && y + height <= whole[0][3]);
        for [a, b, w, h] in &cards[at + 1..] {
            assert!(x + width <= *a || a + w <= *x || y + height <= *b || b + h <= *y);
        }
    }
}
