//! A laboratory in the kernel: namespaces, links, routes, filters, translators, and Suricata.
//!
//! In: a [`Lab`]. Out: a [`Running`] one that can be probed. Always: every name begins with one prefix, every process has
//! a handle here, and dropping it ends the processes and removes the namespaces, after a failure too; only addresses
//! within these namespaces are used, and none of them has a link to the machine's own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ipnet::Ipv4Net;

use super::lab::{Acl, Entry, Group, Lab, Peer, Service, Target, Wall};
use super::wall;

/// What all namespaces of this tool begin with.
pub const PREFIX: &str = "stw-";
/// Somebody on the internet. Source: RFC 5737, a block for documentation.
pub const OUTSIDE: &str = "198.51.100.7";

/// The mark of what comes out of a firewall.
const FROM_WALL: &str = "cs1";

/// A laboratory that runs.
pub struct Running {
    children: Vec<Child>,
    folder: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        for child in &mut self.children {
            drop(child.kill());
            drop(child.wait());
        }
        clean();
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// Removes namespaces that this tool made, here or in a run that was killed.
pub fn clean() {
    let Ok(list) = Command::new("ip").args(["netns", "list"]).output() else { return };
    for name in
        String::from_utf8_lossy(&list.stdout).lines().filter_map(|line| line.split_whitespace().next())
    {
        if name.starts_with(PREFIX) {
            drop(Command::new("ip").args(["netns", "delete", name]).status());
        }
    }
}

/// A command in a namespace, which ends with this process.
pub fn within(namespace: &str, program: &str) -> Command {
    let mut command = Command::new("ip");
    command.args([
        "netns",
        "exec",
        &format!("{PREFIX}{namespace}"),
        "setpriv",
        "--pdeathsig",
        "KILL",
        program,
    ]);
    command
}

/// Runs a command with input; `Err` holds what it said.
fn feed(mut command: Command, input: &str) -> Result<(), String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).map_err(|error| error.to_string())?;
    }
    let out = child.wait_with_output().map_err(|error| error.to_string())?;
    match out.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?}: {}\n{input}", String::from_utf8_lossy(&out.stderr))),
    }
}

/// Links, addresses, routes and rules of one namespace, as lines for `ip -batch`.
#[derive(Default)]
struct Batch {
    lines: Vec<(String, String)>,
}

impl Batch {
    fn add(&mut self, namespace: &str, line: impl Into<String>) {
        self.lines.push((namespace.to_owned(), line.into()));
    }

    /// A link between two namespaces; each end has an address of its own.
    fn link(&mut self, a: (&str, &str), b: (&str, &str), addresses: (&str, &str)) -> Result<(), String> {
        let mut command = Command::new("ip");
        let (left, right) = (format!("{PREFIX}{}", a.0), format!("{PREFIX}{}", b.0));
        command
            .args(["link", "add", a.1, "netns", &left, "type", "veth", "peer", "name", b.1, "netns", &right]);
        feed(command, "")?;
        for ((namespace, name), own) in [(a, addresses.0), (b, addresses.1)] {
            self.add(namespace, format!("addr add {own}/32 dev {name}"));
            self.add(namespace, format!("link set {name} up"));
        }
        Ok(())
    }

    fn run(self) -> Result<(), String> {
        let mut namespaces: Vec<&str> = self.lines.iter().map(|(namespace, _)| namespace.as_str()).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        for namespace in namespaces {
            let lines: String = self
                .lines
                .iter()
                .filter(|(other, _)| other == namespace)
                .map(|(_, line)| format!("{line}\n"))
                .collect();
            let mut command = Command::new("ip");
            command.args(["-n", &format!("{PREFIX}{namespace}"), "-batch", "-"]);
            feed(command, &lines)?;
        }
        Ok(())
    }
}

/// The router's end of a link and the other's.
const ROUTER: &str = "169.254.1.1";
const OTHER: &str = "169.254.1.2";

/// Builds everything; what was built is removed when this fails.
pub fn build(lab: &Lab, folder: &Path) -> Result<Running, String> {
    let mut running = Running { children: Vec::new(), folder: folder.to_path_buf() };
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let mut batch = Batch::default();
    namespaces(lab)?;
    routers(lab, &mut batch)?;
    batch.run()?;
    filters(lab)?;
    for (at, one) in lab.walls.iter().enumerate() {
        running.children.push(suricata(lab, one, at, folder)?);
    }
    Ok(running)
}

