//! A library: books, loans of them, and a journal of visits. Small, but with one of everything.

use kernel::{Change, Decision, Domain, Entity, Failure, Field, Journal, Query, Refusal, Rejection, Tables, Topic};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The library as a domain.
pub(crate) fn domain() -> Domain {
    Domain::new("library")
        .entity::<Book>()
        .entity::<Loan>()
        .journal::<Visit>()
        .query::<Lent>()
        .query::<Visits>()
        .query::<Unanswerable>()
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Book {
    pub(crate) entity_id: String,
    pub(crate) title: String,
    pub(crate) copies: i64,
}

impl Entity for Book {
    const TOPIC: &'static str = "book";

    fn topic() -> Topic {
        let fields = vec![Field::text("title"), Field::amount("copies").initially("1")];
        Topic::entity("book", "books", "book-service", fields)
    }

    fn check(change: &Change<'_, Self>, decision: &mut Decision<'_>) -> Result<(), Refusal> {
        match change {
            Change::Create(book) | Change::Update { to: book, .. } if book.title == "unspeakable" => {
                Err(Failure(format!("{} can't be said", book.entity_id)).into())
            }
            Change::Delete(book) if !decision.find::<Loan>("book_id", &book.entity_id)?.is_empty() => {
                Err(Rejection::refused(format!("book {} is lent", book.entity_id)).into())
            }
            Change::Create(_) | Change::Update { .. } | Change::Delete(_) => Ok(()),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Loan {
    pub(crate) entity_id: String,
    pub(crate) book_id: String,
    pub(crate) reader: String,
}

impl Entity for Loan {
    const TOPIC: &'static str = "loan";

    fn topic() -> Topic {
        let fields = vec![Field::reference("book_id", "book"), Field::text("reader").personal()];
        Topic::entity("loan", "loans", "loan-service", fields)
    }

    fn check(change: &Change<'_, Self>, decision: &mut Decision<'_>) -> Result<(), Refusal> {
        let Change::Create(loan) = change else { return Ok(()) };
        let copies = decision.get::<Book>(&loan.book_id)?.map_or(0, |book| book.copies);
        let lent = decision.find::<Loan>("book_id", &loan.book_id)?.len();
        if i64::try_from(lent).is_ok_and(|lent| lent < copies) {
            return Ok(());
        }
        Err(Rejection::field("book_id", format!("all {copies} copies of book {} are lent", loan.book_id)).into())
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Visit {
    pub(crate) reader: String,
}

impl Journal for Visit {
    const TOPIC: &'static str = "visit";

    fn topic() -> Topic {
        Topic::journal("visit", "visits", "door-service", "door_opened", vec![Field::text("reader").personal()])
    }
}

/// Books that are lent, each with who has it.
struct Lent;

impl Query for Lent {
    const PATH: &'static str = "/books/lent";

    fn topics() -> &'static [&'static str] {
        &["book", "loan"]
    }

    fn answer(tables: &Tables) -> Result<Value, Failure> {
        let loans = tables.all::<Loan>()?;
        let lent = tables.all::<Book>()?.into_iter().filter_map(|book| {
            let readers: Vec<_> = loans.iter().filter(|loan| loan.book_id == book.entity_id).collect();
            let readers: Vec<_> = readers.iter().map(|loan| loan.reader.clone()).collect();
            (!readers.is_empty()).then(|| json!({"title": book.title, "readers": readers}))
        });
        Ok(lent.collect())
    }
}

/// Every visit as its event.
struct Visits;

impl Query for Visits {
    const PATH: &'static str = "/visits/made";

    fn topics() -> &'static [&'static str] {
        &["visit"]
    }

    fn answer(tables: &Tables) -> Result<Value, Failure> {
        Ok(tables.rows("visit").map(|(_, row)| Value::from(row)).collect())
    }
}

/// A question whose code has a defect.
struct Unanswerable;

impl Query for Unanswerable {
    const PATH: &'static str = "/broken";

    fn topics() -> &'static [&'static str] {
        &["book"]
    }

    #[expect(clippy::panic, reason = "to show that the gateway stays up")]
    fn answer(tables: &Tables) -> Result<Value, Failure> {
        match tables.rows("book").next() {
            None => Err(Failure("there are no books to ask about".to_owned())),
            Some(_) => panic!("a defect"),
        }
    }
}
