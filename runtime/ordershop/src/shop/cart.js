/** What the customer wants. The cart is in the shop, not in the page: each click changes it there. */

import { Answer, del, get, html, plural, post, put, route, setQuery, Text, useAnswer, useFollowed } from 'retrace';
import { act, Refused } from './clicks.js';
import { costOf, euros, need, products } from './reading.js';

/** Changes are made one after the other, each to what the one before has left. @type {Promise<unknown>} */
let turn = Promise.resolve();

/**
 * Puts a product into the cart, which is made if there is none.
 *
 * @param {string | undefined} cart
 * @param {string} customer
 * @param {string} product
 * @param {string} name
 */
export const add = (cart, customer, product, name) =>
  change(cart, customer, `Add ${name}`, (ids) => [...ids, product]);

/**
 * @param {string | undefined} given
 * @param {string} customer
 * @param {string} title
 * @param {(ids: string[]) => string[]} changed
 */
function change(given, customer, title, changed) {
  const work = () =>
    act('cart', title, async (heard) => {
      const id = route.value.query.cart ?? given;
      const now = id ? await get(['cart', id]) : null;
      const product_ids = changed(now?.product_ids ?? []);
      const row = { customer_id: now?.customer_id ?? customer, product_ids };
      if (now && product_ids.length === 0) {
        await del(['cart', now.entity_id], { heard });
        setQuery({ cart: null });
      } else if (now) {
        await put(['cart', now.entity_id], row, { heard });
      } else {
        const [made] = await post(['cart'], row, { heard });
        setQuery({ cart: made });
      }
    });
  turn = turn.then(work);
}

/** @param {{customer: string | undefined, id: string | undefined}} props */
export function Cart({ customer, id }) {
  const asked = useAnswer(() => read(id), [id]);
  useFollowed(asked, (event) => event.topic === 'cart' && event.key === id);
  return html`<section class="panel flush cart" aria-labelledby="cart">
    <div class="title"><h2 id="cart">Cart</h2></div>
    <${Answer} asked=${asked}>
      ${(/** @type {string[]} */ ids) =>
        id && customer && ids.length > 0
          ? html`<${Filled} id=${id} customer=${customer} ids=${ids} />`
          : html`<p class="nothing">Nothing in it yet. Add a product.</p>`}
    </${Answer}>
    <${Refused} place="cart" />
  </section>`;
}

/**
 * What is in a cart; nothing where there is none.
 *
 * @param {string | undefined} id
 * @returns {Promise<string[]>}
 */
export async function read(id) {
  const cart = id ? await get(['cart', id]) : null;
  await need(cart?.product_ids ?? []);
  return cart?.product_ids ?? [];
}

/** @param {{id: string, customer: string, ids: string[]}} props */
function Filled({ id, customer, ids }) {
  const place = async () => {
    const made = await act('cart', 'Order', (heard) => post(['order'], { cart_id: id }, { heard }));
    if (made) setQuery({ order: made[0], cart: null });
  };
  return html`
    <table>
      <tbody>${counted(ids).map(([product, times]) => html`<${Line} key=${product} id=${id} customer=${customer} product=${product} times=${times} />`)}</tbody>
      <tfoot>
        <tr><th scope="row">${plural(ids.length, 'product')}</th><td class="number"><b>${euros(costOf(ids))}</b></td><td></td></tr>
      </tfoot>
    </table>
    <p class="buttons"><button class="main" onClick=${place}>Order</button></p>
  `;
}

/** @param {{id: string, customer: string, product: string, times: number}} props */
function Line({ id, customer, product, times }) {
  const known = products.value.get(product);
  const name = known?.name ?? product;
  const less = () => change(id, customer, `Take out ${name}`, (ids) => ids.toSpliced(ids.lastIndexOf(product), 1));
  return html`<tr>
    <th scope="row">${times > 1 && html`<b>${times} ×</b> `}<${Text} value=${name} /></th>
    <td class="number">${euros(known ? known.price * times : null)}</td>
    <td class="number">
      <button class="quiet" aria-label=${`One ${name} less`} onClick=${less}>−</button>
      <button class="quiet" aria-label=${`One ${name} more`} onClick=${() => add(id, customer, product, name)}>+</button>
    </td>
  </tr>`;
}

/**
 * Products with how often each is there.
 *
 * @param {string[]} ids
 */
function counted(ids) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts];
}
