//! A hotel: a whole domain of one's own, and the binary that runs it.

use std::process::ExitCode;

fn main() -> ExitCode {
    retrace::cli::main(hotel::domain())
}

mod hotel {
    use retrace::kernel::{
        CREATED, Change, Decision, Domain, Entity, Failure, Field, Journal, Occurrence, Position, Query, Refusal,
        Rejection, Saga, Tables, Topic, UPDATED,
    };
    use serde::{Deserialize, Serialize};
    use serde_json::Value;

    // 1. Entities: a type, its topic, its fields.

    /// A room to let.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Room {
        entity_id: String,
        name: String,
        /// Whole euros a night.
        price: i64,
        state: State,
    }

    /// What a room is fit for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    enum State {
        Ready,
        Taken,
        ToClean,
    }

    impl Entity for Room {
        const TOPIC: &'static str = "room";

        fn topic() -> Topic {
            let states = &["READY", "TAKEN", "TO_CLEAN"];
            let state = Field::choice("state", states).initially("\"READY\"");
            Topic::entity(
                Self::TOPIC,
                "rooms",
                "room-service",
                vec![Field::text("name"), Field::amount("price"), state],
            )
        }
    }

    /// Somebody who stays.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Guest {
        entity_id: String,
        name: String,
        email: String,
    }

    impl Entity for Guest {
        const TOPIC: &'static str = "guest";

        fn topic() -> Topic {
            let fields = vec![Field::text("name").personal(), Field::text("email").personal()];
            Topic::entity(Self::TOPIC, "guests", "guest-service", fields)
        }
    }

    // 2. An entity that refers to others, with rules of its own.

    /// A guest in a room.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Stay {
        entity_id: String,
        guest_id: String,
        room_id: String,
        nights: i64,
        status: Status,
    }

    /// Whether the guest is still there.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    enum Status {
        InHouse,
        Over,
    }

    impl Entity for Stay {
        const TOPIC: &'static str = "stay";

        fn topic() -> Topic {
            let fields = vec![
                Field::reference("guest_id", Guest::TOPIC),
                Field::reference("room_id", Room::TOPIC),
                Field::amount("nights"),
                Field::choice("status", &["IN_HOUSE", "OVER"]).initially("\"IN_HOUSE\""),
            ];
            Topic::entity(Self::TOPIC, "stays", "stay-service", fields)
        }

        fn check(change: &Change<'_, Self>, decision: &mut Decision<'_>) -> Result<(), Refusal> {
            match change {
                Change::Create(stay) => stay.check_in(decision),
                Change::Update { from, to } => from.check_out(to),
                Change::Delete(_) => Err(Rejection::refused("a stay is kept, even when it is over").into()),
            }
        }
    }

    impl Stay {
        fn check_in(&self, decision: &mut Decision<'_>) -> Result<(), Refusal> {
            if self.nights == 0 {
                return Err(Rejection::field("nights", "a stay has at least one night").into());
            }
            if self.status == Status::Over {
                return Err(Rejection::field("status", "a new stay is IN_HOUSE, not OVER").into());
            }
            let room = decision.get::<Room>(&self.room_id)?;
            let stays = decision.find::<Self>("room_id", &self.room_id)?;
            let occupied = stays.iter().any(|stay| stay.status == Status::InHouse);
            match room.filter(|room| occupied || room.state != State::Ready) {
                None => Ok(()),
                Some(room) => Err(Rejection::field("room_id", format!("room {} is not free", room.name)).into()),
            }
        }

        fn check_out(&self, to: &Self) -> Result<(), Refusal> {
            if self.status == Status::Over {
                return Err(Rejection::refused(format!("stay {} is over", self.entity_id)).into());
            }
            if (&self.guest_id, &self.room_id) != (&to.guest_id, &to.room_id) {
                return Err(Rejection::refused("a stay keeps its guest and its room").into());
            }
            Ok(())
        }
    }

    // 3. A journal: facts that are recorded and never change.

    /// A bill that was sent.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Bill {
        recipient: String,
        text: String,
    }

    impl Journal for Bill {
        const TOPIC: &'static str = "bill";

        fn topic() -> Topic {
            let fields = vec![Field::text("recipient").personal(), Field::text("text")];
            Topic::journal(Self::TOPIC, "bills", "office", "bill_sent", fields)
        }
    }

    // 4. A saga: what follows from what.

    /// Sees to rooms and bills as guests come and go.
    struct FrontDesk;

    impl Saga for FrontDesk {
        const NAME: &'static str = "front-desk";

        fn triggers() -> &'static [(&'static str, &'static str)] {
            &[(Stay::TOPIC, CREATED), (Stay::TOPIC, UPDATED)]
        }

        fn reads() -> &'static [&'static str] {
            &[Stay::TOPIC, Room::TOPIC, Guest::TOPIC]
        }

        fn react(occurrence: &Occurrence<'_>, decision: &mut Decision<'_>) -> Result<(), Failure> {
            let stay: Stay = occurrence.entity()?;
            let Some(room) = decision.get::<Room>(&stay.room_id)? else { return Ok(()) };
            let before: Option<Stay> = occurrence.before()?;
            match (before.map(|stay| stay.status), stay.status) {
                (None, Status::InHouse) => decision.update(&Room { state: State::Taken, ..room }),
                (Some(Status::InHouse), Status::Over) => {
                    let price = room.price;
                    decision.update(&Room { state: State::ToClean, ..room })?;
                    send_bill(&stay, price, decision)
                }
                (None | Some(Status::Over), Status::Over) | (Some(_), Status::InHouse) => Ok(()),
            }
        }
    }

    fn send_bill(stay: &Stay, price: i64, decision: &mut Decision<'_>) -> Result<(), Failure> {
        let Some(guest) = decision.get::<Guest>(&stay.guest_id)? else { return Ok(()) };
        let sum = price.saturating_mul(stay.nights);
        let text = format!("Dear {}, {} nights are € {sum}. Come again!", guest.name, stay.nights);
        decision.send(&Bill { recipient: guest.email, text })
    }

    // 5. Queries: questions with routes of their own.

    /// The rooms that a guest can move into.
    struct FreeRooms;

    impl Query for FreeRooms {
        const PATH: &'static str = "/rooms/free";

        fn topics() -> &'static [&'static str] {
            &[Room::TOPIC]
        }

        fn answer(tables: &Tables) -> Result<Value, Failure> {
            let rooms = tables.all::<Room>()?;
            let free = rooms.iter().filter(|room| room.state == State::Ready);
            free.map(|room| serde_json::to_value(room).map_err(|error| Failure(error.to_string()))).collect()
        }
    }

    /// The bills that were sent, the oldest first.
    struct SentBills;

    impl Query for SentBills {
        const PATH: &'static str = "/bills/sent";

        fn topics() -> &'static [&'static str] {
            &[Bill::TOPIC]
        }

        fn answer(tables: &Tables) -> Result<Value, Failure> {
            let mut bills = Vec::new();
            for (key, row) in tables.rows(Bill::TOPIC) {
                let position: Position = key.parse().map_err(|error| Failure(format!("bill {key}: {error}")))?;
                let row: Value = serde_json::from_str(row).map_err(|error| Failure(format!("bill {key}: {error}")))?;
                bills.push((position, row));
            }
            bills.sort_by_key(|(position, _)| *position);
            Ok(bills.into_iter().map(|(_, bill)| bill).collect())
        }
    }

    // 6. All of it, as one value.

    /// The whole hotel.
    pub(crate) fn domain() -> Domain {
        Domain::new("hotel")
            .entity::<Room>()
            .entity::<Guest>()
            .entity::<Stay>()
            .journal::<Bill>()
            .saga::<FrontDesk>()
            .query::<FreeRooms>()
            .query::<SentBills>()
    }
}
