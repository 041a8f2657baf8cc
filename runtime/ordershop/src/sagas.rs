//! What follows from what.
//!
//! | on | by | then |
//! |---|---|---|
//! | order created | [`InventorySaga`] | stock set aside and order `IN_STOCK`, or order `OUT_OF_STOCK` |
//! | order deleted with stock set aside | [`InventorySaga`] | stock given back |
//! | billing created, shipping created or updated | [`OrderSaga`] | order moves on |
//! | billing deleted | [`OrderSaga`] | `CLEARED` order becomes `UNCLEARED` |
//! | billing created | [`ShippingSaga`] | a shipping |
//! | customer, order, billing, shipping | [`CrmSaga`] | mails |
//!
//! A saga may come to an event late, on a view that holds more than the event (R7), so each asks what is
//! so now and takes from the event only what happened.

mod crm;
mod inventory;
mod order;
mod shipping;

pub use crm::CrmSaga;
pub use inventory::InventorySaga;
pub use order::OrderSaga;
pub use shipping::ShippingSaga;

#[cfg(test)]
mod races;
