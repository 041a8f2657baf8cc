//! OrderShop, the shop that Retrace ships with: a pure domain.
