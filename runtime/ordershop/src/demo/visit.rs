//! A scene: somebody comes, fills a cart, orders, and pays or thinks better of it.

use kernel::Request;
use serde_json::json;

use super::{Answer, Memory, Then, memory::Met};
use crate::{Customer, Order, Product, Status};

/// How often somebody looks whether their order has moved on.
const MOST_LOOKS: u32 = 40;

/// A visit of one customer.
#[derive(Debug)]
pub(super) struct Visit {
    customer: Customer,
    step: Step,
    /// Carts filled and not ordered yet.
    baskets: Vec<Basket>,
    met: Met,
}

/// A cart as its customer knows it.
#[derive(Debug)]
struct Basket {
    cart_id: String,
    product_ids: Vec<String>,
}

/// An order as its customer knows it.
#[derive(Debug)]
struct Ordered {
    order_id: String,
    /// What is to be paid for it.
    amount: i64,
    /// How often the customer will yet look whether it has moved on.
    looks: u32,
}

/// What a customer is about to do.
#[derive(Debug)]
enum Step {
    SignUp,
    LookAround { product_id: String },
    Fill { product_ids: Vec<String>, another: Another },
    Change { basket: Basket, product_ids: Vec<String> },
    Place { basket: Basket },
    Watch(Ordered),
    Cancel { order_id: String },
    Pay(Ordered),
    TakeBack { billing_id: String, ordered: Ordered },
    Reconsider(Ordered),
    Move { to: Customer },
    Leave,
}

/// Whether a friend wants the same; both carts are filled before either is ordered, so that goods can run
/// out between the two.
#[derive(Debug)]
enum Another {
    Yes,
    No,
}

impl Visit {
    pub(super) fn new(memory: &mut Memory) -> Self {
        let (customer, step) = match memory.regular() {
            Some(regular) => (regular, Self::shop(memory)),
            None => (memory.stranger(), Step::SignUp),
        };
        Self { customer, step, baskets: Vec::new(), met: Met::Plenty }
    }

    pub(super) fn next(&self) -> Request {
        let Customer { entity_id: customer_id, name, email } = &self.customer;
        match &self.step {
            Step::SignUp => Request::post("sign up", "/customer", json!({ "name": name, "email": email })),
            Step::LookAround { product_id } => Request::get("look at product", format!("/product/{product_id}")),
            Step::Fill { product_ids, .. } => {
                Request::post("fill cart", "/cart", json!({ "customer_id": customer_id, "product_ids": product_ids }))
            }
            Step::Change { basket: Basket { cart_id, .. }, product_ids } => {
                let cart = json!({ "customer_id": customer_id, "product_ids": product_ids });
                Request::put("change cart", format!("/cart/{cart_id}"), cart)
            }
            Step::Place { basket: Basket { cart_id, .. } } => {
                Request::post("place order", "/order", json!({ "cart_id": cart_id }))
            }
            Step::Watch(Ordered { order_id, .. }) | Step::Reconsider(Ordered { order_id, .. }) => {
                Request::get("look at order", format!("/order/{order_id}"))
            }
            Step::Cancel { order_id } => Request::delete("cancel order", format!("/order/{order_id}")),
            Step::Pay(Ordered { order_id, amount, .. }) => {
                Request::post("pay", "/billing", json!({ "order_id": order_id, "amount": amount }))
            }
            Step::TakeBack { billing_id, .. } => Request::delete("take payment back", format!("/billing/{billing_id}")),
            Step::Move { to: Customer { name, email, .. } } => {
                Request::put("move house", format!("/customer/{customer_id}"), json!({ "name": name, "email": email }))
            }
            Step::Leave => Request::delete("close account", format!("/customer/{customer_id}")),
        }
    }

    pub(super) fn answered(&mut self, answer: &Answer<'_>, memory: &mut Memory) -> Then {
        let step = std::mem::replace(&mut self.step, Step::Leave);
        // Whoever gets no answer at all gives up.
        let next = if answer.is_done() || answer.is_refusal() { self.after(step, answer, memory) } else { None };
        match next {
            Some(step) => {
                self.step = step;
                Then::GoOn
            }
            None => Then::Begin(memory.after_visit(self.met)),
        }
    }