fn namespaces(lab: &Lab) -> Result<(), String> {
    let mut names = vec!["world".to_owned()];
    names.extend((0..lab.vpcs.len()).map(|at| format!("v{at}")));
    names.extend((0..lab.hosts.len()).map(|at| format!("h{at}")));
    names.extend((0..lab.internet.len()).map(|at| format!("i{at}")));
    names.extend((0..lab.nats.len()).map(|at| format!("n{at}")));
    names.extend((0..lab.transits).map(|at| format!("t{at}")));
    names.extend((0..lab.walls.len()).map(|at| format!("f{at}")));
    for name in names {
        let mut command = Command::new("ip");
        command.args(["netns", "add", &format!("{PREFIX}{name}")]);
        feed(command, "")?;
        let mut command = within(&name, "sysctl");
        command.args(["-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0"]);
        command.args(["net.ipv4.conf.default.rp_filter=0", "net.ipv4.conf.all.send_redirects=0"]);
        command.args(["net.ipv4.conf.default.send_redirects=0", "net.ipv4.conf.lo.rp_filter=0"]);
        feed(command, "")?;
    }
    Ok(())
}

/// Where a VPC's router looks up what comes in by a link: the table of the route table that counts there, then the
/// VPC's own hosts, then nothing.
fn lookups(batch: &mut Batch, router: &str, link: &str, table: Option<usize>) {
    if let Some(table) = table {
        batch.add(router, format!("rule add prio 100 iif {link} lookup {}", 100 + table));
    }
    batch.add(router, format!("rule add prio 200 iif {link} lookup 50"));
    batch.add(router, format!("rule add prio 300 iif {link} blackhole"));
}

fn routers(lab: &Lab, batch: &mut Batch) -> Result<(), String> {
    let subnet = |at: usize| lab.subnets.get(at).ok_or("a subnet that is not there");
    batch.add("world", "link set lo up");
    batch.add("world", format!("addr add {OUTSIDE}/32 dev lo"));
    for (at, host) in lab.hosts.iter().enumerate() {
        let place = subnet(host.subnet)?;
        let (name, router, link) = (format!("h{at}"), format!("v{}", place.vpc), format!("h{at}"));
        batch.add(&name, "link set lo up");
        batch.link((&router, &link), (&name, "eth0"), (ROUTER, &host.address.to_string()))?;
        batch.add(&name, format!("route add default via {ROUTER} dev eth0 onlink"));
        batch.add(&router, format!("route add {}/32 dev {link} table 50", host.address));
        lookups(batch, &router, &link, place.table);
    }
    for (at, nat) in lab.nats.iter().enumerate() {
        let place = subnet(nat.subnet)?;
        let (name, router) = (format!("n{at}"), format!("v{}", place.vpc));
        batch.link((&router, &name), (&name, "eth0"), (ROUTER, &nat.address.to_string()))?;
        batch.add(&name, format!("route add default via {ROUTER} dev eth0 onlink"));
        batch.add(&router, format!("route add {}/32 dev {name} table 50", nat.address));
        lookups(batch, &router, &name, place.table);
    }
    for (at, wall) in lab.walls.iter().enumerate() {
        let place = subnet(wall.subnet)?;
        let (name, router) = (format!("f{at}"), format!("v{}", place.vpc));
        batch.link((&router, &name), (&name, "eth0"), (ROUTER, OTHER))?;
        batch.add(&name, format!("route add default via {ROUTER} dev eth0 onlink"));
        lookups(batch, &router, &name, place.table);
    }
    for (at, internet) in lab.internet.iter().enumerate() {
        let (name, router) = (format!("i{at}"), format!("v{}", internet.vpc));
        batch.link((&router, &name), (&name, "vpc"), (ROUTER, OTHER))?;
        batch.link((&name, "world"), ("world", &name), ("169.254.3.1", "169.254.3.2"))?;
        let cidr = lab.vpcs.get(internet.vpc).ok_or("a VPC that is not there")?;
        batch.add(&name, format!("route add {cidr} via {ROUTER} dev vpc onlink"));
        batch.add(&name, "route add default via 169.254.3.2 dev world onlink");
        for (public, _) in translations(lab, internet.vpc) {
            batch.add(
                "world",
                format!("route add {public}/32 via 169.254.3.1 dev {name} onlink src {OUTSIDE}"),
            );
        }
        lookups(batch, &router, &name, internet.table);
    }
    transit(lab, batch)?;
    for (at, (a, b)) in lab.peerings.iter().enumerate() {
        let (left, right, link) = (format!("v{a}"), format!("v{b}"), format!("p{at}"));
        batch.link((&left, &link), (&right, &link), ("169.254.2.1", "169.254.2.2"))?;
        lookups(batch, &left, &link, None);
        lookups(batch, &right, &link, None);
    }
    tables(lab, batch)
}

