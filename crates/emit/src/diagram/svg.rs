//! A [`Map`] as SVG.
//!
//! Layout: the internet and offices at the top, the inspection they pass below, then a band for each unit with its
//! accounts as cards, joined by the transit gateway's spine at the left; what passes between units runs in lanes at the
//! right, each in a column of its own so that no two lie on each other. Sizes are in pixels; text is measured by
//! the number of its columns, with widths that hold for common sans-serif fonts.

use std::fmt::Write as _;

use super::{Account, Map, Tier, Unit, Vpc};

/// The widest that a map is.
const WIDEST: usize = 1720;
const MARGIN: usize = 32;
const SPINE: usize = 56;
const LEFT: usize = 92;
const CARD: usize = 288;
const GAP: usize = 16;
const LINE: usize = 17;
const LANE: usize = 24;
/// Names of hosts that a tier shows before it counts the rest.
const HOSTS: usize = 3;
/// Incoming flows that a card shows before it counts the rest.
const INCOMING: usize = 6;
/// Flows between units that are drawn; the rest is counted.
const LANES: usize = 14;

const STYLE: &str = "\
:root{color-scheme:light dark}\
svg{--bg:#fbfcfe;--ink:#16202e;--dim:#5a6779;--line:#c9d2de;--unit:#f0f4f9;--card:#fff;--ok:#147a4b;--okbg:#e3f4ea;\
--may:#9a5b00;--maybg:#fdf0d8;--door:#b3261e;--doorbg:#fde7e4;--tgw:#5b4bb7;--gateway:#dcebfd;--application:#e4f1e6;\
--data:#fbe7ee;--other:#eceff4}\
@media(prefers-color-scheme:dark){svg{--bg:#10161f;--ink:#e7edf5;--dim:#9aa8ba;--line:#334155;--unit:#172131;\
--card:#1e2a3c;--ok:#6fd6a1;--okbg:#173828;--may:#f3bd63;--maybg:#3d2e12;--door:#ff9d94;--doorbg:#46201d;--tgw:#a99cff;\
--gateway:#1d3657;--application:#1d3a2a;--data:#4a2433;--other:#2a3545}}\
text{font-family:system-ui,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:12px;fill:var(--ink)}\
.t{font-size:22px;font-weight:650}.h{font-size:14px;font-weight:650}.d{fill:var(--dim)}.s{font-size:11px}\
.b{font-weight:600}.ok{fill:var(--ok)}.may{fill:var(--may)}.door{fill:var(--door)}.tgw{fill:var(--tgw)}\
.unit{fill:var(--unit);stroke:var(--line)}.card{fill:var(--card);stroke:var(--line)}\
.gateway,.public{fill:var(--gateway)}.application,.private{fill:var(--application)}.data{fill:var(--data)}\
.other{fill:var(--other)}.okc{fill:var(--okbg)}.mayc{fill:var(--maybg)}.doorc{fill:var(--doorbg)}\
.lok{stroke:var(--ok)}.lmay{stroke:var(--may);stroke-dasharray:5 4}.ltgw{stroke:var(--tgw)}.ldoor{stroke:var(--door)}\
.l{fill:none;stroke-width:1.8}.sp{stroke-width:5;stroke-linecap:round}";

/// What is being drawn.
struct Canvas {
    out: String,
}

impl Canvas {
    fn rect(&mut self, class: &str, (x, y): (usize, usize), (w, h): (usize, usize), radius: usize) {
        let _ = writeln!(
            self.out,
            r#"<rect class="{class}" x="{x}" y="{y}" width="{w}" height="{h}" rx="{radius}"/>"#
        );
    }

