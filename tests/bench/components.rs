//! A query that calls one of a component, beside the same call inside the app.

use std::io;
use std::path::Path;
use std::time::Duration;

use fusion_tests::random::Random;

use crate::report::{head, millis, percentile, row};
use crate::setup::Options;
use crate::typescript::{Queries, deploy, paced};

/// Calls of each kind, and the pause between them, in which isolates are made ready.
const CALLS: usize = 400;
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) async fn run(options: &Options) -> io::Result<()> {
    let (server, _folder) = options.server()?;
    deploy(&server, &Path::new(env!("CARGO_MANIFEST_DIR")).join("js/bench_components"))?;
    head();
    let (mut inside, mut across) = (Vec::new(), Vec::new());
    // By turns, so that both see the machine in the same mood.
    for _ in 0..4 {
        for (path, times) in [("nested:inApp", &mut inside), ("nested:inComponent", &mut across)] {
            let client = Random::new(Random::fresh_seed()).below(u64::MAX);
            times.extend(paced(&server, Queries::new(path, client, 1), CALLS / 4, PAUSE).await?);
        }
    }
    let (own, bare) = (percentile(&mut across, 0.5), percentile(&mut inside, 0.5));
    let what = format!("a query that calls a component's, one every {PAUSE:?}; floor: the app's own, p50");
    row(&what, &millis(own), &millis(bare), own.as_secs_f64() / bare.as_secs_f64(), "+ 0.15 ms");
    Ok(())
}
