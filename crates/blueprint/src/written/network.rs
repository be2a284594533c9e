//! The network as it is written: the address plan, the hub, offices, and approved flows.

use crate::Spanned;
use crate::cidr::Cidr;
use crate::reader::{Many, Named};
use crate::record::{choice, record};
use crate::scalars::{Address, DomainPattern, Number, Text, Word};

record! {
    /// The address plan: one space from which every network takes a block, without overlap, for good.
    pub struct Network "network" {
        /// The space. Every environment takes one block of it in each region.
        addresses as "addresses": Option<Spanned<Cidr>> = "10.0.0.0/8",
        /// The prefix length of an environment's block, 16 (65,536 addresses) to 22 (1,024).
        vpc_size as "vpc-size": Option<Spanned<Number<16, 22>>> = 16,
        /// Ranges of the space that are in use elsewhere, such as in offices; nothing is allocated there.
        reserved as "reserved": Many<Cidr>,
        /// One way in and out for all accounts: a Transit Gateway, a Network Firewall and the only internet gateway.
        hub as "hub": Option<Spanned<Hub>>,
        /// Offices, by name, each joined to the hub.
        offices as "offices": Named<Office>,
    }
    planned {
        "vpn": "client VPN with per-user authorization",
        "peering": "peered networks that can be cut at once",
        "endpoints": "central interface endpoints with policies",
        "resolver": "Route 53 Resolver rules and DNS Firewall",
    }
}

record! {
    /// The hub of the network, in an account of its own. Every packet between the internet and any account crosses its
    /// firewall, and environments reach each other only as `flows` say.
    pub struct Hub "the hub" {
        /// The account that holds it.
        account as "account": Option<Spanned<Word>> = "network",
        /// Domains that every workload of every environment may call over TLS: `api.example.com`, or `.example.com` for
        /// all names beneath it.
        allow as "allow": Many<DomainPattern>,
        /// Whether the firewall looks into TLS. It judges by the name that is asked for otherwise.
        inspect_tls as "inspect-tls": Option<Spanned<bool>> = "no",
    }
    planned {}
}

record! {
    /// An office.
    pub struct Office "an office" {
        /// Its name for people.
        title as "title": Option<Spanned<Text>>,
        /// The public address of its VPN device.
        address as "address": Spanned<Address>,
        /// The networks behind it.
        networks as "networks": Many<Cidr>,
        /// How it is joined.
        by as "by": Option<Spanned<Way>> = "vpn",
    }
    planned {}
}

choice! {
    /// How an office is joined.
    pub enum Way "a way to join an office" {
        /// A site-to-site VPN of two tunnels.
        Vpn = "vpn",
    }
    planned {
        "direct-connect": "a line of its own",
    }
}

record! {
    /// An approved way from somebody to something.
    pub struct Flow "a flow" {
        /// Who begins: an environment, a unit, `environment/workload`, `offices` or `offices/name`.
        from as "from": Spanned<Word>,
        /// What is reached: `environment/workload`, `environment/store`, an environment or unit (what is
        /// `reached-from: inside` there), `offices/name`, or `internet`.
        to as "to": Spanned<Word>,
        /// The port or ports. Default: 443, or the port of the database.
        on as "on": Many<Number<1, 65535>>,
        /// The domains on the internet: `api.example.com`, or `.example.com` for all names beneath it.
        domains as "domains": Many<DomainPattern>,
        /// Why it is approved; for people.
        because as "because": Option<Spanned<Text>>,
    }
    planned {}
}
