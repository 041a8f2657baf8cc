//! Moves orders along the status graph.

use kernel::{CREATED, DELETED, Decision, Entity, Failure, Occurrence, Saga, UPDATED};

use crate::{Billing, Order, Shipping, Status};

/// Moves an order along as its billings and shippings come and go.
///
/// Billing and shipping may arrive in either order and a reaction may see more than its event, so each
/// reaction takes the order as far as it goes: a billed order with a shipping ends `SHIPPED`, whichever
/// came first.
pub struct OrderSaga;

impl Saga for OrderSaga {
    const NAME: &'static str = "order";

    fn triggers() -> &'static [(&'static str, &'static str)] {
        &[(Billing::TOPIC, CREATED), (Billing::TOPIC, DELETED), (Shipping::TOPIC, CREATED), (Shipping::TOPIC, UPDATED)]
    }

    fn reads() -> &'static [&'static str] {
        &[Order::TOPIC, Billing::TOPIC, Shipping::TOPIC]
    }

    fn react(occurrence: &Occurrence<'_>, decision: &mut Decision<'_>) -> Result<(), Failure> {
        let event = occurrence.event;
        match (&*event.topic, event.action.as_str()) {
            (Billing::TOPIC, DELETED) => take_back(&occurrence.entity::<Billing>()?.order_id, decision),
            (Billing::TOPIC, _) => advance(&occurrence.entity::<Billing>()?.order_id, decision),
            _ => advance(&occurrence.entity::<Shipping>()?.order_id, decision),
        }
    }
}

/// Takes a cleared order back when no billing is left.
fn take_back(order_id: &str, decision: &mut Decision<'_>) -> Result<(), Failure> {
    let order = decision.get::<Order>(order_id)?;
    let Some(mut order) = order.filter(|order| order.status == Status::Cleared) else { return Ok(()) };
    if Billing::of_order(decision, order_id)?.is_empty() {
        order.status = Status::Uncleared;
        decision.update(&order)?;
    }
    Ok(())
}

/// Takes an order along the graph as far as its billings and shippings allow, one event a step.
fn advance(order_id: &str, decision: &mut Decision<'_>) -> Result<(), Failure> {
    let Some(mut order) = decision.get::<Order>(order_id)? else { return Ok(()) };
    let billings = Billing::of_order(decision, order_id)?;
    let shippings = Shipping::of_order(decision, order_id)?;
    while let Some(status) = next(order.status, &billings, &shippings) {
        order.status = status;
        decision.update(&order)?;
    }
    Ok(())
}

fn next(status: Status, billings: &[Billing], shippings: &[Shipping]) -> Option<Status> {
    let (next, reached) = match status {
        Status::InStock | Status::Uncleared => (Status::Cleared, !billings.is_empty()),
        Status::Cleared => (Status::Shipped, !shippings.is_empty()),
        Status::Shipped => (Status::Delivered, shippings.iter().any(Shipping::is_delivered)),
        Status::Created | Status::OutOfStock | Status::Delivered => return None,
    };
    reached.then_some(next)
}

#[cfg(test)]
mod tests;
