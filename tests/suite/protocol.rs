//! The sync protocol under random histories: every transition of every session equals fresh runs at its timestamp.

use std::io;

use fusion_schema::Value;
use fusion_tests::http::call;
use fusion_tests::random::Random;
use serde_json::json;

use crate::checker::Checked;
use crate::{fixture, run};

const SESSIONS: usize = 3;
const STEPS: usize = 400;

/// A query with arguments drawn from few, so that sessions share them.
fn any_query(random: &mut Random) -> (&'static str, String) {
    match random.below(6) {
        0 => ("counters:get", format!(r#"{{"name":"c{}"}}"#, random.below(4))),
        1 => ("messages:list", format!(r#"{{"channel":"m{}"}}"#, random.below(3))),
        2 => ("notes:read", format!(r#"{{"title":"n{}"}}"#, random.below(2))),
        3 => ("notes:whoami", "{}".to_owned()),
        4 => ("transfer:balance", format!(r#"{{"id":{}}}"#, random.below(12))),
        _ => ("transfer:total", r#"{"start":0,"count":10}"#.to_owned()),
    }
}

/// A mutation that touches what [`any_query`] reads. Some fail.
fn any_mutation(random: &mut Random) -> (&'static str, String) {
    let by = random.below(5);
    match random.below(7) {
        0 => ("counters:add", format!(r#"{{"name":"c{}","by":{by}}}"#, random.below(4))),
        1 => (
            "counters:addLater",
            format!(r#"{{"name":"c{}","by":{by},"delayMs":{}}}"#, random.below(4), random.below(30)),
        ),
        2 => ("counters:addAndFail", format!(r#"{{"name":"c{}","by":{by}}}"#, random.below(4))),
        3 => ("messages:send", format!(r#"{{"channel":"m{}","body":"text {by}"}}"#, random.below(3))),
        4 => {
            let (owner, public) = (["amy", "bob"][random.below(2) as usize], random.chance(0.4));
            let title = random.below(2);
            (
                "notes:write",
                format!(
                    r#"{{"title":"n{title}","owner":"{owner}","body":"of {owner} {by}","public":{public}}}"#
                ),
            )
        }
        _ => {
            let (from, to) = (random.below(10), random.below(10));
            ("transfer:transfer", format!(r#"{{"amount":{by},"from_id":{from},"to_id":{to}}}"#))
        }
    }
}

#[test]
fn every_transition_equals_fresh_runs_of_its_queries_at_its_timestamp() -> io::Result<()> {
    let seed = Random::test_seed();
    println!("seed {seed}: repeat with FUSION_SEED={seed}");
    run(async {
        let mut random = Random::new(seed);
        let (server, _folder) = fixture()?;
        call(&server, "transfer:seed", json!({"start": 0, "count": 10, "balance": 100})).await?;
        let mut sessions = Vec::new();
        for _ in 0..SESSIONS {
            sessions.push(Checked::open(&server, &random.uuid()).await?);
        }
        for _ in 0..STEPS {
            let session = &mut sessions[random.below(SESSIONS as u64) as usize];
            match random.below(10) {
                0..=1 => {
                    let (path, args) = any_query(&mut random);
                    session.add(path, &args).await?;
                }
                2 => {
                    let queries = session.queries();
                    if !queries.is_empty() {
                        session.remove(queries[random.below(queries.len() as u64) as usize]).await?;
                    }
                }
                3 => session.act_as([None, Some("amy"), Some("bob")][random.below(3) as usize]).await?,
                4..=8 => {
                    let (path, args) = any_mutation(&mut random);
                    session.call(path, &args).await?;
                }
                _ => session.settle().await?,
            }
            if random.chance(0.5) {
                for session in &mut sessions {
                    session.read_arrived().await?;
                }
            }
        }
        let mut compared = 0;
        for session in &mut sessions {
            session.settle().await?;
            assert!(session.transitions > STEPS / 20, "only {} transitions", session.transitions);
            compared += session.comparisons;
        }
        println!("{compared} results compared");
        assert!(compared > STEPS, "only {compared} results compared");
        Ok(())
    })
}

#[test]
fn a_query_added_and_removed_at_once_leaves_nothing() -> io::Result<()> {
    run(async {
        let (server, _folder) = fixture()?;
        let mut session = Checked::open(&server, &Random::new(1).uuid()).await?;
        for _ in 0..50 {
            let id = session.add("counters:get", r#"{"name":"x"}"#).await?;
            session.remove(id).await?;
        }
        let kept = session.add("counters:get", r#"{"name":"x"}"#).await?;
        session.settle().await?;
        assert_eq!(session.shown(kept), Some(&Ok(Value::Float64(0.0))));
        assert_eq!(session.queries(), [kept]);
        Ok(())
    })
}

#[test]
fn the_same_query_twice_in_a_session_shows_the_same() -> io::Result<()> {
    run(async {
        let (server, _folder) = fixture()?;
        let mut session = Checked::open(&server, &Random::new(2).uuid()).await?;
        let first = session.add("counters:get", r#"{"name":"x"}"#).await?;
        let second = session.add("counters.js:get", r#"{"name":"x"}"#).await?;
        session.settle().await?;
        session.call("counters:add", r#"{"name":"x","by":2}"#).await?;
        session.settle().await?;
        assert_eq!(session.shown(first), Some(&Ok(Value::Float64(2.0))));
        assert_eq!(session.shown(second), session.shown(first));
        Ok(())
    })
}
