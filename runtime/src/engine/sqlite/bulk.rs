//! Many rows in one statement: each statement costs a trip to SQLite's thread and back, each row does not.

use std::{fmt::Write as _, vec::IntoIter};

use kernel::Position;
use sqlx::{
    Arguments as _, AssertSqlSafe, SqliteConnection,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::failure::Failure;

/// How many rows go into one statement; a statement of 8 columns has 2,048 parameters of SQLite's 32,766.
const MOST_ROWS: usize = 256;
/// What stands in the SQL where the rows go, behind VALUES.
const PLACE: &str = "/* rows */";

/// Rows of `N` columns for one statement.
///
/// There is one statement for each power of two, so that few are ever prepared. Parameters that are not bound
/// are NULL: the statement must pass over rows whose first column is.
#[derive(Debug)]
pub(super) struct Bulk<const N: usize> {
    sql: &'static str,
    rows: Vec<[Cell; N]>,
}

/// A value to bind.
#[derive(Debug)]
pub(super) enum Cell {
    Integer(i64),
    Text(String),
    Null,
}

impl<const N: usize> Bulk<N> {
    pub(super) const fn new(sql: &'static str) -> Self {
        Self { sql, rows: Vec::new() }
    }

    pub(super) fn push(&mut self, row: [Cell; N]) {
        self.rows.push(row);
    }

    /// Runs the statement over all rows, and forgets them.
    pub(super) async fn execute(&mut self, connection: &mut SqliteConnection) -> Result<(), Failure> {
        let mut rows = std::mem::take(&mut self.rows).into_iter();
        while let Some((sql, arguments)) = self.statement(&mut rows)? {
            sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut *connection).await?;
        }
        Ok(())
    }

    /// Runs the query over all rows, and forgets them.
    pub(super) async fn fetch(&mut self, connection: &mut SqliteConnection) -> Result<Vec<SqliteRow>, Failure> {
        let mut found = Vec::new();
        let mut rows = std::mem::take(&mut self.rows).into_iter();
        while let Some((sql, arguments)) = self.statement(&mut rows)? {
            found.extend(sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(&mut *connection).await?);
        }
        Ok(found)
    }

    /// The statement for the next rows; nothing when there are none.
    fn statement(&self, rows: &mut IntoIter<[Cell; N]>) -> Result<Option<(String, SqliteArguments)>, Failure> {
        let count = rows.len().min(MOST_ROWS);
        if count == 0 {
            return Ok(None);
        }
        let mut arguments = SqliteArguments::default();
        arguments.reserve(count * N, 0);
        for cell in rows.take(count).flatten() {
            let added = match cell {
                Cell::Integer(number) => arguments.add(number),
                Cell::Text(text) => arguments.add(text),
                Cell::Null => arguments.add(None::<String>),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        Ok(Some((sql_for::<N>(self.sql, count.next_power_of_two()), arguments)))
    }
}

/// The SQL for so many rows.
fn sql_for<const N: usize>(sql: &str, rows: usize) -> String {
    let row = format!("({})", ["?"; N].join(", "));
    let (before, after) = sql.split_once(PLACE).unwrap_or((sql, ""));
    let mut statement = String::with_capacity(sql.len() + rows * (row.len() + 2));
    let _ = write!(statement, "{before}{row}");
    for _ in 1..rows {
        let _ = write!(statement, ", {row}");
    }
    statement.push_str(after);
    statement
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Integer(signed(number))
    }
}

impl From<Position> for Cell {
    fn from(position: Position) -> Self {
        Self::Text(position.to_string())
    }
}

/// A number as SQLite has it; nothing in the file is greater than its greatest.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
