//! Checks the translation files: no sentence is missing, unused or untranslated, and all use the same variables.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::*;
use crate::domain::Half;

/// Sentences that are deliberately the same in another language.
const ALIKE: [(Language, &str); 9] = [
    (Language::German, "problem"),
    (Language::French, "by-hand-description"),
    (Language::Japanese, "by-hand-part"),
    (Language::Spanish, "error-word"),
    (Language::Portuguese, "trouble-send"),
    (Language::Portuguese, "trouble-certificate"),
    (Language::Portuguese, "trouble-nonce"),
    (Language::German, "step-test"),
    (Language::French, "step-test"),
];

/// The prefix of sentences that quote stores, whose text is English.
const QUOTING: &str = "trouble-";

/// The sentences by key, each on one line.
fn sentences(language: Language) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut last = String::new();
    for line in source(language).lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        match line.split_once(" = ").filter(|_| !line.starts_with([' ', '}'])) {
            Some((key, sentence)) => {
                last = key.to_owned();
                assert!(found.insert(last.clone(), sentence.to_owned()).is_none(), "{language:?}: {key} stands twice");
            }
            None => found.get_mut(&last).unwrap().push_str(line),
        }
    }
    found
}

fn variables(sentence: &str) -> BTreeSet<&str> {
    sentence.split("{ $").skip(1).filter_map(|part| part.split([' ', '}']).next()).collect()
}

/// The English texts in the source, by their translation key.
fn in_the_source() -> BTreeMap<String, String> {
    let verdicts = Verdict::ALL.iter().map(|v| (format!("verdict-{}", v.code()), v.says("{ $store }")));
    let scopes = [Scope::Read, Scope::Write, Scope::ReadWrite];
    let scopes = scopes.into_iter().map(|scope| (format!("scope-{scope}"), scope.in_words().to_owned()));
    let faults = [
        ("address-empty", NotAStoreUrl::Empty),
        ("address-too_long", NotAStoreUrl::TooLong),
        ("address-unreadable", NotAStoreUrl::Unreadable),
        ("address-userinfo", NotAStoreUrl::Userinfo),
        ("address-scheme", NotAStoreUrl::Scheme),
        ("address-ip_address", NotAStoreUrl::IpAddress),
        ("address-private_name", NotAStoreUrl::PrivateName),
        ("address-port", NotAStoreUrl::Port),
    ];
    let faults = faults.map(|(key, fault)| (key.to_owned(), fault.to_string()));
    let halves = [Half::ConsumerKey, Half::ConsumerSecret].into_iter().flat_map(|half| {
        [NotAHalf::Empty(half), NotAHalf::Other(half), NotAHalf::Shortened(half), NotAHalf::Shape(half)]
    });
    let halves = halves.map(|fault| (format!("half-{}", fault.code()), fault.to_string()));
    let by_hand = [
        Verdict::KeyRejected,
        Verdict::SecretRejected,
        Verdict::RoleLost,
        Verdict::OtherStore,
        Verdict::ScopeNarrower,
        Verdict::ScopeWider,
    ];
    let by_hand = by_hand.map(|v| (format!("by-hand-{}", v.code()), add_by_keys::says(v, "{ $store }")));
    verdicts.chain(scopes).chain(faults).chain(halves).chain(by_hand).collect()
}

fn others() -> impl Iterator<Item = Language> {
    Language::ALL.into_iter().filter(|language| *language != Language::English)
}

/// All English sentences, by key.
fn english() -> BTreeMap<String, String> {
    let mut all = sentences(Language::English);
    let count = all.len();
    let source = in_the_source();
    all.extend(source.clone());
    assert_eq!(all.len(), count + source.len(), "what the source says is not said again in en.ftl");
    all
}

#[test]
fn every_file_can_be_read() {
    for language in Language::ALL {
        let read = FluentResource::try_new(source(language).to_owned());
        assert!(read.is_ok(), "{language:?}: {:?}", read.err().map(|(_, faults)| faults));
    }
}

#[test]
fn no_sentence_is_missing_and_none_is_of_one_language_alone() {
    let english: BTreeSet<String> = english().into_keys().collect();
    for language in others() {
        let here: BTreeSet<String> = sentences(language).into_keys().collect();
        let missing: Vec<_> = english.difference(&here).collect();
        let surplus: Vec<_> = here.difference(&english).collect();
        assert!(missing.is_empty() && surplus.is_empty(), "{language:?} lacks {missing:?}, has too much {surplus:?}");
    }
}

#[test]
fn a_sentence_takes_the_same_variables_in_every_language() {
    let english = english();
    for language in others() {
        for (key, sentence) in sentences(language) {
            assert_eq!(variables(&sentence), variables(&english[&key]), "{language:?}: {key}");
        }
    }
}

