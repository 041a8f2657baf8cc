//! Whom and what the simulated shop is peopled with; all of it made up.

/// First names of customers.
pub(super) const FIRST: &[&str] = &[
    "Ada", "Amara", "Anouk", "Benno", "Carla", "Dario", "Edda", "Emil", "Farid", "Freya", "Gwen", "Hanna", "Ilse",
    "Imani", "Jonas", "Juno", "Kenji", "Lara", "Leif", "Lotte", "Malik", "Mina", "Nadia", "Nils", "Olga", "Otto",
    "Paolo", "Pia", "Quinn", "Rafael", "Romy", "Selma", "Sven", "Tamar", "Thea", "Ugo", "Vera", "Wanda", "Yara",
    "Zeno",
];

/// Last names of customers.
pub(super) const LAST: &[&str] = &[
    "Abendroth",
    "Bellweather",
    "Castellan",
    "Dunmore",
    "Eberling",
    "Fairbrook",
    "Garrow",
    "Halloran",
    "Ironwood",
    "Jasperson",
    "Kestrel",
    "Lindqvist",
    "Marlowe",
    "Nightingale",
    "Okonjo",
    "Pemberly",
    "Quist",
    "Rosenau",
    "Silberg",
    "Tanaka",
    "Underhill",
    "Vantongeren",
    "Winterfeld",
    "Yarrow",
    "Zimmerli",
];

/// Where their mails go.
pub(super) const MAILS: &str = "mail.example";

/// What the shop sells, and at what price in whole euros.
pub(super) const GOODS: &[(&str, i64)] = &[
    ("Bamboo cutting board", 24),
    ("Beeswax candle", 9),
    ("Brass desk lamp", 89),
    ("Canvas tote bag", 15),
    ("Cast iron pan", 49),
    ("Ceramic teapot", 38),
    ("Cork yoga block", 14),
    ("Double-walled flask", 29),
    ("Dried lavender bunch", 7),
    ("Fountain pen", 42),
    ("Glass storage jar", 11),
    ("Hand-bound notebook", 18),
    ("Leather key ring", 12),
    ("Linen apron", 34),
    ("Mechanical alarm clock", 27),
    ("Merino scarf", 59),
    ("Olive oil soap", 6),
    ("Pepper mill", 31),
    ("Pocket compass", 22),
    ("Sheepskin slippers", 65),
    ("Stoneware mug", 16),
    ("Terracotta pot", 8),
    ("Walnut chess set", 120),
    ("Wool blanket", 79),
];
