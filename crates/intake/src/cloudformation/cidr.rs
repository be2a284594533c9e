//! `Fn::Cidr`: blocks of equal size cut out of a larger one.
//!
//! In: evaluated arguments. Out: the list of blocks, or nothing where an argument is not known.
//!
//! Source: AWS CloudFormation Template Reference, "Fn::Cidr": count 1 to 256; `cidrBits` is the number of host
//! bits, "the inverse of subnet mask": 8 makes a `/24`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use estate::{Kind, Value};

use super::compute::Fault;
use crate::BAD_CIDR;

/// The blocks of `[ipBlock, count, cidrBits]`.
pub fn blocks(arguments: &[Value]) -> Result<Option<Value>, Fault> {
    let (block, count, bits) = match arguments {
        [block, count, bits] => (block, count, bits),
        // What the default of `cidrBits` is, the reference does not say.
        _ => return Ok(None),
    };
    let fault = |text: String| Err(Fault::new(BAD_CIDR, text));
    let number = |value: &Value, what: &str| match (&value.kind, value.as_int()) {
        (_, Some(number)) => Ok(Some(number)),
        (
            Kind::String(_) | Kind::Bool(_) | Kind::Number(_) | Kind::List(_) | Kind::Map(_) | Kind::Null,
            None,
        ) => Err(Fault::new(
            BAD_CIDR,
            format!("the {what} of `Fn::Cidr` is not a whole number but {}", value.describe()),
        )),
        _ => Ok(None),
    };
    let (count, bits) = (number(count, "count")?, number(bits, "cidrBits")?);
    let text = match &block.kind {
        Kind::String(text) => text,
        Kind::Number(_) | Kind::Bool(_) | Kind::List(_) | Kind::Map(_) | Kind::Null => {
            return fault(format!("`Fn::Cidr` cuts up an address block, not {}", block.describe()));
        }
        _ => return Ok(None),
    };
    let Some((address, prefix)) = parse(text) else {
        return fault(format!("`{text}` is not an address block such as `10.0.0.0/16`"));
    };
    let (Some(count), Some(bits)) = (count, bits) else { return Ok(None) };
    let width = if address.is_ipv4() { 32 } else { 128 };
    if !(1..=256).contains(&count) {
        return fault(format!("`Fn::Cidr` cuts 1 to 256 blocks, not {count}"));
    }
    if !(1..=i64::from(width)).contains(&bits) {
        return fault(format!("`Fn::Cidr` takes 1 to {width} host bits, not {bits}"));
    }
    let (count, bits) = (u128::from(count.unsigned_abs()), u32::try_from(bits).unwrap_or(width));
    let host_bits = width - prefix;
    // Blocks of `bits` host bits in one of `host_bits`: 2^(host_bits - bits).
    let fits = bits <= host_bits && (host_bits - bits >= 9 || count <= 1 << (host_bits - bits));
    if !fits {
        return fault(format!("{count} blocks of {bits} host bits do not fit into `{text}`"));
    }
    let mask = if host_bits >= 128 { 0 } else { u128::MAX << host_bits };
    let base = match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) & mask,
        IpAddr::V6(v6) => v6.to_bits() & mask,
    };
    let made = (0..count).map(|at| {
        let start = if bits >= 128 { base } else { base + (at << bits) };
        let address = match address {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(start).unwrap_or(u32::MAX))),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(start)),
        };
        Value::from(format!("{address}/{}", width - bits))
    });
    Ok(Some(Value::new(Kind::List(made.collect()))))
}

fn parse(text: &str) -> Option<(IpAddr, u32)> {
    let (address, prefix) = text.trim().split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let prefix: u32 = prefix.parse().ok()?;
    (prefix <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, prefix))
}
