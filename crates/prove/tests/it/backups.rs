//! Copies of backups that somebody may delete are none.

use catalog::Catalog;
use prove::{Date, Options, guarantees};

fn verdicts(vault: &str) -> (usize, Vec<String>) {
    let plan = "Resources:\n  Plan:\n    Type: AWS::Backup::BackupPlan\n    Properties:\n      BackupPlan:\n        BackupPlanName: daily\n        BackupPlanRule:\n          - RuleName: daily\n            TargetBackupVault: stores\n            CopyActions: [{DestinationBackupVaultArn: !ImportValue copies}]\n";
    let vault = format!(
        "Resources:\n  Copies:\n    Type: AWS::Backup::BackupVault\n    Properties: {vault}\nOutputs:\n  Copies: {{Value: !GetAtt Copies.BackupVaultArn, Export: {{Name: copies}}}}\n"
    );
    let (estate, _, diagnostics) = intake::from_texts(&[("copies.yaml", &vault), ("plan.yaml", plan)]);
    assert!(!diagnostics.has_errors());
    let one = guarantees::by_id("backups-copied").unwrap();
    let list: &'static [_] = Box::leak(Box::new([one]));
    let options = Options::on(Date::parse("2026-11-01").unwrap());
    let report = prove::check(&estate, list, Catalog::shared(), &options, &[]);
    let said = report.findings().map(|finding| format!("{} {:?}", finding.verdict.word(), finding.witness));
    (report.guarantees[0].proved.len(), said.collect())
}

#[test]
fn a_copy_counts_only_in_a_locked_vault() {
    let (proved, said) = verdicts("{BackupVaultName: copies, LockConfiguration: {MinRetentionDays: 35}}");
    assert_eq!((proved, said), (1, Vec::new()));
    let (proved, said) = verdicts("{BackupVaultName: copies}");
    assert!(proved == 0 && said[0].starts_with("violated") && said[0].contains("has no lock"), "{said:?}");
}
