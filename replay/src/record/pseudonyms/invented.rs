//! Names and addresses that belong to nobody.

/// What a hash says in one syllable: six bits, a consonant and a vowel.
const CONSONANTS: &[u8; 16] = b"bdfgjklmnprstvwz";
const VOWELS: &[u8; 4] = b"aeio";

/// Something that looks like `value` and is made from a hash of it: each has 48 bits of it, so that among a million
/// the chance that two are the same is one in 500.
pub(super) fn like(value: &str, hash: &[u8]) -> String {
    let mut syllables = hash.iter().map(|byte| {
        let (consonant, vowel) = (CONSONANTS[usize::from(byte >> 4)], VOWELS[usize::from(byte & 3)]);
        [char::from(consonant), char::from(vowel)]
    });
    let mut word = |count: usize| syllables.by_ref().take(count).flatten().collect::<String>();
    let (first, last) = (word(3), word(5));
    match Likeness::of(value) {
        Likeness::Mail => format!("{first}.{last}@people.example"),
        // No country has this number.
        Likeness::Phone => format!("+999 {:014}", number(hash) % 100_000_000_000_000),
        Likeness::Place => format!("{} {} Street", number(hash) % 200 + 1, capital(&format!("{first}{last}"))),
        Likeness::Name => format!("{} {}", capital(&first), capital(&last)),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    Mail,
    Phone,
    Place,
    Name,
}

impl Likeness {
    fn of(value: &str) -> Self {
        let has_digits = value.contains(|c: char| c.is_ascii_digit());
        let is_number = value.chars().all(|c| c.is_ascii_digit() || " +-/().".contains(c));
        if value.contains('@') && !value.contains(char::is_whitespace) {
            Self::Mail
        } else if has_digits && is_number {
            Self::Phone
        } else if has_digits && value.contains(char::is_whitespace) {
            Self::Place
        } else {
            Self::Name
        }
    }
}

fn number(hash: &[u8]) -> u64 {
    hash.iter().rev().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}
