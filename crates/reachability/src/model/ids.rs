//! Positions in the arenas of a [`super::Network`]. A position says nothing without the network it comes from.

macro_rules! positions {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// The position as an index.
            #[must_use]
            pub fn at(self) -> usize {
                self.0 as usize
            }

            /// From an index; a network has fewer than 2³² of anything, more saturate to a position of nothing.
            #[must_use]
            pub fn from_position(at: usize) -> Self {
                Self(u32::try_from(at).unwrap_or(u32::MAX))
            }
        }
    )*};
}

positions! {
    /// A VPC.
    VpcId;
    /// A subnet.
    SubnetId;
    /// A network interface.
    InterfaceId;
    /// What interfaces belong to.
    HostId;
    /// A security group.
    GroupId;
    /// A network ACL.
    AclId;
    /// A route table of a VPC.
    RouteTableId;
    /// An internet, egress-only or virtual private gateway.
    GatewayId;
    /// A NAT gateway.
    NatId;
    /// A VPC peering connection.
    PeeringId;
    /// A transit gateway.
    TransitGatewayId;
    /// An attachment of a transit gateway.
    AttachmentId;
    /// A route table of a transit gateway.
    TransitTableId;
    /// A network outside AWS.
    OfficeId;
    /// A VPC endpoint.
    EndpointId;
    /// A load balancer.
    BalancerId;
    /// A network firewall.
    FirewallId;
    /// Something not known.
    UnknownId;
}
