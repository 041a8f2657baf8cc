//! `OrderShop`, the shop that Retrace ships with: a pure domain.
//!
//! Customers fill carts, orders take stock, billings clear them, shippings end them, and mails tell the
//! customer. Every rule is a function of what the kernel shows: nothing here names a clock, a random source,
//! a socket or a store, so the whole shop can be replayed.
//!
//! It refuses to repeat what the kernel already checks (shapes, bounds, that references exist, all or
//! nothing), to guess what dangling references meant, and to remember anything outside the log.
//!
//! | module | what it holds |
//! |---|---|
//! | [`customer`], [`product`], [`inventory`], [`cart`], [`order`], [`billing`], [`shipping`] | one entity each: type, topic, checks |
//! | [`mail`] | the journal of mails sent |
//! | [`sagas`] | what follows from what: stock, order status, shippings, mails |
//! | [`queries`] | the questions with routes of their own |
//! | [`demo`] | simulated clients |
//! | `shop` | the page on which a person places orders by hand |
//!
//! Start with [`order::Status::successors`], the status graph, then [`sagas`].

pub mod billing;
pub mod cart;
pub mod customer;
pub mod demo;
pub mod inventory;
pub mod mail;
pub mod order;
pub mod product;
pub mod queries;
pub mod sagas;
pub mod shipping;
mod shop;
#[cfg(test)]
mod testing;

pub use billing::Billing;
pub use cart::Cart;
pub use customer::Customer;
pub use inventory::Inventory;
pub use mail::Mail;
pub use order::{Order, Status};
pub use product::Product;
pub use shipping::Shipping;

/// The whole shop, as one value.
#[must_use]
pub fn domain() -> kernel::Domain {
    kernel::Domain::new("ordershop")
        .entity::<Customer>()
        .entity::<Product>()
        .entity::<Inventory>()
        .entity::<Cart>()
        .entity::<Order>()
        .entity::<Billing>()
        .entity::<Shipping>()
        .journal::<Mail>()
        .saga::<sagas::InventorySaga>()
        .saga::<sagas::OrderSaga>()
        .saga::<sagas::ShippingSaga>()
        .saga::<sagas::CrmSaga>()
        .query::<queries::UnbilledOrders>()
        .query::<queries::UnshippedOrders>()
        .query::<queries::DeliveredOrders>()
        .query::<queries::SentMails>()
        .query::<queries::Report>()
        .query::<queries::OrderReport>()
        .page(shop::PAGE)
        .demo::<demo::Client>()
}

#[cfg(test)]
mod tests;
