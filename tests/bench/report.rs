//! How figures are printed: a row of a Markdown table each, ready for the README.

use std::time::Duration;

/// Prints the table's head.
pub(crate) fn head() {
    println!("| what | figure | floor in the same run | ratio | reach |");
    println!("|---|---|---|---|---|");
}

/// Prints a figure beside its floor.
pub(crate) fn row(what: &str, figure: &str, floor: &str, ratio: f64, reach: &str) {
    println!("| {what} | {figure} | {floor} | {ratio:.2} | {reach} |");
}

/// Prints a figure that stands for itself.
pub(crate) fn plain(what: &str, figure: &str, reach: &str) {
    println!("| {what} | {figure} | | | {reach} |");
}

/// `12,345/s`.
pub(crate) fn rate(per_second: f64) -> String {
    format!("{}/s", thousands(per_second.round() as u64))
}

/// `12,345`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1.23 ms`.
pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1e3)
}

/// `1.23 µs`.
pub(crate) fn micros(duration: Duration) -> String {
    format!("{:.2} µs", duration.as_secs_f64() * 1e6)
}

/// `1.23 MB`, in units of a million bytes.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The value below which `share` of the durations lie; sorts them.
pub(crate) fn percentile(durations: &mut [Duration], share: f64) -> Duration {
    durations.sort_unstable();
    let position = (durations.len() as f64 * share) as usize;
    durations.get(position.min(durations.len().saturating_sub(1))).copied().unwrap_or_default()
}