#[test]
fn every_sentence_can_be_said() {
    for language in Language::ALL {
        for (key, sentence) in sentences(language) {
            let bundle = &BUNDLES[language as usize];
            let mut args = FluentArgs::new();
            for name in variables(&sentence) {
                let value = if name == "count" { FluentValue::from(2) } else { FluentValue::from("VALUE") };
                args.set(name, value);
            }
            let mut faults = Vec::new();
            let message = bundle.get_message(&key).and_then(|message| message.value());
            let said = bundle.format_pattern(message.expect(&key), Some(&args), &mut faults);
            assert!(faults.is_empty(), "{language:?}: {key}: {faults:?}");
            assert!(!said.contains(['{', '}', '$']) && said.trim() == said, "{language:?}: {key}: {said}");
        }
    }
}

/// Pages write sentences without escaping, so a sentence must not contain HTML syntax.
#[test]
fn no_sentence_holds_markup() {
    for language in Language::ALL {
        for (key, sentence) in sentences(language) {
            assert!(!sentence.replace("->", "").contains(['<', '>', '&', '"']), "{language:?}: {key}: {sentence}");
        }
    }
}

#[test]
fn no_english_is_left_over() {
    let english = english();
    for language in others() {
        for (key, sentence) in sentences(language) {
            let listed = ALIKE.contains(&(language, &key));
            assert_eq!(sentence == english[&key], listed, "{language:?}: {key}: {sentence}");
            let words = sentence.split(|c: char| !c.is_alphanumeric());
            let left: Vec<_> =
                words.filter(|word| ["the", "your", "you", "is", "and", "store"].contains(word)).collect();
            let is_variable = |word: &&str| *word == "store" && sentence.contains("{ $store }");
            let left: Vec<_> = left.into_iter().filter(|word| !is_variable(word)).collect();
            assert!(left.is_empty() || key.starts_with(QUOTING), "{language:?}: {key}: {sentence}");
        }
    }
}

/// The text of every template and source file that uses sentences.
fn speakers() -> String {
    fn read(folder: &Path, text: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                read(&path, text);
            } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "html") && name != "tests.rs" {
                text.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    read(&root.join("src/web"), &mut text);
    read(&root.join("templates"), &mut text);
    text
}

#[test]
fn no_sentence_is_unused() {
    let text = speakers();
    for key in sentences(Language::English).keys() {
        assert!(text.contains(&format!("\"{key}\"")), "nobody says {key}");
    }
}

#[test]
fn nobody_says_what_no_language_knows() {
    let (text, known) = (speakers(), sentences(Language::English));
    let mut said = 0;
    for begin in ["say(\"", "english(\""] {
        for part in text.split(begin).skip(1) {
            let key = part.split('"').next().unwrap();
            assert!(known.contains_key(key), "{key} is said, but no file knows it");
            said += 1;
        }
    }
    assert!(said > 100, "the templates were read: {said}");
}

#[test]
fn each_family_of_the_source_is_said_in_every_language() {
    for language in Language::ALL {
        let words = Words(language);
        for verdict in Verdict::ALL {
            let says = words.verdict(*verdict, "shop.example");
            assert!(says.contains("shop.example") && !says.contains('{'), "{says}");
            assert_eq!(says == verdict.says("shop.example"), language == Language::English, "{says}");
        }
        assert_eq!(words.scope(Scope::Read) == Scope::Read.in_words(), language == Language::English);
        let fault = NotAStoreUrl::PrivateName;
        assert_eq!(words.fault(fault) == fault.to_string(), language == Language::English);
    }
}

#[test]
fn numbers_choose_their_form() {
    let say = |language, count| {
        let said = Words(language).say("tidy-keys").count("count", count).with("menu", "M").with("keys", "K");
        said.to_string()
    };
    assert!(say(Language::English, 1).contains("a key that is not used. In"));
    assert!(say(Language::English, 3).contains("3 keys that are not used. In"));
    assert!(say(Language::German, 1).contains("einen Schlüssel") && say(Language::German, 2).contains("2 Schlüssel"));
    assert!(say(Language::Japanese, 1).contains("1 個"));
}

#[test]
fn what_is_put_into_a_sentence_stays_text() {
    let bad = "<b onfocus='x'>\"&";
    let words = Words(Language::German);
    let page = words.say("send-names").with("app", bad).with("may", bad).html().strong("name", bad).strong("host", bad);
    let link = words.say("key-in-use").html().key("key", bad).abroad("menu", bad, bad);
    let code = words.say("for-support").html().code("code", bad);
    for html in [page.to_string(), link.to_string(), code.to_string()] {
        assert!(!html.contains("<b ") && !html.contains("'x'"), "{html}");
    }
    assert!(link.to_string().contains("<a href=\"&#60;b onfocus=&#39;x&#39;&#62;&#34;&#38;\" target=\"_blank\""));
}

#[test]
fn a_sentence_that_nobody_wrote_is_no_panic() {
    assert_eq!(Words(Language::Japanese).say("no-such-sentence").to_string(), "no-such-sentence");
}