fn transit(lab: &Lab, batch: &mut Batch) -> Result<(), String> {
    for (at, attachment) in lab.attachments.iter().enumerate() {
        let table = lab.subnets.get(attachment.subnet).and_then(|subnet| subnet.table);
        let (gateway, router, link) =
            (format!("t{}", attachment.transit), format!("v{}", attachment.vpc), format!("a{at}"));
        batch.link((&router, &link), (&gateway, &link), (ROUTER, OTHER))?;
        lookups(batch, &router, &link, table);
        if let Some(table) = attachment.table {
            batch.add(&gateway, format!("rule add prio 100 iif {link} lookup {}", 100 + table));
        }
        batch.add(&gateway, format!("rule add prio 300 iif {link} blackhole"));
    }
    for (at, table) in lab.transit_tables.iter().enumerate() {
        for gateway in 0..lab.transits {
            for (net, to) in table {
                let to = match to.and_then(|to| Some((to, lab.attachments.get(to)?))) {
                    Some((to, attachment)) if attachment.transit == gateway => {
                        format!("via {ROUTER} dev a{to} onlink")
                    }
                    Some(_) => continue,
                    None => "blackhole".to_owned(),
                };
                let line = match to.as_str() {
                    "blackhole" => format!("route add blackhole {net} table {}", 100 + at),
                    to => format!("route add {net} {to} table {}", 100 + at),
                };
                batch.add(&format!("t{gateway}"), line);
            }
        }
    }
    Ok(())
}

/// Route tables of each VPC. The VPC's own block is looked up among its hosts, unless a narrower route says otherwise.
fn tables(lab: &Lab, batch: &mut Batch) -> Result<(), String> {
    for (at, table) in lab.tables.iter().enumerate() {
        let vpcs = lab.subnets.iter().filter(|subnet| subnet.table == Some(at)).map(|subnet| subnet.vpc);
        let edges =
            lab.internet.iter().filter(|internet| internet.table == Some(at)).map(|internet| internet.vpc);
        let Some(vpc) = vpcs.chain(edges).next() else { continue };
        let router = format!("v{vpc}");
        let own = lab.vpcs.get(vpc).ok_or("a VPC that is not there")?;
        batch.add(&router, format!("route add throw {own} table {}", 100 + at));
        for (net, target) in table {
            let to = match *target {
                Target::Internet => {
                    let gateway = lab.internet.iter().position(|internet| internet.vpc == vpc);
                    format!("via {OTHER} dev i{} onlink", gateway.ok_or("a gateway that is not attached")?)
                }
                Target::Nat(nat) => {
                    let address = lab.nats.get(nat).ok_or("a NAT gateway that is not there")?.address;
                    format!("via {address} dev n{nat} onlink")
                }
                Target::Wall(wall) => format!("via {OTHER} dev f{wall} onlink"),
                Target::Transit(transit) => {
                    let mine = |one: &super::lab::Attachment| one.transit == transit && one.vpc == vpc;
                    let attachment =
                        lab.attachments.iter().position(mine).ok_or("a VPC that is not attached")?;
                    format!("via {OTHER} dev a{attachment} onlink")
                }
                Target::Peering(peering) => {
                    let (a, _) = lab.peerings.get(peering).ok_or("a peering that is not there")?;
                    let other = if *a == vpc { "169.254.2.2" } else { "169.254.2.1" };
                    format!("via {other} dev p{peering} onlink")
                }
            };
            batch.add(&router, format!("route add {net} {to} table {}", 100 + at));
        }
    }
    Ok(())
}

/// Public addresses of a VPC with the private ones behind them.
fn translations(lab: &Lab, vpc: usize) -> Vec<(String, String)> {
    let within = |subnet: usize| lab.subnets.get(subnet).is_some_and(|subnet| subnet.vpc == vpc);
    let hosts = lab.hosts.iter().filter(|host| within(host.subnet)).map(|host| (host.public, host.address));
    let nats = lab.nats.iter().filter(|nat| within(nat.subnet)).map(|nat| (nat.public, nat.address));
    hosts
        .chain(nats)
        .filter_map(|(public, private)| Some((public?.to_string(), private.to_string())))
        .collect()
}

