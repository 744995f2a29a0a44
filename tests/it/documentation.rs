//! The documentation has the right numbers: each default and limit beside the name that a reader looks for.
//!
//! Only the number and the name are compared, in one paragraph or one row of a table, so that the words around
//! them can change.

use std::time::Duration;

use crate::common;

use gong_call_access::{Client, RetryPolicy};

/// Text that people read: a Markdown file, or a source file with its documentation.
struct Page {
    path: &'static str,
    text: &'static str,
}

macro_rules! page {
    ($path:literal) => {
        Page {
            path: $path,
            text: include_str!(concat!("../../", $path)),
        }
    };
}

const README: Page = page!("README.md");
const FRONT_PAGE: Page = page!("src/lib.rs");
const ACCESS_LIST: Page = page!("src/access_list/mod.rs");
const API_ERROR: Page = page!("src/response/api_error.rs");
const BENCHES: Page = page!("benches/README.md");
const BATCHES: Page = page!("src/batches/mod.rs");
const BUILDER: Page = page!("src/builder.rs");
const CLIENT: Page = page!("src/client.rs");
const RETRY: Page = page!("src/send/retry.rs");
const TRANSPORT_ERROR: Page = page!("src/error.rs");

impl Page {
    /// Each paragraph and each row of a table, in one line. In a source file these are the documentation, each
    /// with the line of the item that it documents.
    fn passages(&self) -> Vec<String> {
        let lines = self.text.lines().map(str::trim);
        if self.path.ends_with(".md") {
            return paragraphs(&lines.collect::<Vec<_>>(), "");
        }
        let (mut passages, mut documentation) = (Vec::new(), Vec::new());
        for line in lines {
            match line
                .strip_prefix("///")
                .or_else(|| line.strip_prefix("//!"))
            {
                Some(text) => documentation.push(text.trim()),
                None if line.starts_with("#[") => {}
                None => passages.extend(paragraphs(&std::mem::take(&mut documentation), line)),
            }
        }
        passages
    }
}

fn paragraphs(lines: &[&str], item: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in lines {
        if line.is_empty() || line.starts_with('|') {
            paragraphs.push(String::new());
        }
        let paragraph = paragraphs.last_mut().unwrap();
        *paragraph += line;
        paragraph.push(' ');
    }
    paragraphs.retain(|paragraph| !paragraph.trim().is_empty());
    for paragraph in &mut paragraphs {
        *paragraph += item;
    }
    paragraphs
}

/// Whether the text contains this, and not only as a part of a longer word or number.
fn contains(text: &str, part: &str) -> bool {
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    let is_digit = |char: Option<char>| char.is_some_and(|char| char.is_ascii_digit());
    let goes_on = |next: Option<char>, after: Option<char>| match next {
        Some('.' | ',') => is_digit(after),
        Some(char) => is_word(char),
        None => false,
    };
    text.match_indices(part).any(|(start, _)| {
        let mut before = text[..start].chars().rev();
        let mut after = text[start + part.len()..].chars();
        !goes_on(before.next(), before.next()) && !goes_on(after.next(), after.next())
    })
}

/// Asserts that a passage of the page has both the name and the number, in one of its spellings.
#[track_caller]
fn assert_documents(page: &Page, name: &str, number: &[String]) {
    let passages = page.passages();
    let mut named = passages.iter().filter(|passage| contains(passage, name));
    assert!(
        named.any(|passage| number.iter().any(|number| contains(passage, number))),
        "{} does not say that {name} is {}",
        page.path,
        number.join(" or ")
    );
}

/// How a count is written.
fn count(number: usize) -> Vec<String> {
    match (number / 1000, number % 1000) {
        (0, _) => vec![number.to_string()],
        (thousands, rest) => vec![number.to_string(), format!("{thousands},{rest:03}")],
    }
}

/// How a number of something is written.
fn count_of(number: usize, unit: &str) -> Vec<String> {
    let counts = count(number).into_iter();
    counts.map(|count| format!("{count} {unit}")).collect()
}

/// How a duration is written.
fn time(duration: Duration) -> Vec<String> {
    const DAY: u64 = 24 * 60 * 60;
    let (seconds, millis) = (duration.as_secs(), duration.as_millis());
    if u128::from(seconds) * 1000 != millis {
        let fraction = duration.as_secs_f64().to_string();
        return vec![format!("{millis} ms"), fraction];
    }
    if seconds > 0 && seconds % DAY == 0 {
        return vec![format!("{} days", seconds / DAY)];
    }
    vec![format!("{seconds} s"), format!("{seconds} seconds")]
}

/// How a number of bytes is written.
fn size(bytes: usize) -> Vec<String> {
    let kibibytes = bytes / 1024;
    vec![match kibibytes / 1024 {
        0 => format!("{kibibytes} KiB"),
        mebibytes => format!("{mebibytes} MiB"),
    }]
}

/// The value of a setting in what `Debug` shows of the defaults.
#[track_caller]
fn default(setting: &str) -> String {
    let shown = format!("{:?}", Client::builder(common::credentials()));
    let (_, value) = shown.split_once(&format!(" {setting}: ")).unwrap();
    value
        .split([',', ' ', '}', ')'])
        .next()
        .unwrap()
        .replace("Some(", "")
}

