//! What becomes of files on the disk.

use std::fs;
use std::path::PathBuf;

use diagnostics::{Diagnostics, SourceMap};
use intake::cloudformation::{Options, Outcome, read_files};

/// An empty folder of its own for a test.
fn folder(name: &str) -> PathBuf {
    let path =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("intake-{name}-{}", std::process::id()));
    fs::remove_dir_all(&path).ok();
    fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn every_file_is_read_refused_or_skipped_and_that_is_said() {
    let root = folder("outcomes");
    let write = |name: &str, bytes: &[u8]| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    write("b.yaml", b"Resources: {B: {Type: AWS::S3::Bucket}}");
    write("a/c.json", b"{\"Resources\": {\"B\": {\"Type\": \"AWS::S3::Bucket\"}}}");
    write("broken.yaml", b"AWSTemplateFormatVersion: 2010-09-09\nResources: [\n");
    write("chart.yaml", b"a: {{ .Values.x }}\n{{- if y }}\n");
    write("pod.yaml", b"apiVersion: v1\nkind: Pod\n");
    write("main.tf", b"resource \"aws_s3_bucket\" \"b\" {}\n");
    write("latin.yaml", b"Description: caf\xe9\n");
    write("notes.txt", b"nothing");
    write("node_modules/x.yaml", b"Resources: {B: {Type: AWS::S3::Bucket}}");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&root, root.join("loop")).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("out")).unwrap();
    }
    let mut diagnostics = Diagnostics::new();
    let files = intake::files::walk(std::slice::from_ref(&root), &mut diagnostics);
    let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["a/c.json", "b.yaml", "broken.yaml", "chart.yaml", "main.tf", "pod.yaml"]);
    let codes: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.code.0).collect();
    assert_eq!(codes, if cfg!(unix) { vec!["DOC0005", "CFN0003"] } else { vec!["DOC0005"] });
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let reading = read_files(&files, &Options::default(), &mut sources, &mut diagnostics);
    use Outcome::{Read, Refused, Skipped};
    assert_eq!(reading.outcomes, [Read, Read, Refused, Skipped, Skipped, Skipped]);
    let mut codes: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.code.0).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["CFN0002", "CFN0002", "CFN0044", "DOC0001"]);
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn nothing_to_read_is_an_error() {
    let (_, _, diagnostics) = intake::from_texts(&[("pod.yaml", "apiVersion: v1\nkind: Pod\n")]);
    assert!(diagnostics.iter().any(|diagnostic| diagnostic.code == intake::NO_TEMPLATES));
    let mut diagnostics = Diagnostics::new();
    assert!(intake::files::walk(&["/nonexistent/x".into()], &mut diagnostics).is_empty());
    assert_eq!(diagnostics.iter().next().unwrap().code, intake::UNREADABLE_FILE);
}

#[test]
fn the_three_shapes_of_parameter_files() {
    for text in [
        r#"[{"ParameterKey": "A", "ParameterValue": "x"}, {"ParameterKey": "B", "ParameterValue": "1,2"}]"#,
        r#"{"Parameters": {"A": "x", "B": ["1", "2"]}, "Tags": {"t": "u"}}"#,
        "A: x\nB: [1, 2]\n",
    ] {
        let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
        let read = intake::parameter_file::from_text("p", text, &mut sources, &mut diagnostics).unwrap();
        let values: Vec<_> =
            read.values.iter().map(|(name, value)| format!("{name}={}", value.as_str().unwrap())).collect();
        assert_eq!(values, ["A=x", "B=1,2"], "{text}");
    }
}
