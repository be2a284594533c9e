//! "Did you mean": the candidate nearest to a misspelt word.

/// The candidate nearest to `word`, when it is near enough to be what was meant: at most a third of the
/// letters differ (insertions, deletions, substitutions, swaps of neighbours; case and `-`/`_` do not count).
#[must_use]
pub fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(word);
    // A hostile word must not cost quadratic time: nobody's candidate is this long.
    if folded.is_empty() || folded.len() > 128 {
        return None;
    }
    let allowed = (folded.len() / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other = fold(candidate);
            (other.len().abs_diff(folded.len()) <= allowed).then(|| (distance(&folded, &other), candidate))
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// [`suggest`] as the sentence a diagnostic shows: ``did you mean `x`?``.
#[must_use]
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    suggest(word, candidates).map(|best| format!("did you mean `{best}`?"))
}

fn fold(word: &str) -> Vec<char> {
    word.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
}

/// Optimal string alignment distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let at = |line: &[usize], k: usize| line.get(k).copied().unwrap_or(usize::MAX - 1);
            let mut best =
                (at(&above, j) + usize::from(x != y)).min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0
                && j > 0
                && a.get(i - 1) == Some(y)
                && b.get(j - 1) == Some(x)
                && a.get(i) != a.get(i - 1);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::suggest;

    #[test]
    fn nearest_candidate_is_suggested_only_when_near() {
        let words = ["production", "development", "sandbox"];
        assert_eq!(suggest("prodution", words), Some("production"));
        assert_eq!(suggest("Sand-Box", words), Some("sandbox"));
        assert_eq!(suggest("sadnbox", words), Some("sandbox"));
        assert_eq!(suggest("network", words), None);
        assert_eq!(suggest("", words), None);
    }
}
