//! Full-text search over a million short documents, in this process: how long the index takes to be built, what it
//! costs to hold, to start with and to write to, and how long a query takes beside reading all texts.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use fusion_runtime::clock::Moment;
use fusion_runtime::database::staging::{Contents, IdMaker, Target};
use fusion_runtime::database::{
    CommitExtras, ComponentId, Database, DatabaseOptions, Query, QueryOperator, QuerySource, SearchExpression,
};
use fusion_schema::table::{Schema, TableDefinition};
use fusion_schema::validator::Validator;
use fusion_schema::{Value, object};
use fusion_tests::random::{Random, Zipf};

use crate::report::{head, megabytes, micros, millis, percentile, plain, rate, row, thousands};
use crate::setup::Options;

const TABLE: &str = "notes";
/// Different words; how often each comes follows the law of Zipf, as in any language.
const WORDS: usize = 60_000;
const CHANNELS: u64 = 100;
const QUERIES: usize = 1_000;
const SCANS: usize = 5;
/// Documents inserted one by one.
const WRITES: u64 = 20_000;

pub(crate) async fn run(options: &Options) -> io::Result<()> {
    measure(options).map_err(io::Error::other)
}

type Measured<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn measure(options: &Options) -> Measured<()> {
    let folder = options.scratch()?;
    let documents = thousands(options.documents);
    let vocabulary = Vocabulary::new(options.seed);
    let open = |name| Database::open(DatabaseOptions::in_memory().with_folder(folder.path().join(name)));
    head();

    let database = open("built")?;
    let without = import(&database, &vocabulary, options)?;
    settle();
    let held = resident_bytes()?;
    let begun = Moment::now();
    database.apply_schema(&schema(true))?;
    let built = begun.elapsed();
    settle();
    let more = resident_bytes()?.saturating_sub(held);
    plain(&format!("full-text index built over {documents} documents, at a push"), &seconds(built), "");
    plain("memory of it", &megabytes(more), "");
    drop(database);
    let with_index = start(|| open("built"))?;
    let database = open("built")?;
    database.apply_schema(&schema(false))?;
    drop(database);
    let bare = start(|| open("built"))?;
    let what = format!("start with {documents} documents; floor: without the index");
    row(&what, &seconds(with_index), &seconds(bare), with_index.as_secs_f64() / bare.as_secs_f64(), "quick");

    let database = open("imported")?;
    database.apply_schema(&schema(true))?;
    let with = import(&database, &vocabulary, options)?;
    let per_second = |elapsed: Duration| options.documents as f64 / elapsed.as_secs_f64();
    let ratio = per_second(with) / per_second(without);
    let what = format!("import of {documents} documents; floor: without the index");
    row(&what, &rate(per_second(with)), &rate(per_second(without)), ratio, "");

    let texts: Vec<String> = texts(&vocabulary, options).collect();
    let mut random = Random::new(options.seed ^ 1);
    for (what, choose, filtered) in [
        ("as words come", Choice::Common, false),
        ("as words come, in one of 100 channels", Choice::Common, true),
        ("of which each is one of the 100 commonest", Choice::Commonest, false),
        ("rare ones", Choice::Rare, false),
    ] {
        let asked: Vec<String> = (0..QUERIES).map(|_| vocabulary.query(choose, &mut random)).collect();
        let mut times = Vec::with_capacity(QUERIES);
        for text in &asked {
            let channel = filtered.then(|| random.below(CHANNELS));
            let begun = Moment::now();
            std::hint::black_box(search(&database, text, channel)?);
            times.push(begun.elapsed());
        }
        let mut scans: Vec<Duration> = asked.iter().take(SCANS).map(|text| scan(&texts, text)).collect();
        let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
        let floor = percentile(&mut scans, 0.5);
        row(
            &format!("query of three words {what}, first 10 of {documents}; floor: all texts read"),
            &format!("p50 {}, p99 {}", millis(p50), millis(p99)),
            &millis(floor),
            p50.as_secs_f64() / floor.as_secs_f64(),
            "p50 ≤ 20 ms",
        );
    }

    let with = insert(&database, &vocabulary, options)?;
    let begun = Moment::now();
    let text = vocabulary.query(Choice::Common, &mut random);
    search(&database, &text, None)?;
    let right_after = begun.elapsed();
    database.apply_schema(&schema(false))?;
    let without = insert(&database, &vocabulary, options)?;
    let what = "transactions that insert one document, from one thread; floor: without the index";
    let ratio = without.as_secs_f64() / with.as_secs_f64();
    row(what, &micros(with), &micros(without), ratio, "");
    println!("\nA query right after {} such inserts: {}.", thousands(WRITES), millis(right_after));
    Ok(())
}