    /// What comes after a step that was answered; nothing when the visit is over.
    fn after(&mut self, step: Step, answer: &Answer<'_>, memory: &mut Memory) -> Option<Step> {
        match step {
            Step::SignUp => {
                self.customer.entity_id = answer.id()?;
                memory.remember(self.customer.clone());
                Some(Self::shop(memory))
            }
            Step::LookAround { .. } => {
                match answer.entity::<Product>() {
                    Some(product) => memory.correct(product),
                    None => self.met = Met::Surprise,
                }
                Some(Self::fill(memory))
            }
            Step::Fill { product_ids, another } => self.filled(product_ids, &another, answer, memory),
            Step::Change { basket, product_ids } => {
                let changed = answer.is_done();
                self.met = if changed { self.met } else { Met::Shortage };
                self.baskets.push(if changed { Basket { product_ids, ..basket } } else { basket });
                self.order_next(memory)
            }
            Step::Place { basket } => match answer.id() {
                Some(order_id) => {
                    let amount = memory.cost(&basket.product_ids);
                    Some(Step::Watch(Ordered { order_id, amount, looks: MOST_LOOKS }))
                }
                None => self.order_next(memory),
            },
            Step::Watch(ordered) => self.watched(ordered, answer, memory),
            Step::Pay(ordered) => match answer.id() {
                Some(billing_id) if memory.chance.percent(6) => Some(Step::TakeBack { billing_id, ordered }),
                Some(_) => self.order_next(memory),
                None => {
                    self.met = Met::Surprise;
                    self.order_next(memory)
                }
            },
            Step::TakeBack { ordered, .. } => Some(Step::Reconsider(Ordered { looks: MOST_LOOKS, ..ordered })),
            Step::Reconsider(ordered) => self.reconsidered(ordered, answer, memory),
            Step::Cancel { .. } => self.order_next(memory),
            Step::Move { to } => {
                if answer.is_done() {
                    memory.remember(to);
                }
                None
            }
            Step::Leave => {
                memory.forget(&self.customer.entity_id);
                None
            }
        }
    }

    fn shop(memory: &mut Memory) -> Step {
        let looks_around = memory.chance.percent(35);
        match memory.choose_one().filter(|_| looks_around) {
            Some(product_id) => Step::LookAround { product_id },
            None => Self::fill(memory),
        }
    }

    fn fill(memory: &mut Memory) -> Step {
        let another = if memory.chance.percent(8) { Another::Yes } else { Another::No };
        Step::Fill { product_ids: memory.choose(), another }
    }

    fn filled(
        &mut self,
        product_ids: Vec<String>,
        another: &Another,
        answer: &Answer<'_>,
        memory: &mut Memory,
    ) -> Option<Step> {
        let Some(cart_id) = answer.id() else {
            self.met = Met::Shortage;
            return self.order_next(memory);
        };
        let basket = Basket { cart_id, product_ids };
        match another {
            Another::Yes => {
                let product_ids = basket.product_ids.clone();
                self.baskets.push(basket);
                Some(Step::Fill { product_ids, another: Another::No })
            }
            Another::No if memory.chance.percent(20) => Some(Step::Change { basket, product_ids: memory.choose() }),
            Another::No => {
                self.baskets.push(basket);
                self.order_next(memory)
            }
        }
    }

    /// Orders the next cart, one in twenty being left standing; with none left, the customer goes.
    fn order_next(&mut self, memory: &mut Memory) -> Option<Step> {
        match self.baskets.pop() {
            Some(basket) if memory.chance.percent(95) => Some(Step::Place { basket }),
            Some(_) | None => self.farewell(memory),
        }
    }

    fn watched(&mut self, ordered: Ordered, answer: &Answer<'_>, memory: &mut Memory) -> Option<Step> {
        match answer.entity::<Order>().map(|order| order.status) {
            Some(Status::Created) if ordered.looks > 0 => Some(Step::Watch(ordered.looked())),
            Some(Status::InStock) => match memory.chance.below(100) {
                0..8 => Some(Step::Cancel { order_id: ordered.order_id }),
                // Somebody never pays.
                8..16 => self.order_next(memory),
                _ => Some(Step::Pay(ordered)),
            },
            Some(Status::OutOfStock) => {
                self.met = Met::Shortage;
                let cancels = memory.chance.percent(50);
                if cancels { Some(Step::Cancel { order_id: ordered.order_id }) } else { self.order_next(memory) }
            }
            Some(Status::Created | Status::Cleared | Status::Uncleared | Status::Shipped | Status::Delivered)
            | None => self.order_next(memory),
        }
    }

    /// A payment was taken back: it may be made again once the order waits for one, unless it is shipped.
    fn reconsidered(&mut self, ordered: Ordered, answer: &Answer<'_>, memory: &mut Memory) -> Option<Step> {
        match answer.entity::<Order>().map(|order| order.status) {
            Some(Status::Cleared) if ordered.looks > 0 => Some(Step::Reconsider(ordered.looked())),
            Some(Status::InStock | Status::Uncleared) if memory.chance.percent(70) => Some(Step::Pay(ordered)),
            Some(_) | None => self.order_next(memory),
        }
    }

    /// Hardly anybody does anything on leaving; some have moved, some never come back.
    fn farewell(&self, memory: &mut Memory) -> Option<Step> {
        match memory.chance.below(100) {
            0..4 => {
                let Customer { email, .. } = memory.stranger();
                Some(Step::Move { to: Customer { email, ..self.customer.clone() } })
            }
            4..6 => Some(Step::Leave),
            _ => None,
        }
    }
}

impl Ordered {
    fn looked(self) -> Self {
        Self { looks: self.looks - 1, ..self }
    }
}