    /// Text, cut to a number of columns; the whole stands in its title.
    fn text(&mut self, class: &str, (x, y): (usize, usize), columns: usize, text: &str) {
        let cut = cut(text, columns);
        let title = if cut == text { String::new() } else { format!("<title>{}</title>", escaped(text)) };
        let _ =
            writeln!(self.out, r#"<text class="{class}" x="{x}" y="{y}">{title}{}</text>"#, escaped(&cut));
    }

    fn path(&mut self, class: &str, d: &str, arrow: Option<&str>) {
        let marker = arrow.map_or_else(String::new, |name| format!(r#" marker-end="url(#{name})""#));
        let _ = writeln!(self.out, r#"<path class="l {class}" d="{d}"{marker}/>"#);
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(columns.saturating_sub(1)).collect();
    out.push('…');
    out
}

impl Map {
    /// The map as SVG.
    #[must_use]
    pub fn svg(&self) -> String {
        let lanes = self.drawn();
        let right = lanes * LANE + if lanes > 0 { 40 } else { 0 };
        // As wide as the fullest unit needs, within what four or fewer cards take.
        let most = self.units.iter().map(|unit| unit.accounts.len()).max().unwrap_or(0);
        let per_row = ((WIDEST - LEFT - MARGIN - right - GAP) / (CARD + GAP)).min(most).max(2);
        let inner = GAP + per_row * (CARD + GAP);
        let width = LEFT + inner + right + MARGIN;
        let mut canvas = Canvas { out: String::new() };
        let top = self.head(&mut canvas, inner);
        let mut y = top;
        let mut bands: Vec<(String, usize, usize)> = Vec::new();
        for unit in &self.units {
            let height = unit_height(unit, per_row);
            draw_unit(&mut canvas, unit, (LEFT, y), (inner, height), per_row);
            if self.transit && unit.accounts.iter().flat_map(|account| &account.vpcs).any(|vpc| vpc.attached)
            {
                canvas.path("ltgw", &format!("M{SPINE} {} H{LEFT}", y + 24), None);
            }
            bands.push((unit.name.clone(), y, height));
            y += height + GAP;
        }
        if self.transit {
            let first = top.saturating_sub(30);
            canvas.path("ltgw sp", &format!("M{SPINE} {first} V{}", y.saturating_sub(GAP + 8)), None);
            let (x, at) = (SPINE - 12, top + 10);
            let _ = writeln!(
                canvas.out,
                r#"<text class="s b tgw" x="{x}" y="{at}" transform="rotate(-90 {x} {at})" text-anchor="end">Transit Gateway</text>"#
            );
        }
        self.lanes(&mut canvas, &bands, LEFT + inner);
        y = self.between(&mut canvas, y + 4, inner + right);
        y = legend(&mut canvas, y + 8, width);
        let height = y + MARGIN;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\" aria-label=\"{}\">\n<style>{STYLE}</style>\n<defs>{}</defs>\n\
             <rect width=\"{width}\" height=\"{height}\" style=\"fill:var(--bg)\"/>\n{}</svg>\n",
            escaped(&format!("Network map of {}", self.title)),
            ["ok", "may", "door"]
                .map(|name| format!(
                    "<marker id=\"{name}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
                     orient=\"auto-start-reverse\"><path class=\"{name}\" d=\"M0 0 8 4 0 8z\"/></marker>"
                ))
                .concat(),
            canvas.out
        )
    }

    /// Title, the outside and the inspection; returns where units begin.
    fn head(&self, canvas: &mut Canvas, inner: usize) -> usize {
        canvas.text("t", (MARGIN, 44), 60, &self.title);
        let accounts: usize = self.units.iter().map(|unit| unit.accounts.len()).sum();
        let vpcs: usize =
            self.units.iter().flat_map(|unit| &unit.accounts).map(|account| account.vpcs.len()).sum();
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let says = format!(
            "{accounts} account{} with a network · {vpcs} VPC{} · who reaches whom, proved for all packets",
            plural(accounts),
            plural(vpcs)
        );
        canvas.text("d", (MARGIN, 66), 140, &says);
        let y = 84;
        canvas.rect("doorc", (LEFT, y), (inner, 40), 10);
        canvas.text("h door", (LEFT + 16, y + 25), 20, "Internet");
        let mut x = LEFT + 110;
        for office in self.offices.iter().take(5) {
            let width = 36 + 8 * office.chars().count().min(22);
            if x + width + GAP > LEFT + inner {
                break;
            }
            canvas.rect("card", (x, y + 6), (width, 28), 14);
            canvas.text("b", (x + 16, y + 25), 22, office);
            x += width + 8;
        }
        let mut next = y + 40;
        if !self.firewalls.is_empty() {
            let bar = next + 22;
            canvas.path("ldoor", &format!("M{} {next} V{}", LEFT + 75, bar - 2), Some("door"));
            canvas.rect("card", (LEFT, bar), (inner, 34), 6);
            let names: Vec<String> =
                self.firewalls.iter().map(|(name, vpc)| format!("{name} in {vpc}")).collect();
            canvas.text("b", (LEFT + 16, bar + 22), 18, "Network Firewall");
            canvas.text("d", (LEFT + 134, bar + 22), (inner - 150) / 7, &names.join(" · "));
            if self.transit {
                canvas.path("ltgw", &format!("M{LEFT} {} H{SPINE} V{}", bar + 17, bar + 40), None);
            }
            next = bar + 34;
        }
        next + 24
    }

    /// How many flows have a line: those to services of AWS, which stand last, are only listed, as they have no place here.
    fn drawn(&self) -> usize {
        self.flows.iter().take_while(|flow| !flow.is_to_service()).count().min(LANES)
    }

    /// What passes between units, each in a lane of its own.
    fn lanes(&self, canvas: &mut Canvas, bands: &[(String, usize, usize)], x: usize) {
        let mut used: Vec<usize> = vec![0; bands.len() + 1];
        let mut anchor = |name: &str| -> usize {
            // Accounts without a unit stand in one band, and go by their own names.
            let is_in = |unit: &Unit| {
                unit.name == name
                    || (unit.name.is_empty() && unit.accounts.iter().any(|account| account.name == name))
            };
            let at = self.units.iter().position(is_in);
            let slot = used.get_mut(at.map_or(0, |at| at + 1)).map_or(0, |count| {
                *count += 1;
                *count
            });
            match at.and_then(|at| bands.get(at)) {
                Some((_, y, height)) => y + 14 + (slot * 13) % height.saturating_sub(24).max(1),
                None => 84 + 6 + (slot * 6) % 30,
            }
        };
        for (lane, flow) in self.flows.iter().take(self.drawn()).enumerate() {
            let (from, to) = (anchor(&flow.from), anchor(&flow.to));
            let (line, arrow) = if flow.certain { ("lok", "ok") } else { ("lmay", "may") };
            let lane_x = x + 22 + lane * LANE;
            canvas.path(line, &format!("M{x} {from} H{lane_x} V{to} H{}", x + 3), Some(arrow));
            let number = lane + 1;
            let middle = usize::midpoint(from, to);
            let _ = writeln!(
                canvas.out,
                r#"<circle class="card" cx="{lane_x}" cy="{middle}" r="9"/><text class="s b {arrow}" x="{lane_x}" y="{}" text-anchor="middle">{number}</text>"#,
                middle + 4
            );
        }
    }

    /// The numbered flows in words; returns where they end.
    fn between(&self, canvas: &mut Canvas, mut y: usize, width: usize) -> usize {
        if self.flows.is_empty() {
            canvas.text("d", (LEFT, y + 18), 120, "Nothing passes between units, the internet and offices.");
            return y + 30;
        }
        y += 18;
        canvas.text("h", (LEFT, y), 60, "What passes between units");
        let half = width / 2;
        let columns = (half - 60) / 7;
        for (at, flow) in self.flows.iter().enumerate() {
            let (column, row) = (at % 2, at / 2);
            let (x, line) = (LEFT + column * half, y + 20 + row * LINE);
            let class = if flow.certain { "ok" } else { "may" };
            let number = if at < self.drawn() { (at + 1).to_string() } else { "·".to_owned() };
            canvas.text(&format!("b {class}"), (x, line), 3, &number);
            canvas.text("", (x + 24, line), columns, &format!("{} → {}: {}", flow.from, flow.to, flow.says));
        }
        y + 20 + self.flows.len().div_ceil(2) * LINE
    }
}

fn tier_height(tier: &Tier) -> usize {
    let shown = tier.hosts.len().min(HOSTS) + usize::from(tier.hosts.len() > HOSTS);
    24 + shown * 15
}

fn vpc_height(vpc: &Vpc) -> usize {
    44 + vpc.tiers.iter().map(|tier| tier_height(tier) + 4).sum::<usize>()
}

fn account_height(account: &Account) -> usize {
    let shown = account.incoming.len().min(INCOMING) + usize::from(account.incoming.len() > INCOMING);
    34 + account.vpcs.iter().map(vpc_height).sum::<usize>() + if shown > 0 { 12 + shown * 22 } else { 4 }
}

fn unit_height(unit: &Unit, per_row: usize) -> usize {
    let rows = unit.accounts.chunks(per_row);
    36 + rows.map(|row| row.iter().map(account_height).max().unwrap_or(0) + GAP).sum::<usize>()
}

fn draw_unit(
    canvas: &mut Canvas,
    unit: &Unit,
    (x, y): (usize, usize),
    (width, height): (usize, usize),
    per_row: usize,
) {
    canvas.rect("unit", (x, y), (width, height), 10);
    let name = if unit.name.is_empty() { "Accounts" } else { &unit.name };
    canvas.text("h", (x + GAP, y + 25), 60, name);
    let mut row_y = y + 36;
    for row in unit.accounts.chunks(per_row) {
        let tallest = row.iter().map(account_height).max().unwrap_or(0);
        for (column, account) in row.iter().enumerate() {
            draw_account(canvas, account, (x + GAP + column * (CARD + GAP), row_y), tallest);
        }
        row_y += tallest + GAP;
    }
}

fn draw_account(canvas: &mut Canvas, account: &Account, (x, y): (usize, usize), height: usize) {
    canvas.rect("card", (x, y), (CARD, height), 8);
    canvas.text("h", (x + 12, y + 23), 32, &account.name);
    let mut at = y + 34;
    for vpc in &account.vpcs {
        at = draw_vpc(canvas, vpc, (x + 12, at));
    }
    if account.incoming.is_empty() {
        return;
    }
    at += 6;
    for incoming in account.incoming.iter().take(INCOMING) {
        let (chip, ink) = if incoming.from == "internet" || incoming.from.starts_with("door ") {
            ("doorc", "door")
        } else if incoming.certain {
            ("okc", "ok")
        } else {
            ("mayc", "may")
        };
        canvas.rect(chip, (x + 12, at), (CARD - 24, 19), 9);
        let sign = if incoming.certain { "●" } else { "◐" };
        let says = format!("{sign} from {}: {}", incoming.from, incoming.says);
        canvas.text(&format!("s {ink}"), (x + 20, at + 13), 42, &says);
        at += 22;
    }
    if account.incoming.len() > INCOMING {
        let more = format!("and from {} others", account.incoming.len() - INCOMING);
        canvas.text("s d", (x + 20, at + 13), 42, &more);
    }
}

fn draw_vpc(canvas: &mut Canvas, vpc: &Vpc, (x, y): (usize, usize)) -> usize {
    canvas.text("b s", (x, y + 12), 26, &vpc.name);
    let blocks =
        if vpc.region.is_empty() { vpc.blocks.clone() } else { format!("{} · {}", vpc.blocks, vpc.region) };
    canvas.text("s d", (x, y + 27), 34, &blocks);
    let mut badge_x = x + CARD - 24;
    for (shown, name, class, back) in [
        (vpc.internet_gateway, "IGW", "door", "doorc"),
        (vpc.attached, "TGW", "tgw", "other"),
        (vpc.inspects, "FW", "door", "doorc"),
    ] {
        if shown {
            let width = 12 + 8 * name.len();
            badge_x -= width;
            canvas.rect(back, (badge_x, y), (width, 16), 8);
            canvas.text(&format!("s b {class}"), (badge_x + 6, y + 12), 5, name);
            badge_x -= 4;
        }
    }
    let mut at = y + 34;
    for tier in &vpc.tiers {
        let class = match tier.name.as_str() {
            known @ ("gateway" | "public" | "application" | "private" | "data") => known,
            _ => "other",
        };
        let height = tier_height(tier);
        canvas.rect(class, (x, at), (CARD - 24, height), 4);
        let name = if tier.name.is_empty() { "other subnets" } else { &tier.name };
        canvas.text("s b", (x + 8, at + 16), 20, name);
        let subnets = format!("{} subnet{}", tier.subnets, if tier.subnets == 1 { "" } else { "s" });
        let _ = writeln!(
            canvas.out,
            r#"<text class="s d" x="{}" y="{}" text-anchor="end">{subnets}</text>"#,
            x + CARD - 32,
            at + 16
        );
        for (line, host) in tier.hosts.iter().take(HOSTS).enumerate() {
            canvas.text("s", (x + 8, at + 31 + line * 15), 40, host);
        }
        if tier.hosts.len() > HOSTS {
            let more = format!("and {} more", tier.hosts.len() - HOSTS);
            canvas.text("s d", (x + 8, at + 31 + HOSTS * 15), 40, &more);
        }
        at += height + 4;
    }
    at + 10
}

fn legend(canvas: &mut Canvas, y: usize, end: usize) -> usize {
    let (mut x, mut y) = (LEFT, y);
    for (class, name) in [
        ("okc", "● certainly reaches, with answers"),
        ("mayc", "◐ depends on something unknown"),
        ("doorc", "from the internet"),
        ("gateway", "gateway or public tier"),
        ("application", "application or private tier"),
        ("data", "data tier"),
    ] {
        let wide = 44 + name.chars().count() * 6;
        if x + wide > end {
            (x, y) = (LEFT, y + 22);
        }
        canvas.rect(class, (x, y), (14, 14), 4);
        canvas.text("s d", (x + 20, y + 11), 50, name);
        x += wide;
    }
    y += 18;
    for (line, text) in [
        "Of every pair that is not listed it is proved that no packet is answered.",
        "IGW: an internet gateway that a route leads to. TGW: attached to a transit gateway. FW: firewall endpoints.",
    ]
    .into_iter()
    .enumerate()
    {
        canvas.text("s d", (LEFT, y + 18 + line * LINE), 140, text);
    }
    y + 18 + LINE
}
