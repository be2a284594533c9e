//! Questions and answers as comma-separated values.
//!
//! In: a file with a header. Out: the same rows with two columns more. Always: what was there is kept as it was; order
//! and extra columns do not matter; quoting is that of RFC 4180.

/// Where the columns of a question are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// All columns, as written.
    pub columns: Vec<String>,
    /// Position of `source`.
    pub source: usize,
    /// Position of `destination`.
    pub destination: usize,
    /// Position of `protocol`.
    pub protocol: Option<usize>,
    /// Position of `port`.
    pub port: Option<usize>,
}

/// A row with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<'a> {
    /// The row as it was.
    pub row: &'a [String],
    /// The verdict's word.
    pub verdict: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// The header's columns; what is missing where it has not those of a question.
///
/// # Errors
/// The names of missing columns.
pub fn header(columns: Vec<String>) -> Result<Header, Vec<&'static str>> {
    let find = |name: &str| columns.iter().position(|column| column.trim().eq_ignore_ascii_case(name));
    let (source, destination) = (find("source"), find("destination"));
    let (protocol, port) = (find("protocol"), find("port"));
    match (source, destination) {
        (Some(source), Some(destination)) => Ok(Header { columns, source, destination, protocol, port }),
        _ => {
            let missing = [("source", source), ("destination", destination)];
            Err(missing.into_iter().filter(|(_, found)| found.is_none()).map(|(name, _)| name).collect())
        }
    }
}

/// The records of a text. A quote that is never closed ends with the text.
#[must_use]
pub fn records(text: &str) -> Vec<Vec<String>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut out = Vec::new();
    let (mut record, mut field) = (Vec::new(), String::new());
    let (mut inside, mut any) = (false, false);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        any = true;
        match (c, inside) {
            ('"', true) if rest.peek() == Some(&'"') => {
                rest.next();
                field.push('"');
            }
            ('"', true) => inside = false,
            ('"', false) if field.is_empty() => inside = true,
            (',', false) => record.push(std::mem::take(&mut field)),
            ('\r', false) if rest.peek() == Some(&'\n') => {}
            ('\n' | '\r', false) => {
                record.push(std::mem::take(&mut field));
                out.push(std::mem::take(&mut record));
                any = false;
            }
            (c, _) => field.push(c),
        }
    }
    if any {
        record.push(field);
        out.push(record);
    }
    // A blank line is no row.
    out.retain(|record| record.len() > 1 || record.first().is_some_and(|field| !field.trim().is_empty()));
    out
}

/// A field, quoted where it has to be.
#[must_use]
pub fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// One line of the answer. Rows that are too short are filled up, so that the answer stands in its column.
#[must_use]
pub fn record(header: &Header, answered: &Answered<'_>) -> String {
    let width = header.columns.len();
    let mut fields: Vec<String> = answered.row.iter().map(|field| quoted(field)).collect();
    fields.resize(width.max(fields.len()), String::new());
    fields.truncate(width);
    fields.push(quoted(answered.verdict));
    fields.push(quoted(answered.reason));
    fields.join(",")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{Answered, header, record, records};

    #[test]
    fn quotes_blank_lines_and_line_ends_are_read() {
        let text = "\u{feff}a,b\r\n\"x, \"\"y\"\"\",2\n\n3,\"line\nbreak\"";
        let read = records(text);
        assert_eq!(read, [vec!["a", "b"], vec!["x, \"y\"", "2"], vec!["3", "line\nbreak"]]);
    }

    #[test]
    fn answers_stand_in_their_columns() {
        let header = header(["Destination", "source", "note"].map(str::to_owned).to_vec()).unwrap();
        assert_eq!((header.source, header.destination, header.port), (1, 0, None));
        let row = ["10.0.0.1".to_owned()];
        let line = record(&header, &Answered { row: &row, verdict: "unknown", reason: "a, b" });
        assert_eq!(line, "10.0.0.1,,,unknown,\"a, b\"");
    }

    #[test]
    fn missing_columns_are_named() {
        assert_eq!(header(vec!["source".into(), "port".into()]), Err(vec!["destination"]));
    }
}
