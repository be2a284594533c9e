//! Protocol names of rules and the transports that carry them.
//!
//! Source: Suricata User Guide 7.0, "Rules Format", "Protocol"; AWS Network Firewall API Reference, "Header".

/// A protocol name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Protocol {
    /// IANA numbers of the transports; empty: every protocol.
    pub transports: &'static [u8],
    /// Whether packets must have been recognised as an application protocol.
    pub application: bool,
    /// Only IPv4 (4) or IPv6 (6), where the name says so.
    pub family: Option<u8>,
    /// Only packets with data.
    pub data: bool,
}

const TCP: &[u8] = &[6];
const UDP: &[u8] = &[17];
const BOTH: &[u8] = &[6, 17];

/// What a protocol name means; `None`: there is none of that name.
pub(super) fn of(name: &str) -> Option<Protocol> {
    let plain = |transports| Protocol { transports, application: false, family: None, data: false };
    let over = |transports| Protocol { transports, application: true, family: None, data: true };
    Some(match name {
        "ip" | "pkthdr" => plain(&[]),
        "ipv4" | "ip4" => Protocol { family: Some(4), ..plain(&[]) },
        "ipv6" | "ip6" => Protocol { family: Some(6), ..plain(&[]) },
        "tcp" => plain(TCP),
        "tcp-pkt" | "tcp-stream" => Protocol { data: true, ..plain(TCP) },
        "udp" => plain(UDP),
        "icmp" => plain(&[1, 58]),
        "icmpv4" => plain(&[1]),
        "icmpv6" => plain(&[58]),
        "http" | "http1" | "http2" | "tls" | "ssl" | "ssh" | "ftp" | "ftp-data" | "smtp" | "imap"
        | "pop3" | "smb" | "msn" | "rdp" | "rfb" | "mqtt" | "telnet" | "modbus" | "dnp3" | "pgsql"
        | "websocket" | "ldap" => over(TCP),
        "ntp" | "tftp" | "dhcp" | "ike" | "ikev2" | "snmp" | "quic" | "bittorrent-dht" => over(UDP),
        "dns" | "dcerpc" | "krb5" | "nfs" | "sip" | "enip" => over(BOTH),
        _ => return None,
    })
}

/// The number of a protocol as `ip_proto` names it.
///
/// Source: IANA, "Protocol Numbers".
pub(super) fn number(name: &str) -> Option<u8> {
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    Some(match name.to_ascii_lowercase().as_str() {
        "icmp" => 1,
        "igmp" => 2,
        "tcp" => 6,
        "udp" => 17,
        "ipv6" => 41,
        "gre" => 47,
        "esp" => 50,
        "ah" => 51,
        "icmpv6" | "ipv6-icmp" => 58,
        "ospf" => 89,
        "pim" => 103,
        "vrrp" => 112,
        "l2tp" => 115,
        "sctp" => 132,
        _ => return None,
    })
}