fn filters(lab: &Lab) -> Result<(), String> {
    let nft = |namespace: &str, text: &str| {
        let mut command = within(namespace, "nft");
        command.args(["-f", "-"]);
        feed(command, text)
    };
    for (at, host) in lab.hosts.iter().enumerate() {
        let groups: Vec<&Group> = host.groups.iter().filter_map(|group| lab.groups.get(*group)).collect();
        nft(&format!("h{at}"), &security_groups(lab, &groups))?;
    }
    for at in 0..lab.vpcs.len() {
        nft(&format!("v{at}"), &network_acls(lab, at))?;
    }
    // A NAT gateway drops what belongs to no connection that it has seen begin: Linux would pass it on as it is.
    for (at, nat) in lab.nats.iter().enumerate() {
        let mut command = within(&format!("n{at}"), "sysctl");
        command.args(["-qw", "net.netfilter.nf_conntrack_tcp_loose=0"]);
        feed(command, "")?;
        let text = format!(
            "table ip nat {{\nchain out {{\ntype nat hook postrouting priority 100\nsnat to {}\n}}\nchain own {{\n\
             type filter hook input priority 0\npolicy drop\nct state established,related accept\n}}\nchain begun {{\n\
             type filter hook forward priority 0\nct state invalid drop\n}}\n}}\n",
            nat.address
        );
        nft(&format!("n{at}"), &text)?;
    }
    for (at, internet) in lab.internet.iter().enumerate() {
        let pairs = translations(lab, internet.vpc);
        let map = |pairs: Vec<String>| if pairs.is_empty() { String::new() } else { pairs.join(", ") };
        let inward = map(pairs.iter().map(|(public, private)| format!("{public} : {private}")).collect());
        let outward = map(pairs.iter().map(|(public, private)| format!("{private} : {public}")).collect());
        let privates = map(pairs.iter().map(|(_, private)| private.clone()).collect());
        let text = if pairs.is_empty() {
            "table ip nat {\nchain pass {\ntype filter hook forward priority 0\npolicy drop\n}\n}\n"
                .to_owned()
        } else {
            format!(
                "table ip nat {{\nchain in {{\ntype nat hook prerouting priority -100\niifname \"world\" dnat to ip daddr map \
                 {{ {inward} }}\n}}\nchain out {{\ntype nat hook postrouting priority 100\noifname \"world\" snat to ip saddr \
                 map {{ {outward} }}\n}}\nchain pass {{\ntype filter hook forward priority 0\niifname \"vpc\" ip saddr != \
                 {{ {privates} }} drop\n}}\n}}\n"
            )
        };
        nft(&format!("i{at}"), &text)?;
    }
    for (at, one) in lab.walls.iter().enumerate() {
        let mut text = "*filter\n".to_owned();
        wall::iptables(one).iter().for_each(|line| text.push_str(&format!("{line}\n")));
        text.push_str("COMMIT\n");
        feed(within(&format!("f{at}"), "iptables-restore"), &text)?;
    }
    Ok(())
}

fn security_groups(lab: &Lab, groups: &[&Group]) -> String {
    let mut text = "table inet sg {\n".to_owned();
    for (chain, hook, link, side) in [("in", "input", "iif", "saddr"), ("out", "output", "oif", "daddr")] {
        text.push_str(&format!(
            "chain {chain} {{\ntype filter hook {hook} priority 0\npolicy drop\n{link} lo accept\n"
        ));
        text.push_str("ct state established,related accept\n");
        for rule in groups.iter().flat_map(|group| if chain == "in" { &group.ingress } else { &group.egress })
        {
            let (peers, unless): (Vec<Ipv4Net>, String) = match rule.peer {
                Peer::Net(net) => (vec![net], String::new()),
                Peer::Group(group) => {
                    let members = lab.hosts.iter().filter(|host| host.groups.contains(&group));
                    let unless =
                        if chain == "in" { format!("ip dscp != {FROM_WALL} ") } else { String::new() };
                    (members.map(|host| host.address.into()).collect(), unless)
                }
            };
            for peer in peers {
                text.push_str(&format!("ip {side} {peer} {unless}{} accept\n", service(rule.service)));
            }
        }
        text.push_str("}\n");
    }
    text.push_str("}\n");
    text
}

/// Protocol and port as nft writes them.
fn service(service: Service) -> String {
    match (service.protocol, service.ports) {
        (None, _) => String::new(),
        (Some(1), Some((kind, _))) => format!("icmp type {kind}"),
        (Some(protocol @ (6 | 17)), Some((first, last))) => {
            let name = if protocol == 6 { "tcp" } else { "udp" };
            format!("{name} dport {first}-{last}")
        }
        (Some(protocol), _) => format!("meta l4proto {protocol}"),
    }
}

