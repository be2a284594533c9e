//! Asking what something means.

use crate::run::Folder;

#[test]
fn everything_that_can_be_listed_can_be_explained() {
    let folder = Folder::new();
    let all = folder.steward("explain --format json").ends_with(0).json();
    for (list, key) in [("guarantees", "id"), ("codes", "code")] {
        let items = all[list].as_array().unwrap();
        assert!(items.len() > 30);
        // One of ten, so that the test is quick; which ones follows from the list.
        for item in items.iter().step_by(10) {
            let name = item[key].as_str().unwrap();
            folder
                .run(&["explain", name], &[])
                .ends_with(0)
                .says(item["title"].as_str().unwrap().get(1..9).unwrap());
        }
    }
}

#[test]
fn a_control_lists_what_serves_it() {
    Folder::new().run(&["explain", "cc6.1"], &[]).ends_with(0).says("SOC 2 CC6.1").says("key-rotation");
}

#[test]
fn a_misspelt_name_gets_a_suggestion() {
    Folder::new()
        .steward("explain key-rotatoin")
        .ends_with(2)
        .says("STW0008")
        .says("did you mean `key-rotation`?");
}

#[test]
fn a_resource_is_traced_to_the_line_that_asked_for_it() {
    let folder = Folder::new();
    folder.steward("init").ends_with(0);
    let report = folder.steward("build -o out").ends_with(0);
    assert_eq!(report.status, 0);
    let manifest: serde_json::Value = serde_json::from_str(&folder.read("out/manifest.json")).unwrap();
    let template = manifest["stacks"].as_array().unwrap().iter().find_map(|stack| {
        let path = stack["template"].as_str().or(stack["path"].as_str())?;
        let text: serde_json::Value = serde_json::from_str(&folder.read(&format!("out/{path}"))).ok()?;
        let buckets =
            text["Resources"].as_object()?.iter().find(|(_, one)| one["Type"] == "AWS::S3::Bucket")?;
        Some(buckets.0.clone())
    });
    let bucket = template.unwrap();
    let run = folder.steward(&format!("explain {bucket} .")).ends_with(0);
    run.says("because of estate.yaml:").says("AWS::S3::Bucket").says("proved").says("HIPAA");
    folder.steward("explain NoSuchThing .").ends_with(2).says("STW0008");
}

#[test]
fn a_framework_lists_its_controls() {
    Folder::new().run(&["explain", "SOC2"], &[]).ends_with(0).says("CC6.1").says("key-rotation");
    Folder::new().run(&["explain", "hipa"], &[]).ends_with(2).says("did you mean `hipaa`?");
}

#[test]
fn a_topic_is_told_to_programs_too_or_refused() {
    let folder = Folder::new();
    folder.steward("init").ends_with(0);
    for (topic, kind) in
        [("key-rotation", "guarantee"), ("bp0104", "code"), ("CC6.1", "control"), ("cis", "framework")]
    {
        let told = folder.steward(&format!("explain {topic} --format json")).ends_with(0).json();
        assert_eq!((&told["topic"], &told["kind"]), (&topic.into(), &kind.into()));
        assert!(told["text"].as_str().unwrap().len() > 40);
    }
    for topics in ["", " key-rotation", " Vpc ."] {
        folder.steward(&format!("explain{topics} --format sarif")).ends_with(2).says("STW0012");
    }
}
