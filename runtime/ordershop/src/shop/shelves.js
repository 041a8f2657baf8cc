/** Products with price and stock. */

import { api, get, html, listen, post, Problem, put, setQuery, Text, useEffect, useState } from 'retrace';
import { add } from './cart.js';
import { act, Refused } from './clicks.js';
import { euros, loadCustomers, need, products } from './reading.js';
import { Rows } from './rows.js';

/** @typedef {import('./reading.js').Inventory} Inventory */

/** How many shelves are asked for at once; until there are so many, new ones are put beside them as they come. */
const PAGE = 8;

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
  const [inventories] = useState(() => /** @type {Rows<Inventory>} */ (new Rows('inventory', PAGE)));
  const [next, setNext] = useState(/** @type {string | null} */ (null));
  const [error, setError] = useState(/** @type {Error | null} */ (null));
  const trying = async (/** @type {() => Promise<void>} */ work) => {
    try {
      await work();
      setError(null);
    } catch (error) {
      setError(/** @type {Error} */ (error));
    }
  };
  const load = (/** @type {string | null} */ after) =>
    trying(async () => {
      const page = await get(api('state'), { topic: 'inventory', after, limit: PAGE });
      /** @type {Inventory[]} */
      const rows = page.rows.map((/** @type {{row: Inventory}} */ { row }) => row);
      await need(rows.map((row) => row.product_id));
      inventories.take(rows, () => page.at.position);
      setNext(page.next);
    });
  useEffect(() => {
    const unheard = listen((events) => inventories.hear(events));
    load(null);
    return unheard;
  }, []);
  const stock = inventories.listed.value;
  const ids = (stock ?? []).map((row) => row.product_id);
  const name = () => trying(() => need(ids));
  useEffect(() => {
    if (ids.some((id) => !products.value.has(id))) name();
  }, [ids.join()]);
  if (stock === null) return error ? html`<${Problem} error=${error} retry=${() => load(null)} />` : html`<section class="panel" aria-busy="true"></section>`;
  if (stock.length === 0) return html`<${Empty} customer=${customer} />`;
  return html`<section class="panel flush shelves" aria-labelledby="shelves">
    <div class="title"><h2 id="shelves">Products</h2></div>
    <div class="board">
      <table>
        <thead>
          <tr><th scope="col">product</th><th scope="col" class="number">price</th><th scope="col" class="number">in stock</th><th><span class="unseen">to the cart</span></th></tr>
        </thead>
        <tbody>${onShelves(stock).map((shelf) => html`<${Shelf} key=${shelf.id} ...${shelf} customer=${customer} cart=${cart} />`)}</tbody>
      </table>
    </div>
    ${(next || error) && html`<div class="more-shelves">
      ${error && html`<${Problem} error=${error} retry=${name} />`} ${next && html`<button onClick=${() => load(next)}>More products</button>`}
    </div>`}
    <${Refused} place="shelves" />
  </section>`;
}

/**
 * One shelf a product, by name; its stock is that of all its inventories.
 *
 * @param {Inventory[]} stock
 */
function onShelves(stock) {
  /** @type {Map<string, Inventory[]>} */
  const byProduct = new Map();
  for (const row of stock) byProduct.set(row.product_id, [...(byProduct.get(row.product_id) ?? []), row]);
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
      <button aria-label=${`Restock ${name}: +${RESTOCK}`} class="restock" title=${`${RESTOCK} more in stock`} onClick=${restock}>+${RESTOCK}</button>
      <button aria-label=${`Add ${name} to the cart`} disabled=${!customer || amount === 0} onClick=${() => customer && add(cart, customer, id, name)}>Add</button>
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
