//! What a topic's fields are, as data: read by commands' checks, the fold, the gateway and its OpenAPI page.

/// One field of a topic's entities, besides `entity_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// Whether a command may leave it empty (texts and lists).
    pub may_be_empty: bool,
    /// Whether it tells who somebody is: a name, an address.
    pub personal: bool,
    /// JSON text that a creation takes where the command leaves the field out.
    pub initially: Option<&'static str>,
}

/// What values a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number of at least `min`.
    Integer {
        /// The least value that a command may give.
        min: i64,
    },
    /// Unix seconds, whole or not; 0 for "not yet".
    Seconds,
    /// The id of an entity of this topic, which must exist when a command names it.
    Reference(&'static str),
    /// A list of ids of entities of this topic; repeats count.
    References(&'static str),
    /// One of these texts.
    Choice(&'static [&'static str]),
}

impl Field {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, may_be_empty: false, personal: false, initially: None }
    }

    /// A text that is not empty.
    #[must_use]
    pub const fn text(name: &'static str) -> Self {
        Self::new(name, Kind::Text)
    }

    /// A whole number that is not negative.
    #[must_use]
    pub const fn amount(name: &'static str) -> Self {
        Self::new(name, Kind::Integer { min: 0 })
    }

    /// A whole number.
    #[must_use]
    pub const fn integer(name: &'static str) -> Self {
        Self::new(name, Kind::Integer { min: i64::MIN })
    }

    /// A time in Unix seconds, 0 for "not yet".
    #[must_use]
    pub const fn seconds(name: &'static str) -> Self {
        Self::new(name, Kind::Seconds)
    }

    /// The id of an entity of `topic`.
    #[must_use]
    pub const fn reference(name: &'static str, topic: &'static str) -> Self {
        Self::new(name, Kind::Reference(topic))
    }

    /// Ids of entities of `topic`, at least one; repeats count.
    #[must_use]
    pub const fn references(name: &'static str, topic: &'static str) -> Self {
        Self::new(name, Kind::References(topic))
    }

    /// One of `choices`.
    #[must_use]
    pub const fn choice(name: &'static str, choices: &'static [&'static str]) -> Self {
        Self::new(name, Kind::Choice(choices))
    }

    /// Lets commands leave the text or list empty.
    #[must_use]
    pub const fn or_empty(mut self) -> Self {
        self.may_be_empty = true;
        self
    }

    /// Marks what tells who somebody is.
    #[must_use]
    pub const fn personal(mut self) -> Self {
        self.personal = true;
        self
    }

    /// Gives the value, as JSON text, that a creation takes where the command leaves the field out.
    #[must_use]
    pub const fn initially(mut self, json: &'static str) -> Self {
        self.initially = Some(json);
        self
    }
}

impl Kind {
    /// What the field must be, for a sentence: `must be …`.
    #[must_use]
    pub fn wanted(self) -> String {
        match self {
            Self::Text => "a text".into(),
            Self::Integer { min: i64::MIN } => "a whole number".into(),
            Self::Integer { min } => format!("a whole number of at least {min}"),
            Self::Seconds => "a time in Unix seconds, or 0".into(),
            Self::Reference(topic) => format!("the id of a {topic}"),
            Self::References(topic) => format!("a list of ids of a {topic}"),
            Self::Choice(choices) => format!("one of {}", choices.join(", ")),
        }
    }
}
