/** The shop, by hand: fill a cart, order it, pay, deliver, and see what each click causes. */

import { html, Problem, route, setQuery, useAnswer, useEffect } from 'retrace';
import { Cart } from './shop/cart.js';
import { follow, recall } from './shop/clicks.js';
import { Customers } from './shop/customers.js';
import { Mails } from './shop/mails.js';
import { Order } from './shop/order.js';
import { Orders } from './shop/orders.js';
import { customers } from './shop/reading.js';
import { Shelves } from './shop/shelves.js';
import { Story } from './shop/story.js';

export default function Shop() {
  const { customer, cart, order } = route.value.query;
  useEffect(follow, []);
  const recalled = useAnswer(async () => {
    if (order) await recall(order);
  }, []);
  // Somebody buys; who says nothing else is the first that there is.
  const first = customers.value?.[0]?.entity_id;
  useEffect(() => {
    if (!customer && first) setQuery({ customer: first });
  }, [customer, first]);
  return html`<div class="view shop">
    <header class="head">
      <h1>Shop</h1>
      <p class="hint">Fill a cart, order it, pay and deliver. Beside it stands every event that your clicks cause.</p>
      <span class="grow"></span>
      <${Customers} chosen=${customer} />
    </header>
    <div class="floor">
      <div class="counter">
        <${Shelves} customer=${customer} cart=${cart} />
        <${Cart} customer=${customer} id=${cart} />
      </div>
      <section class="panel orders" aria-labelledby="orders">
        <h2 id="orders">Orders</h2>
        <${Orders} chosen=${order} />
        ${order && html`<${Order} key=${order} id=${order} />`}
      </section>
      <${Mails} customer=${customer} />
    </div>
    ${recalled.error && html`<${Problem} error=${recalled.error} retry=${recalled.again} />`}
    <${Story} />
  </div>`;
}
