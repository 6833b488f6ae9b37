//! The ids of the catalogue.

/// The ids of ranges such as `A2-3 B7`.
pub fn ids(ranges: &str) -> Vec<String> {
    ranges
        .split_whitespace()
        .flat_map(|range| {
            let (section, numbers) = range.split_at(1);
            let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
            let (first, last): (u16, u16) = (first.parse().unwrap(), last.parse().unwrap());
            (first..=last).map(move |number| format!("{section}{number}"))
        })
        .collect()
}

/// Every id.
pub fn catalogue() -> Vec<String> {
    ids(include_str!("../../../../../vectors/hostile/ids.txt"))
}
