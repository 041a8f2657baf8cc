//! Writes to customers.

use kernel::{CREATED, DELETED, Decision, Entity, Failure, Occurrence, Saga, UPDATED};

use crate::{Billing, Cart, Customer, Mail, Order, Product, Shipping, Status, cart::Cost};

/// Tells customers what becomes of them and their orders.
///
/// Who or what is gone by the time that it would be written about gets no mail.
pub struct CrmSaga;

impl Saga for CrmSaga {
    const NAME: &'static str = "crm";

    fn triggers() -> &'static [(&'static str, &'static str)] {
        &[
            (Customer::TOPIC, CREATED),
            (Customer::TOPIC, DELETED),
            (Order::TOPIC, UPDATED),
            (Billing::TOPIC, CREATED),
            (Shipping::TOPIC, CREATED),
        ]
    }

    fn reads() -> &'static [&'static str] {
        &[Customer::TOPIC, Product::TOPIC, Cart::TOPIC, Order::TOPIC]
    }

    fn react(occurrence: &Occurrence<'_>, decision: &mut Decision<'_>) -> Result<(), Failure> {
        let event = occurrence.event;
        match (&*event.topic, event.action.as_str()) {
            (Customer::TOPIC, CREATED) => write(&occurrence.entity()?, WELCOME, decision),
            (Customer::TOPIC, DELETED) => write(&occurrence.entity()?, GOODBYE, decision),
            (Order::TOPIC, UPDATED) => match come_into_stock(occurrence)? {
                Some(order) => ask_for_payment(&order.entity_id, decision),
                None => Ok(()),
            },
            (Billing::TOPIC, CREATED) => thank(&occurrence.entity()?, decision),
            (Shipping::TOPIC, CREATED) => announce(&occurrence.entity()?, decision),
            _ => Ok(()),
        }
    }
}

const WELCOME: &str = "welcome to OrderShop! We are glad that you are here.";
const GOODBYE: &str = "your account is closed. Thank you for having been with us; you are welcome back any time.";

/// The order, if it was somewhere else just before and is in stock now.
fn come_into_stock(occurrence: &Occurrence<'_>) -> Result<Option<Order>, Failure> {
    let was_elsewhere = occurrence.before::<Order>()?.is_some_and(|before| before.status != Status::InStock);
    if !was_elsewhere {
        return Ok(None);
    }
    Ok(Some(occurrence.entity::<Order>()?).filter(|order| order.status == Status::InStock))
}

fn ask_for_payment(order_id: &str, decision: &mut Decision<'_>) -> Result<(), Failure> {
    let Some((cart, customer)) = ordered(order_id, decision)? else { return Ok(()) };
    match cart.cost(decision)? {
        Cost::Sum(sum) => {
            let text = format!("everything in your order {order_id} is in stock. Please pay € {sum}.");
            write(&customer, &text, decision)
        }
        Cost::Unknown(_) => Ok(()),
    }
}

fn thank(billing: &Billing, decision: &mut Decision<'_>) -> Result<(), Failure> {
    let Billing { order_id, amount, .. } = billing;
    let Some((_, customer)) = ordered(order_id, decision)? else { return Ok(()) };
    write(&customer, &format!("we have received € {amount} for your order {order_id}. Thank you!"), decision)
}

fn announce(shipping: &Shipping, decision: &mut Decision<'_>) -> Result<(), Failure> {
    let order_id = &shipping.order_id;
    let Some((_, customer)) = ordered(order_id, decision)? else { return Ok(()) };
    write(&customer, &format!("your order {order_id} is on its way to you."), decision)
}

/// What was ordered and by whom, if order, cart and customer are all still there.
fn ordered(order_id: &str, decision: &mut Decision<'_>) -> Result<Option<(Cart, Customer)>, Failure> {
    let Some(order) = decision.get::<Order>(order_id)? else { return Ok(None) };
    let Some(cart) = decision.get::<Cart>(&order.cart_id)? else { return Ok(None) };
    let customer = decision.get::<Customer>(&cart.customer_id)?;
    Ok(customer.map(|customer| (cart, customer)))
}

fn write(customer: &Customer, text: &str, decision: &mut Decision<'_>) -> Result<(), Failure> {
    let message = format!("Dear {},\n\n{text}\n\nYours,\nOrderShop", customer.name);
    decision.send(&Mail { recipient: customer.email.clone(), message })
}

#[cfg(test)]
mod tests;
