//! [`AppCounters`]: what an application counts about itself, to be seen beside the engine's own counters.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// Most values of one counter's label; the rest count together under [`REST`].
pub const LABEL_VALUES_MAX: usize = 100;
/// The label's value under which everything beyond [`LABEL_VALUES_MAX`] counts.
pub const REST: &str = "other";

/// A counter that an application defines, as a `static`.
#[derive(Debug)]
pub struct AppCounter {
    /// Its name in Prometheus's style: `fusion_chat_tool_calls_total`.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// The name of the label that tells its parts apart.
    pub label: &'static str,
}

/// One part of a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedPart {
    /// The label's value.
    pub value: String,
    /// How many.
    pub count: u64,
}

type Parts = BTreeMap<String, u64>;

/// What was counted since the start.
#[derive(Debug, Default)]
pub struct AppCounters {
    counters: Mutex<BTreeMap<&'static str, (&'static AppCounter, Parts)>>,
}

impl AppCounters {
    /// Counts `amount` more of the part whose label has this value.
    pub fn count(&self, counter: &'static AppCounter, value: &str, amount: u64) {
        let mut counters = self.counters.lock();
        let (_, parts) = counters.entry(counter.name).or_insert_with(|| (counter, Parts::new()));
        if let Some(count) = parts.get_mut(value) {
            *count += amount;
            return;
        }
        let value = if parts.len() < LABEL_VALUES_MAX { value } else { REST };
        *parts.entry(value.to_owned()).or_default() += amount;
    }

    /// All counters in the order of their names, each with its parts in order.
    pub fn all(&self) -> Vec<(&'static AppCounter, Vec<CountedPart>)> {
        let counters = self.counters.lock();
        let part = |(value, count): (&String, &u64)| CountedPart { value: value.clone(), count: *count };
        counters.values().map(|(counter, parts)| (*counter, parts.iter().map(part).collect())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static CALLS: AppCounter = AppCounter { name: "calls_total", help: "Calls.", label: "model" };

    #[test]
    fn parts_are_counted_apart_up_to_a_number() {
        let counters = AppCounters::default();
        counters.count(&CALLS, "a", 2);
        counters.count(&CALLS, "a", 3);
        for value in 0..LABEL_VALUES_MAX + 10 {
            counters.count(&CALLS, &format!("v{value}"), 1);
        }
        let all = counters.all();
        let (counter, parts) = &all[0];
        assert_eq!((all.len(), counter.name), (1, "calls_total"));
        assert_eq!(parts.len(), LABEL_VALUES_MAX + 1);
        let count = |value: &str| parts.iter().find(|part| part.value == value).map(|part| part.count);
        assert_eq!((count("a"), count("v0"), count(REST)), (Some(5), Some(1), Some(11)));
    }
}
