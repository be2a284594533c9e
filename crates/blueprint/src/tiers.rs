//! What each tier of environment decides, as a table. `docs/blueprint.md` shows the same table.

use crate::model::TierDefaults;
use crate::scalars::Copies;
use crate::written::{Size, Tier};

/// The defaults of a tier.
#[must_use]
pub fn defaults(tier: Tier) -> TierDefaults {
    match tier {
        Tier::Production => TierDefaults {
            zones: 3,
            copies: Copies { least: 3, most: 12 },
            size: Size::Medium,
            standby: true,
            backup_days: 35,
            deletion_protection: true,
            log_days: 365,
            real_data: true,
            populated: true,
        },
        Tier::Staging => TierDefaults {
            zones: 2,
            copies: Copies { least: 1, most: 4 },
            size: Size::Small,
            standby: false,
            backup_days: 14,
            deletion_protection: true,
            log_days: 365,
            real_data: false,
            populated: true,
        },
        Tier::Development => TierDefaults {
            zones: 2,
            copies: Copies { least: 1, most: 2 },
            size: Size::Small,
            standby: false,
            backup_days: 7,
            deletion_protection: false,
            log_days: 365,
            real_data: false,
            populated: true,
        },
        Tier::Sandbox => TierDefaults {
            zones: 2,
            copies: Copies { least: 1, most: 1 },
            size: Size::Small,
            standby: false,
            backup_days: 1,
            deletion_protection: false,
            log_days: 365,
            real_data: false,
            populated: false,
        },
    }
}
