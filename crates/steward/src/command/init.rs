//! `steward init`: a blueprint to begin with.

use diagnostics::{Diagnostic, Span, did_you_mean};

use super::refuse;
use crate::cli::{Global, Init};
use crate::disk::write_whole;
use crate::pipeline::BLUEPRINT;
use crate::terminal::print;
use crate::{Ending, codes};

/// Runs it.
pub fn run(global: &Global, options: &Init) -> Ending {
    let points = blueprint::templates();
    if options.list {
        let widest = points.iter().map(|point| point.name.len()).max().unwrap_or(0);
        let rows = points.iter().map(|point| format!("{:widest$}  {}\n", point.name, point.summary));
        print(&rows.collect::<String>());
        return Ending::Good;
    }
    let point = match &options.template {
        None => points.first(),
        Some(name) => points.iter().find(|point| point.name == name),
    };
    let Some(point) = point else {
        let name = options.template.as_deref().unwrap_or_default();
        let names = points.iter().map(|point| point.name);
        let text = format!("there is no starting point `{name}`");
        let list: Vec<_> = names.clone().collect();
        let diagnostic = Diagnostic::error(codes::NO_SUCH_TEMPLATE, Span::NONE, text);
        return refuse(
            global,
            diagnostic.expected(format!("one of {}", list.join(", "))).maybe_help(did_you_mean(name, names)),
        );
    };
    let file = options.directory.join(BLUEPRINT);
    if file.exists() {
        let text = format!("`{}` is there already and is left as it is", file.display());
        return refuse(
            global,
            Diagnostic::error(codes::EXISTS, Span::NONE, text).help("give another folder"),
        );
    }
    let written = std::fs::create_dir_all(&options.directory).and_then(|()| write_whole(&file, point.text));
    if let Err(error) = written {
        let text = format!("`{}` was not written: {error}", file.display());
        return refuse(global, Diagnostic::error(codes::CANNOT_WRITE, Span::NONE, text));
    }
    if !global.quiet {
        let folder = options.directory.display();
        print(&format!(
            "wrote {} ({})\n\nnext:\n  steward check {folder}            see what it compiles to and what is proved\n  \
             steward build {folder} -o out     write the CloudFormation templates\n",
            file.display(),
            point.summary
        ));
    }
    Ending::Good
}
