//! Takes stock for orders and gives it back.

use kernel::{CREATED, DELETED, Decision, Entity, Failure, Occurrence, Saga};

use crate::{Cart, Inventory, Order, Status};

/// Sets stock aside for a new order and gives it back when the order ends before it is shipped.
pub struct InventorySaga;

impl Saga for InventorySaga {
    const NAME: &'static str = "inventory";

    fn triggers() -> &'static [(&'static str, &'static str)] {
        &[(Order::TOPIC, CREATED), (Order::TOPIC, DELETED)]
    }

    fn reads() -> &'static [&'static str] {
        &[Order::TOPIC, Cart::TOPIC, Inventory::TOPIC]
    }

    fn recalls() -> &'static [&'static str] {
        &[Cart::TOPIC]
    }

    fn react(occurrence: &Occurrence<'_>, decision: &mut Decision<'_>) -> Result<(), Failure> {
        match occurrence.event.action.as_str() {
            CREATED => set_aside(&occurrence.entity::<Order>()?.entity_id, decision),
            DELETED => match occurrence.before::<Order>()? {
                Some(order) if order.status.holds_stock() => give_back(&order, decision),
                Some(_) | None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// Takes what the order's cart holds, all or nothing.
///
/// An order whose cart is gone has nothing that could be in stock.
fn set_aside(order_id: &str, decision: &mut Decision<'_>) -> Result<(), Failure> {
    let order = decision.get::<Order>(order_id)?;
    let Some(mut order) = order.filter(|order| order.status == Status::Created) else { return Ok(()) };
    let lowered = match decision.get::<Cart>(&order.cart_id)? {
        Some(cart) => lower(&cart, decision)?,
        None => None,
    };
    order.status = if lowered.is_some() { Status::InStock } else { Status::OutOfStock };
    for inventory in lowered.iter().flatten() {
        decision.update(inventory)?;
    }
    decision.update(&order)
}

/// The inventories as they are without what the cart holds, each product's emptied in id order; `None`
/// where there is not enough.
fn lower(cart: &Cart, decision: &mut Decision<'_>) -> Result<Option<Vec<Inventory>>, Failure> {
    let mut lowered = Vec::new();
    for (product_id, count) in cart.demand() {
        let mut wanted = count;
        for mut inventory in Inventory::of_product(decision, product_id)? {
            let taken = inventory.amount.min(wanted);
            if taken > 0 {
                wanted -= taken;
                inventory.amount -= taken;
                lowered.push(inventory);
            }
        }
        if wanted > 0 {
            return Ok(None);
        }
    }
    Ok(Some(lowered))
}

/// Puts what the ended order's cart holds into each product's first inventory.
///
/// What no inventory is left for is nowhere to be put. Once its order is gone a cart may change, so what
/// counts is what it held when the order ended.
fn give_back(order: &Order, decision: &mut Decision<'_>) -> Result<(), Failure> {
    let Some(cart) = decision.get_then::<Cart>(&order.cart_id)? else { return Ok(()) };
    for (product_id, count) in cart.demand() {
        if let Some(mut inventory) = Inventory::of_product(decision, product_id)?.into_iter().next() {
            inventory.amount = inventory.amount.saturating_add(count);
            decision.update(&inventory)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
