// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs a property with a seed that one can see.

use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed, TestRunner, contextualize_config};

/// Tries `cases` cases, or what PROPTEST_CASES says. `folder` is the test's.
pub fn run<S>(
    folder: &str,
    cases: u32,
    strategy: S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) where
    S: Strategy,
    S::Value: Debug,
{
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join("regressions.txt");
    let file = file.to_str().expect("a path in UTF-8").to_owned().leak();
    let mut config = contextualize_config(ProptestConfig {
        cases,
        max_shrink_time: 60_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(file))),
        ..ProptestConfig::default()
    });
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => RandomState::new().hash_one(()),
    };
    config.rng_seed = RngSeed::Fixed(seed);
    // Not by a macro: what those print is lost when the process is aborted.
    let _ = writeln!(std::io::stderr(), "{folder}: PROPTEST_RNG_SEED={seed}");
    let mut runner = TestRunner::new(config);
    if let Err(why) = runner.run(&strategy, test) {
        panic!("{why}\n{runner}\nPROPTEST_RNG_SEED={seed}");
    }
}
