//! What a client has been told, and what it makes of chance.

use kernel::Chance;

use super::{Deliveries, Opening, Restocking, Scene, Visit, names};
use crate::{Customer, Product};

/// Products that a client chooses from at most: enough to look like a shop, cheap to keep in stock.
const MOST_PRODUCTS: usize = 60;

/// Customers that a client comes back as.
const MOST_REGULARS: usize = 12;

/// Nobody fills a cart with what costs more; sums of a cart stay far from any limit.
const DEAR: i64 = 1_000_000;

/// Everything that a client carries from one scene to the next.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) chance: Chance,
    index: u64,
    catalogue: Vec<Product>,
    regulars: Vec<Customer>,
    visits: u64,
    /// The visit after which deliveries are confirmed next.
    round_after: u64,
}

impl Memory {
    pub(super) const fn new(seed: u64, index: u64) -> Self {
        Self {
            chance: Chance::new(seed, index),
            index,
            catalogue: Vec::new(),
            regulars: Vec::new(),
            visits: 0,
            round_after: 3,
        }
    }

    /// What the client chooses from.
    pub(super) fn catalogue(&self) -> &[Product] {
        &self.catalogue
    }

    /// Takes the assortment in: all of it, or where that is too much, a part spread over the whole.
    pub(super) fn learn(&mut self, products: Vec<Product>) {
        let affordable: Vec<_> = products.into_iter().filter(|product| product.price <= DEAR).collect();
        let stride = affordable.len().div_ceil(MOST_PRODUCTS).max(1);
        let first = usize::try_from(self.chance.below(stride as u64)).unwrap_or_default();
        self.catalogue = affordable.into_iter().skip(first).step_by(stride).collect();
    }

    /// Takes in what a product is now.
    pub(super) fn correct(&mut self, product: Product) {
        if let Some(known) = self.catalogue.iter_mut().find(|known| known.entity_id == product.entity_id) {
            *known = product;
        }
    }

    /// The id of some product; nothing where none is known.
    pub(super) fn choose_one(&mut self) -> Option<String> {
        self.chance.pick(&self.catalogue).map(|product| product.entity_id.clone())
    }

    /// Ids of one to five products, repeats among them.
    pub(super) fn choose(&mut self) -> Vec<String> {
        let count = 1 + self.chance.below(5);
        (0..count).filter_map(|_| self.choose_one()).collect()
    }

    /// What these products cost together, as far as they are known.
    pub(super) fn cost(&self, product_ids: &[String]) -> i64 {
        let price = |id: &String| self.catalogue.iter().find(|known| known.entity_id == *id).map(|known| known.price);
        product_ids.iter().filter_map(price).sum()
    }

    /// Somebody who has been here before, in two of five cases.
    pub(super) fn regular(&mut self) -> Option<Customer> {
        if self.chance.percent(40) { self.chance.pick(&self.regulars).cloned() } else { None }
    }

    /// Remembers a customer as they are now; the memory being full, somebody else is forgotten.
    pub(super) fn remember(&mut self, customer: Customer) {
        self.forget(&customer.entity_id);
        if self.regulars.len() >= MOST_REGULARS {
            self.regulars.remove(0);
        }
        self.regulars.push(customer);
    }

    pub(super) fn forget(&mut self, customer_id: &str) {
        self.regulars.retain(|regular| regular.entity_id != customer_id);
    }

    /// Somebody who has not been here before, without an id yet.
    pub(super) fn stranger(&mut self) -> Customer {
        let first = self.chance.pick(names::FIRST).copied().unwrap_or_default();
        let last = self.chance.pick(names::LAST).copied().unwrap_or_default();
        let email = format!("{}.{}@{}", first.to_lowercase(), last.to_lowercase(), names::MAILS);
        Customer { entity_id: String::new(), name: format!("{first} {last}"), email }
    }

    /// Getting to know the assortment, anew or for the first time.
    pub(super) const fn opening(&self) -> Scene {
        Scene::Opening(Opening::of_client(self.index))
    }

    /// What a client does after a visit that met goods out of stock, or did not.
    pub(super) fn after_visit(&mut self, met: Met) -> Scene {
        self.visits += 1;
        match met {
            Met::Surprise => self.opening(),
            Met::Shortage => Scene::Restocking(Restocking::default()),
            Met::Plenty if self.index == 0 && self.visits >= self.round_after => {
                Scene::Deliveries(Deliveries::default())
            }
            Met::Plenty => Scene::Visit(Visit::new(self)),
        }
    }

    /// Puts the next round of deliveries off the further, the more there was to look through: on a shop that
    /// grows, looking stays a small part of all that is done.
    pub(super) const fn after_round(&mut self, looked_through: u64) {
        let pause = looked_through / 50;
        self.round_after = self.visits + if pause > 4 { pause } else { 4 };
    }
}

/// What a visit met with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// Everything asked for was there.
    Plenty,
    /// Something was out of stock.
    Shortage,
    /// The assortment is not what it was.
    Surprise,
}