fn schema(with_search: bool) -> Schema {
    let table = TableDefinition::new(TABLE, Validator::Any);
    let table = if with_search { table.search_index("by_body", "body", ["channel"]) } else { table };
    Schema::new(vec![table])
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// Gives the allocator time to give back what is not used any more.
fn settle() {
    std::thread::sleep(Duration::from_secs(3));
}

fn resident_bytes() -> io::Result<u64> {
    let status = fs::read_to_string(Path::new("/proc/self/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.map(|kilobytes| kilobytes * 1024).ok_or_else(|| io::Error::other("no VmRSS"))
}

fn start(open: impl Fn() -> fusion_runtime::Result<Database>) -> Measured<Duration> {
    let mut times = Vec::new();
    for _ in 0..3 {
        let begun = Moment::now();
        let database = open()?;
        times.push(begun.elapsed());
        drop(database);
    }
    Ok(percentile(&mut times, 0.5))
}

#[derive(Clone, Copy)]
enum Choice {
    Common,
    Commonest,
    Rare,
}

/// Words that look like some, in order of how common they are.
struct Vocabulary {
    words: Vec<String>,
    ranks: Zipf,
}

impl Vocabulary {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let (mut words, mut known) = (Vec::with_capacity(WORDS), HashSet::new());
        while words.len() < WORDS {
            let word: String = (0..2 + random.below(4))
                .flat_map(|_| {
                    let consonant = b"bcdfghklmnprstvw"[random.below(16) as usize];
                    [char::from(consonant), char::from(b"aeiou"[random.below(5) as usize])]
                })
                .collect();
            if known.insert(word.clone()) {
                words.push(word);
            }
        }
        Self { words, ranks: Zipf::new(WORDS, 1.0) }
    }

    fn text(&self, random: &mut Random) -> String {
        let words = 6 + random.below(9);
        let words: Vec<&str> = (0..words).map(|_| &*self.words[self.ranks.draw(random)]).collect();
        words.join(" ")
    }

    /// Three words, of which the last is still being typed.
    fn query(&self, choice: Choice, random: &mut Random) -> String {
        let mut word = || match choice {
            Choice::Common => &*self.words[self.ranks.draw(random)],
            Choice::Commonest => &*self.words[random.below(100) as usize],
            Choice::Rare => &*self.words[WORDS / 2 + random.below(WORDS as u64 / 2) as usize],
        };
        let (first, second, last) = (word(), word(), word());
        format!("{first} {second} {}", &last[..last.len() - 1])
    }
}

fn texts<'a>(vocabulary: &'a Vocabulary, options: &Options) -> impl Iterator<Item = String> + 'a {
    let mut random = Random::new(options.seed ^ 2);
    (0..options.documents).map(move |_| vocabulary.text(&mut random))
}

/// Puts all documents in place of those that are there.
fn import(database: &Database, vocabulary: &Vocabulary, options: &Options) -> Measured<Duration> {
    let target = Target {
        component: ComponentId::ROOT,
        name: TABLE.to_owned(),
        number: None,
        contents: Contents::Replace,
    };
    let mut texts = texts(vocabulary, options).enumerate().peekable();
    let begun = Moment::now();
    let mut staging = database.stage(vec![target])?;
    let shape = staging.shape(0)?;
    let now = database.clock().unix_ms();
    let mut ids = IdMaker::new(now);
    while texts.peek().is_some() {
        let mut part = Vec::with_capacity(4_096);
        for (number, text) in texts.by_ref().take(4_096) {
            let channel = (number as u64 % CHANNELS) as f64;
            let fields = object! {"body" => text, "channel" => channel};
            part.push(shape.document(ids.next(), now + number as f64 / 1_000.0, fields)?);
        }
        staging.add(0, part)?;
    }
    staging.commit(|_| Ok(()))?;
    Ok(begun.elapsed())
}

fn search(database: &Database, text: &str, channel: Option<u64>) -> Measured<usize> {
    let mut filters = vec![SearchExpression::Search { field: "body".to_owned(), text: text.to_owned() }];
    filters.extend(channel.map(|channel| SearchExpression::Eq {
        field: "channel".to_owned(),
        value: Some(Value::Float64(channel as f64)),
    }));
    let source = QuerySource::Search { table: TABLE.to_owned(), index: "by_body".to_owned(), filters };
    let query = Query { source, operators: vec![QueryOperator::Limit(10)] };
    let mut tx = database.begin_query();
    let mut stream = tx.query(&query)?;
    let mut found = 0;
    while stream.next(&mut tx)?.is_some() {
        found += 1;
    }
    Ok(found)
}

/// What nobody without an index can do without: looking at every text, without ranking what is found.
fn scan(texts: &[String], query: &str) -> Duration {
    let begun = Moment::now();
    let words: Vec<&str> = query.split(' ').collect();
    let (prefix, exact) = words.split_last().unwrap_or((&"", &[]));
    let found = texts
        .iter()
        .filter(|text| text.split(' ').any(|word| exact.contains(&word) || word.starts_with(prefix)));
    std::hint::black_box(found.count());
    begun.elapsed()
}

/// The time of one transaction.
fn insert(database: &Database, vocabulary: &Vocabulary, options: &Options) -> Measured<Duration> {
    let mut random = Random::new(options.seed ^ 3);
    let begun = Moment::now();
    let mut ts = 0;
    for number in 0..WRITES {
        let mut tx = database.begin_mutation();
        let channel = (number % CHANNELS) as f64;
        tx.insert(TABLE, object! {"body" => vocabulary.text(&mut random), "channel" => channel})?;
        ts = database.commit(tx, CommitExtras::default())?.ts;
    }
    let elapsed = begun.elapsed();
    database.wait_durable(ts)?;
    Ok(elapsed / WRITES as u32)
}
