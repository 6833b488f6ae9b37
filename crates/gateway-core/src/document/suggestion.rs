//! `did you mean …?`: the valid word nearest to one that is not.

/// The word of `known` nearest to `word`: at edit distance 2 or less, or at most a third of its length; none when nothing
/// is that near. Else the only word of which it is the beginning. Upper and lower case count as equal, swapped neighbours as one edit.
#[must_use]
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = word.to_lowercase().chars().collect();
    let limit = (wanted.len() / 3).max(2);
    let known: Vec<&str> = known.into_iter().collect();
    let near = known
        .iter()
        .copied()
        .filter(|candidate| *candidate != word)
        .filter_map(|candidate| {
            let letters: Vec<char> = candidate.to_lowercase().chars().collect();
            let distance = edit_distance(&wanted, &letters);
            (distance <= limit && distance < letters.len().max(wanted.len()).max(2))
                .then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate);
    near.or_else(|| only_one_beginning_with(word, &known))
}

/// Half a word, such as `proof` for `proof_of_possession`.
fn only_one_beginning_with<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    const TOO_SHORT: usize = 3;
    let mut longer =
        known.iter().filter(|candidate| candidate.len() > word.len() && candidate.starts_with(word));
    let first = longer.next().filter(|_| word.len() > TOO_SHORT)?;
    longer.next().is_none().then_some(*first)
}

/// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours.
fn edit_distance(left: &[char], right: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    let mut previous_left: Option<char> = None;
    for (row, &left_char) in left.iter().enumerate() {
        let mut current = Vec::with_capacity(right.len() + 1);
        current.push(row + 1);
        let mut previous_right: Option<char> = None;
        for (column, &right_char) in right.iter().enumerate() {
            let cell = |line: &[usize], at: usize| line.get(at).copied().unwrap_or(usize::MAX - 1);
            let mut best = (cell(&last, column + 1) + 1)
                .min(cell(&current, column) + 1)
                .min(cell(&last, column) + usize::from(left_char != right_char));
            if previous_left == Some(right_char) && previous_right == Some(left_char) && column > 0 {
                best = best.min(cell(&before_last, column - 1) + 1);
            }
            current.push(best);
            previous_right = Some(right_char);
        }
        before_last = std::mem::replace(&mut last, current);
        previous_left = Some(left_char);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_nearest_word_only_when_it_is_near() {
        let known = ["read", "write", "idle"];
        assert_eq!(did_you_mean("raed", known), Some("read"));
        assert_eq!(did_you_mean("READ", known), Some("read"));
        assert_eq!(did_you_mean("wirte", known), Some("write"));
        assert_eq!(did_you_mean("timeout", known), None);
        assert_eq!(
            did_you_mean("proof_of_posession_s", ["proof_of_possession"]),
            Some("proof_of_possession")
        );
        assert_eq!(did_you_mean("a", ["b", "xy"]), Some("b"));
        assert_eq!(did_you_mean("oauth", ["jwt", "oauth2_introspection"]), Some("oauth2_introspection"));
        assert_eq!(did_you_mean("nonce", ["nonce_required", "nonce_lifetime"]), None);
        assert_eq!(did_you_mean("tokn", ["nobody", "guest", "token"]), Some("token"));
    }
}
