//! Answers the cases of a file, line by line: `cargo run -p iam --example evaluate -- cases.jsonl`.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "an example")]

fn main() {
    let file = std::env::args().nth(1).unwrap();
    let mut batch = iam::batch::Batch::default();
    for (at, line) in std::fs::read_to_string(&file).unwrap().lines().enumerate() {
        if let Some(answer) = batch.answer(line, &file, at + 1) {
            println!("{}", answer.json());
        }
    }
}