fn network_acls(lab: &Lab, vpc: usize) -> String {
    let entries = |name: &str, entries: &[Entry]| {
        let mut text = format!("chain {name} {{\n");
        for (entry, side) in
            entries.iter().map(|entry| (entry, if name.ends_with("in") { "saddr" } else { "daddr" }))
        {
            let verdict = if entry.allow { "return" } else { "drop" };
            text.push_str(&format!("ip {side} {} {} {verdict}\n", entry.net, service(entry.service)));
        }
        text.push_str("drop\n}\n");
        text
    };
    let mut text = "table ip acl {\n".to_owned();
    for (at, Acl { ingress, egress }) in lab.acls.iter().enumerate() {
        text.push_str(&entries(&format!("acl{at}_in"), ingress));
        text.push_str(&entries(&format!("acl{at}_out"), egress));
    }
    text.push_str("chain pass {\ntype filter hook forward priority 0\n");
    // What comes out of a firewall is marked: references to groups do not hold for it.
    // Source: Amazon VPC User Guide, "Security group referencing".
    for at in lab
        .walls
        .iter()
        .enumerate()
        .filter(|(_, wall)| lab.subnets.get(wall.subnet).is_some_and(|at| at.vpc == vpc))
        .map(|(at, _)| at)
    {
        text.push_str(&format!("iifname \"f{at}\" ip dscp set {FROM_WALL}\n"));
    }
    for (at, subnet) in lab.subnets.iter().enumerate().filter(|(_, subnet)| subnet.vpc == vpc) {
        let Some(acl) = subnet.acl else { continue };
        let hosts = lab
            .hosts
            .iter()
            .enumerate()
            .filter(|(_, host)| host.subnet == at)
            .map(|(at, _)| format!("\"h{at}\""));
        let nats = lab
            .nats
            .iter()
            .enumerate()
            .filter(|(_, nat)| nat.subnet == at)
            .map(|(at, _)| format!("\"n{at}\""));
        let walls = lab
            .walls
            .iter()
            .enumerate()
            .filter(|(_, wall)| wall.subnet == at)
            .map(|(at, _)| format!("\"f{at}\""));
        let attached = lab
            .attachments
            .iter()
            .enumerate()
            .filter(|(_, one)| one.subnet == at)
            .map(|(at, _)| format!("\"a{at}\""));
        let links = hosts.chain(nats).chain(walls).chain(attached).collect::<Vec<_>>().join(", ");
        if links.is_empty() {
            continue;
        }
        text.push_str(&format!("iifname {{ {links} }} oifname != {{ {links} }} jump acl{acl}_out\n"));
        text.push_str(&format!("oifname {{ {links} }} iifname != {{ {links} }} jump acl{acl}_in\n"));
    }
    text.push_str("}\n}\n");
    text
}

/// How long Suricata may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

fn suricata(lab: &Lab, one: &Wall, at: usize, folder: &Path) -> Result<Child, String> {
    let path = |name: &str| folder.join(format!("{name}{at}"));
    let logs = path("logs");
    std::fs::create_dir_all(&logs).map_err(|error| error.to_string())?;
    let write = |path: &Path, text: &str| std::fs::write(path, text).map_err(|error| error.to_string());
    write(&path("rules"), &wall::rules(one)?)?;
    write(&path("yaml"), &wall::configuration(lab, one, &logs.to_string_lossy()))?;
    let said = path("said");
    let output = std::fs::File::create(&said).map_err(|error| error.to_string())?;
    let errors = output.try_clone().map_err(|error| error.to_string())?;
    let mut command = within(&format!("f{at}"), "suricata");
    command.arg("-c").arg(path("yaml")).arg("-S").arg(path("rules"));
    command.args(["-q", "0", "-k", "none", "--runmode", "workers", "-l"]).arg(&logs);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .map_err(|error| error.to_string())?;
    let start = Instant::now();
    loop {
        let text = std::fs::read_to_string(&said).unwrap_or_default();
        let ended = child.try_wait().map_err(|error| error.to_string())?.is_some();
        if ended || text.contains("error parsing") || start.elapsed() > PATIENCE {
            drop(child.kill());
            drop(child.wait());
            let rules = std::fs::read_to_string(path("rules")).unwrap_or_default();
            return Err(format!("Suricata does not start:\n{text}\nits rules:\n{rules}"));
        }
        if text.contains("Engine started") {
            return Ok(child);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
