//! The network of estates, held against what AWS documents and what was recorded of it.

mod attack;
mod firewall;
mod inspection;
mod networks;
mod probes;
mod suricata;
