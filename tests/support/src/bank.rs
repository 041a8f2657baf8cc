//! A small domain for tests of everything that must not know the shop: accounts, transfers, notices.
//!
//! Money is moved by a saga, so that what must hold is easy to say: no balance is ever negative, their sum
//! never changes, each transfer ends once and each done one is noticed once.

use kernel::{
    Change, Decision, Domain, Entity, Failure, Field, Journal, Occurrence, Query, Refusal, Rejection, Saga, Tables,
    Topic, UPDATED,
};
use serde::{Deserialize, Serialize};

/// Who has how much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub entity_id: String,
    /// Who it belongs to.
    pub owner: String,
    /// How much is on it.
    pub balance: i64,
}

impl Entity for Account {
    const TOPIC: &'static str = "account";

    fn topic() -> Topic {
        let fields = vec![Field::text("owner").personal(), Field::amount("balance").initially("0")];
        Topic::entity(Self::TOPIC, "accounts", "account-service", fields)
    }
}

/// Money on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its id.
    pub entity_id: String,
    /// Where it is taken.
    pub from_id: String,
    /// Where it goes.
    pub to_id: String,
    /// How much.
    pub amount: i64,
    /// How far it is.
    pub status: String,
}

impl Entity for Transfer {
    const TOPIC: &'static str = "transfer";

    fn topic() -> Topic {
        let fields = vec![
            Field::reference("from_id", "account"),
            Field::reference("to_id", "account"),
            Field::amount("amount"),
            Field::choice("status", &["ASKED", "DONE", "REFUSED"]).initially("\"ASKED\""),
        ];
        Topic::entity(Self::TOPIC, "transfers", "transfer-service", fields)
    }

    fn check(change: &Change<'_, Self>, decision: &mut Decision<'_>) -> Result<(), Refusal> {
        let Change::Create(transfer) = change else {
            return Err(Rejection::refused("a transfer can't be changed").into());
        };
        if transfer.amount == 13 {
            return Err(Failure("the counting machine is out of order".into()).into());
        }
        assert_ne!(transfer.amount, 14, "the counting machine explodes");
        match decision.get::<Account>(&transfer.from_id)? {
            Some(account) if account.balance < transfer.amount => {
                let message =
                    format!("account {} holds {}, not {}", account.entity_id, account.balance, transfer.amount);
                Err(Rejection::field("amount", message).into())
            }
            _ => Ok(()),
        }
    }
}

/// Somebody was told something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Who.
    pub recipient: String,
    /// What.
    pub text: String,
}

impl Journal for Notice {
    const TOPIC: &'static str = "notice";

    fn topic() -> Topic {
        let fields = vec![Field::text("recipient").personal(), Field::text("text")];
        Topic::journal(Self::TOPIC, "notices", "notice-service", "notice_sent", fields)
    }
}

/// Moves the money of each new transfer.
pub struct Teller;

impl Saga for Teller {
    const NAME: &'static str = "teller";

    fn triggers() -> &'static [(&'static str, &'static str)] {
        &[("transfer", "entity_created")]
    }

    fn reads() -> &'static [&'static str] {
        &["account", "transfer"]
    }

    fn react(occurrence: &Occurrence<'_>, decision: &mut Decision<'_>) -> Result<(), Failure> {
        let transfer: Transfer = occurrence.entity()?;
        if transfer.amount == 17 {
            return Err(Failure("the teller can't count to 17".into()));
        }
        pay(transfer, decision)
    }
}

/// The same teller, who has learnt to count.
pub struct MendedTeller;

impl Saga for MendedTeller {
    const NAME: &'static str = Teller::NAME;

    fn triggers() -> &'static [(&'static str, &'static str)] {
        Teller::triggers()
    }

    fn reads() -> &'static [&'static str] {
        Teller::reads()
    }

    fn react(occurrence: &Occurrence<'_>, decision: &mut Decision<'_>) -> Result<(), Failure> {
        pay(occurrence.entity()?, decision)
    }
}

fn pay(transfer: Transfer, decision: &mut Decision<'_>) -> Result<(), Failure> {
    let from = decision.get::<Account>(&transfer.from_id)?;
    let Some(from) = from.filter(|from| from.balance >= transfer.amount) else {
        return decision.update(&Transfer { status: "REFUSED".into(), ..transfer });
    };
    decision.update(&Account { balance: from.balance - transfer.amount, ..from })?;
    let Some(to) = decision.get::<Account>(&transfer.to_id)? else {
        return Err(Failure(format!("there is no account {}", transfer.to_id)));
    };
    decision.update(&Account { balance: to.balance + transfer.amount, ..to })?;
    decision.update(&Transfer { status: "DONE".into(), ..transfer })
}

/// Tells owners of the money that has left their accounts.
pub struct Clerk;

impl Saga for Clerk {
    const NAME: &'static str = "clerk";

    fn triggers() -> &'static [(&'static str, &'static str)] {
        &[("transfer", UPDATED)]
    }

    fn reads() -> &'static [&'static str] {
        &["account", "transfer"]
    }

    fn react(occurrence: &Occurrence<'_>, decision: &mut Decision<'_>) -> Result<(), Failure> {
        let transfer: Transfer = occurrence.entity()?;
        let done = transfer.status == "DONE";
        match decision.get::<Account>(&transfer.from_id)?.filter(|_| done) {
            Some(from) => {
                let text = format!("{} of {} left for {}", transfer.amount, transfer.entity_id, transfer.to_id);
                decision.send(&Notice { recipient: from.owner, text })
            }
            None => Ok(()),
        }
    }
}

/// How much there is in all.
pub struct Sum;

impl Query for Sum {
    const PATH: &'static str = "/accounts/sum";

    fn topics() -> &'static [&'static str] {
        &["account"]
    }

    fn answer(tables: &Tables) -> Result<serde_json::Value, Failure> {
        Ok(tables.all::<Account>()?.iter().map(|account| account.balance).sum::<i64>().into())
    }
}

/// The bank.
#[must_use]
pub fn domain() -> Domain {
    with_teller::<Teller>()
}

/// The bank once its teller has learnt to count to 17.
#[must_use]
pub fn mended() -> Domain {
    with_teller::<MendedTeller>()
}

fn with_teller<T: Saga>() -> Domain {
    Domain::new("bank")
        .entity::<Account>()
        .entity::<Transfer>()
        .journal::<Notice>()
        .saga::<T>()
        .saga::<Clerk>()
        .query::<Sum>()
}
