/** What the page asks of the shop: never more than a page of anything. */

import { api, get, listen, signal } from 'retrace';

/** @typedef {import('retrace').LogEvent} LogEvent */
/** @typedef {{entity_id: string, name: string, email: string}} Customer */
/** @typedef {{entity_id: string, name: string, price: number}} Product */
/** @typedef {{entity_id: string, product_id: string, amount: number}} Inventory */
/** @typedef {{entity_id: string, customer_id: string, product_ids: string[]}} Cart */
/** @typedef {{entity_id: string, cart_id: string, status: string}} Order */

/** How many customers there are to choose from. */
const CUSTOMERS = 50;

/** Products that have been asked for, by id; nothing for one that does not exist. */
export const products = signal(/** @type {Map<string, Product | null>} */ (new Map()));

/** Customers to choose from, once they are known. */
export const customers = signal(/** @type {Customer[] | null} */ (null));

/**
 * Asks for products that nobody has asked for yet.
 *
 * @param {string[]} ids
 */
export async function need(ids) {
  const unknown = [...new Set(ids)].filter((id) => !products.value.has(id));
  if (unknown.length === 0) return;
  const found = await Promise.all(unknown.map(async (id) => /** @type {const} */ ([id, await get(['product', id])])));
  products.value = new Map([...products.value, ...found]);
}

/**
 * What products cost together; nothing where one is not known.
 *
 * @param {string[]} ids
 */
export function costOf(ids) {
  let sum = 0;
  for (const id of ids) {
    const product = products.value.get(id);
    if (!product) return null;
    sum += product.price;
  }
  return sum;
}

/** @param {string | undefined} chosen is among them even when there are many more */
export async function loadCustomers(chosen) {
  const { rows } = await get(api('state'), { topic: 'customer', limit: CUSTOMERS });
  /** @type {Customer[]} */
  const found = rows.map((/** @type {{row: Customer}} */ { row }) => row);
  if (chosen && !found.some((customer) => customer.entity_id === chosen)) {
    const row = await get(['customer', chosen]);
    if (row) found.unshift(row);
  }
  customers.value = found;
}

/** @param {number | null} sum */
export const euros = (sum) => (sum === null ? '–' : `€${sum.toLocaleString('en-US')}`);

/**
 * Keeps what is known of products and customers as it is in the log.
 *
 * @returns {() => void} ends it
 */
export const keep = () =>
  listen((events) => {
    for (const event of events) {
      if (event.topic === 'product' && products.value.has(event.data.entity_id)) {
        const row = event.action === 'product_deleted' ? null : event.data;
        products.value = new Map(products.value).set(event.data.entity_id, row);
      }
      if (event.topic === 'customer' && customers.value) customers.value = withCustomer(customers.value, event);
    }
  });

/**
 * @param {Customer[]} known
 * @param {LogEvent} event
 */
function withCustomer(known, { action, data }) {
  if (action === 'customer_deleted') return known.filter((customer) => customer.entity_id !== data.entity_id);
  if (known.some((customer) => customer.entity_id === data.entity_id)) {
    return known.map((customer) => (customer.entity_id === data.entity_id ? data : customer));
  }
  return known.length < CUSTOMERS ? [...known, data] : known;
}
