//! The shop as a page: orders placed by hand, and everything that comes of them.
//!
//! It asks nothing but what any client may ask, and is given nothing but the module `retrace`.

use kernel::Page;

/// The page.
pub(crate) const PAGE: Page = Page {
    name: "shop",
    title: "Shop",
    script: include_str!("shop.js"),
    modules: &[
        ("cart.js", include_str!("shop/cart.js")),
        ("clicks.js", include_str!("shop/clicks.js")),
        ("customers.js", include_str!("shop/customers.js")),
        ("mails.js", include_str!("shop/mails.js")),
        ("order.js", include_str!("shop/order.js")),
        ("orders.js", include_str!("shop/orders.js")),
        ("reading.js", include_str!("shop/reading.js")),
        ("rows.js", include_str!("shop/rows.js")),
        ("shelves.js", include_str!("shop/shelves.js")),
        ("steps.js", include_str!("shop/steps.js")),
        ("story.js", include_str!("shop/story.js")),
    ],
    style: include_str!("shop.css"),
};
