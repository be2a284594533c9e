//! What is recorded of who reads and writes data.

use design::Lock;
use estate::Value;

use crate::source;

/// The selectors of the trail of data events, as text, and what was said.
fn selectors(text: &str) -> (Option<String>, Vec<String>) {
    let (design, said) = source::try_compile(text, &Lock::default());
    let design = design.unwrap();
    let trail = design.estate.stacks().find_map(|(_, stack)| stack.resources.get("DataTrail"));
    let list = trail.map(|trail| trail.properties.get("AdvancedEventSelectors").unwrap().as_items());
    let count = |items: &[Value]| {
        let fields = items.iter().flat_map(|item| item.get("FieldSelectors").unwrap().as_items());
        let arns = fields.filter(|field| field.get("Field").and_then(Value::as_str) == Some("resources.ARN"));
        let of = |field: &Value, name: &str| field.get(name).map_or(0, |list| list.as_items().len());
        let each = arns.map(|field| {
            format!("{}+{}-{}", of(field, "StartsWith"), of(field, "Equals"), of(field, "NotStartsWith"))
        });
        format!("{} selectors: {}", items.len(), each.collect::<Vec<_>>().join(" "))
    };
    (list.map(count), said)
}

#[test]
fn only_real_data_of_the_class_is_recorded() {
    let one = Some("1 selectors: 1+0-0".to_owned());
    assert_eq!(selectors(source::SMALL), (one, Vec::new()));
    let more = format!("{}logs: {{ data-events: personal }}\n", source::SMALL);
    assert_eq!(selectors(&more), (Some("2 selectors: 1+0-0 0+1-0".to_owned()), Vec::new()));
    let none = "logs: { data-events: nowhere, because: The vendor records it. }\n";
    assert_eq!(selectors(&format!("{}{none}", source::SMALL)).0, None);
    let staging = source::SMALL.replace("production: { tier: production }", "production: { tier: staging }");
    assert_eq!(selectors(&staging).0, None, "what is synthetic is not recorded");
}

#[test]
fn more_than_a_template_can_name_is_recorded_as_a_whole() {
    let mut stores = String::from("stores:\n");
    for number in 0..197 {
        stores.push_str(&format!("  s{number}: {{ kind: bucket, contains: phi }}\n"));
    }
    let many = source::SMALL.replace("stores:\n", &stores);
    let (found, said) = selectors(&many);
    assert_eq!(found, Some("1 selectors: 0+0-2".to_owned()));
    assert!(said.len() == 1 && said[0].starts_with("DSN0010"), "{said:?}");
}