/// A count in the defaults.
#[track_caller]
fn default_count(setting: &str) -> usize {
    default(setting).parse().unwrap()
}

/// A duration in the defaults.
#[track_caller]
fn default_time(setting: &str) -> Duration {
    let value = default(setting);
    match value.strip_suffix("ms") {
        Some(millis) => Duration::from_millis(millis.parse().unwrap()),
        None => Duration::from_secs(value.strip_suffix('s').unwrap().parse().unwrap()),
    }
}

#[test]
fn the_default_timeouts() {
    for setter in ["timeout", "connect_timeout", "total_timeout"] {
        let default = time(default_time(setter));
        for page in [README, BUILDER] {
            assert_documents(&page, setter, &default);
        }
    }
}

#[test]
fn the_default_retries() {
    let retry_after = time(default_time("max_retry_after"));
    for page in [README, FRONT_PAGE, RETRY] {
        assert_documents(&page, "max_retry_after", &retry_after);
    }
    let attempts = count(default_count("max_attempts"));
    let base_delay = time(default_time("base_delay"));
    let max_delay = time(default_time("max_delay"));
    for (name, default) in [
        ("max_attempts", &attempts),
        ("base_delay", &base_delay),
        ("max_delay", &max_delay),
        // The policy's own documentation says all of it.
        ("RetryPolicy", &attempts),
        ("RetryPolicy", &base_delay),
        ("RetryPolicy", &max_delay),
        ("RetryPolicy", &retry_after),
    ] {
        assert_documents(&RETRY, name, default);
    }
    assert_documents(&README, "max_attempts", &attempts);
    assert_documents(&README, "base_delay", &base_delay);
    assert_documents(&README, "max_delay", &max_delay);
    assert_eq!(RetryPolicy::none(), RetryPolicy::default().max_attempts(1));
}

#[test]
fn the_default_rate_and_bounds() {
    let rate = count(default_count("requests_per_second"));
    let calls = count(default_count("max_calls_per_batch"));
    let pairs = count(default_count("max_pairs_per_batch"));
    for (setter, default) in [
        ("requests_per_second", &rate),
        ("max_calls_per_batch", &calls),
        ("max_pairs_per_batch", &pairs),
    ] {
        assert_documents(&README, setter, default);
        assert_documents(&BUILDER, setter, default);
    }
    assert_documents(&FRONT_PAGE, "requests_per_second", &rate);
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn the_default_base_url() {
    let client = Client::new(common::credentials()).unwrap();
    let host = format!("{client:?}").split('"').nth(1).unwrap().to_owned();
    for page in [README, BUILDER] {
        assert_documents(&page, "base_url", &[format!("https://{host}")]);
    }
}

#[test]
fn the_limits_to_what_a_server_sends() {
    let (receipt, listing) = (size(common::RECEIPT_LIMIT), size(common::LISTING_LIMIT));
    assert_documents(&CLIENT, "grant", &receipt);
    assert_documents(&CLIENT, "list", &listing);
    let text = size(common::SERVER_TEXT_LIMIT);
    assert_documents(&API_ERROR, "ApiError", &text);
    assert_documents(&API_ERROR, "body", &text);
    assert_documents(&TRANSPORT_ERROR, "TransportError", &text);
}

#[test]
fn the_bound_on_the_search_of_a_job() {
    let requests = count_of(common::SEARCH_REQUESTS, "requests");
    assert_documents(&BATCHES, "search", &requests);
}

#[test]
fn the_longest_duration_of_a_setting() {
    let days = time(common::LONGEST_DURATION);
    for setter in ["timeout", "total_timeout"] {
        assert_documents(&BUILDER, setter, &days);
    }
    for setter in ["base_delay", "max_delay", "max_retry_after"] {
        assert_documents(&RETRY, setter, &days);
    }
}

#[test]
fn the_memory_of_a_pair() {
    let bytes = count_of(common::BYTES_OF_A_PAIR, "bytes");
    for page in [BENCHES, ACCESS_LIST] {
        assert_documents(&page, "pair", &bytes);
    }
}

/// The statuses of a list that is written in words, such as "500, 502 and 520 to 526".
fn statuses<'a>(words: impl Iterator<Item = &'a str>) -> Vec<u16> {
    let mut statuses: Vec<u16> = Vec::new();
    let mut is_range = false;
    for word in words.map(|word| word.trim_matches([',', '.', ';', ':', '`'])) {
        match word.parse() {
            Ok(last) if is_range => {
                let first = statuses.last().map_or(last, |first| first + 1);
                statuses.extend(first..=last);
                is_range = false;
            }
            Ok(status) => statuses.push(status),
            Err(_) if word == "to" => is_range = true,
            Err(_) if ["and", "or"].contains(&word) => {}
            Err(_) => break,
        }
    }
    statuses
}

#[test]
fn the_statuses_that_are_retried() {
    let lists = RETRY.passages().into_iter().map(|passage| {
        let words = passage.split_whitespace();
        statuses(words.skip_while(|word| !word.starts_with("408")))
    });
    assert!(
        lists
            .into_iter()
            .any(|list| list == common::RETRIED_STATUSES),
        "{} does not list the statuses that are retried",
        RETRY.path
    );
}
