/** Products with price and stock. */

import { api, get, html, listen, post, Problem, put, setQuery, Text, useEffect, useState } from 'retrace';
import { add } from './cart.js';
import { act, Refused } from './clicks.js';
import { euros, loadCustomers, need, products } from './reading.js';

/** @typedef {import('./reading.js').Inventory} Inventory */

/** How many shelves are asked for at once, and up to how many new ones are put beside them as they come. */
const [PAGE, MOST] = [12, 48];

/** What the shelves are filled with: name, price, how many. @type {[string, number, number][]} */
const WARES = [
  ['Bottle of ink', 9, 8],
  ['Desk lamp', 39, 5],
  ['Fountain pen', 32, 12],
  ['Globe', 85, 1],
  ['Notebook', 4, 40],
  ['Reading chair', 240, 2],
];

/** How many come when a product is ordered in. */
const RESTOCK = 10;

/** @param {{customer: string | undefined, cart: string | undefined}} props */
export function Shelves({ customer, cart }) {
  const [stock, setStock] = useState(/** @type {Map<string, Inventory> | null} */ (null));
  const [next, setNext] = useState(/** @type {string | null} */ (null));
  const [error, setError] = useState(/** @type {Error | null} */ (null));
  const load = async (/** @type {string | null} */ after) => {
    try {
      const page = await get(api('state'), { topic: 'inventory', after, limit: PAGE });
      /** @type {Inventory[]} */
      const rows = page.rows.map((/** @type {{row: Inventory}} */ { row }) => row);
      await need(rows.map((row) => row.product_id));
      setStock((stock) => new Map([...(stock ?? []), ...rows.map((row) => /** @type {const} */ ([row.entity_id, row]))]));
      setNext(page.next);
      setError(null);
    } catch (error) {
      setError(/** @type {Error} */ (error));
    }
  };
  useEffect(() => {
    load(null);
    return listen((events) => {
      const changed = events.filter((event) => event.topic === 'inventory');
      if (changed.length === 0) return;
      setStock((stock) => stock && withChanges(stock, changed));
    });
  }, []);
  if (stock === null) return error ? html`<${Problem} error=${error} retry=${() => load(null)} />` : html`<section class="panel" aria-busy="true"></section>`;
  if (stock.size === 0) return html`<${Empty} customer=${customer} />`;
  return html`<section class="panel flush shelves" aria-labelledby="shelves">
    <div class="title"><h2 id="shelves">Products</h2></div>
    <table>
      <thead>
        <tr><th scope="col">product</th><th scope="col" class="number">price</th><th scope="col" class="number">in stock</th><th><span class="unseen">to the cart</span></th></tr>
      </thead>
      <tbody>${onShelves(stock).map((shelf) => html`<${Shelf} key=${shelf.id} ...${shelf} customer=${customer} cart=${cart} />`)}</tbody>
    </table>
    ${(next || error) && html`<div class="more-shelves">
      ${error && html`<${Problem} error=${error} />`} ${next && html`<button onClick=${() => load(next)}>More products</button>`}
    </div>`}
    <${Refused} place="shelves" />
  </section>`;
}

/**
 * @param {Map<string, Inventory>} stock
 * @param {import('retrace').LogEvent[]} events
 */
function withChanges(stock, events) {
  const changed = new Map(stock);
  for (const { action, data } of events) {
    if (action === 'inventory_deleted') changed.delete(data.entity_id);
    else if (changed.has(data.entity_id) || changed.size < MOST) changed.set(data.entity_id, data);
  }
  need([...changed.values()].map((row) => row.product_id));
  return changed;
}

/**
 * One shelf a product, by name; its stock is that of all its inventories.
 *
 * @param {Map<string, Inventory>} stock
 */
function onShelves(stock) {
  /** @type {Map<string, Inventory[]>} */
  const byProduct = new Map();
  for (const row of stock.values()) byProduct.set(row.product_id, [...(byProduct.get(row.product_id) ?? []), row]);
  return [...byProduct]
    .flatMap(([id, rows]) => {
      const product = products.value.get(id);
      return product ? [{ id, product, rows, amount: rows.reduce((sum, { amount }) => sum + amount, 0) }] : [];
    })
    .sort((a, b) => (a.product.name < b.product.name ? -1 : 1));
}

/**
 * @param {{id: string, product: import('./reading.js').Product, rows: Inventory[], amount: number,
 *   customer: string | undefined, cart: string | undefined}} props
 */
function Shelf({ id, product: { name, price }, rows, amount, customer, cart }) {
  const restock = () => {
    const [{ entity_id, product_id, amount }] = /** @type {[Inventory]} */ (rows);
    act('shelves', `Restock ${name}`, (heard) =>
      put(['inventory', entity_id], { product_id, amount: amount + RESTOCK }, { heard }),
    );
  };
  return html`<tr>
    <th scope="row"><${Text} value=${name} /></th>
    <td class="number">${euros(price)}</td>
    <td class=${`number ${amount === 0 ? 'bad' : ''}`}>${amount === 0 ? 'none' : amount}</td>
    <td class="number">
      <button aria-label=${`Restock ${name}: +${RESTOCK}`} class="quiet" title=${`${RESTOCK} more in stock`} onClick=${restock}>+${RESTOCK}</button>
      <button aria-label=${`Add ${name} to the cart`} disabled=${!customer} onClick=${() => customer && add(cart, customer, id, name)}>Add</button>
    </td>
  </tr>`;
}

/** @param {{customer: string | undefined}} props */
function Empty({ customer }) {
  const fill = () =>
    act('shelves', 'Fill the shelves', async (heard) => {
      const wares = WARES.map(([name, price]) => ({ name, price }));
      /** @type {string[]} */
      const ids = await post(['product'], wares, { heard });
      const rows = ids.map((product_id, index) => ({ product_id, amount: WARES[index]?.[2] ?? 1 }));
      await post(['inventory'], rows, { heard });
      if (customer) return;
      const [first] = await post(['customer'], { name: 'Ada Lovelace', email: 'ada@example.org' }, { heard });
      await loadCustomers(first);
      setQuery({ customer: first });
    });
  return html`<section class="panel empty" aria-labelledby="shelves">
    <h2 id="shelves">The shelves are empty</h2>
    <p>A few products with some stock, and a customer to buy them, are enough to begin.</p>
    <button class="main" onClick=${fill}>Fill the shelves</button>
    <${Refused} place="shelves" />
  </section>`;
}
