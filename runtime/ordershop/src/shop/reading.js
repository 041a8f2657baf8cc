/** What the page asks of the shop: never more than a page of anything. */

import { api, batch, comparePositions, get, listen, signal } from 'retrace';
import { Rows } from './rows.js';

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

const known = /** @type {Rows<Customer>} */ (new Rows('customer', CUSTOMERS));

/** Customers to choose from, once they are known. */
export const customers = known.listed;

/** Why they are not. */
export const customersError = signal(/** @type {Error | null} */ (null));

/** As of when each product is known, or was heard of while it was asked for. @type {Map<string, string>} */
const since = new Map();

/** Products that are asked for. @type {Set<string>} */
const sought = new Set();

/**
 * Asks for products that nobody knows yet.
 *
 * @param {string[]} ids
 */
export async function need(ids) {
  const unknown = [...new Set(ids)].filter((id) => !products.value.has(id));
  unknown.forEach((id) => sought.add(id));
  try {
    const found = await Promise.all(unknown.map((id) => get(api('state', 'product', id))));
    batch(() => found.forEach(({ key, row, at }) => learn(key, row, at.position)));
  } finally {
    unknown.forEach((id) => sought.delete(id));
  }
}

/**
 * Never puts an older row over a newer one.
 *
 * @param {string} id
 * @param {Product | null} row
 * @param {string} at as of when
 */
function learn(id, row, at) {
  if (comparePositions(at, since.get(id) ?? at) < 0) return;
  since.set(id, at);
  products.value = new Map(products.value).set(id, row);
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
  try {
    const page = await get(api('state'), { topic: 'customer', limit: CUSTOMERS });
    /** @type {Customer[]} */
    const found = page.rows.map((/** @type {{row: Customer}} */ { row }) => row);
    if (chosen && !found.some((customer) => customer.entity_id === chosen)) {
      const { row } = await get(api('state', 'customer', chosen));
      if (row) found.unshift(row);
    }
    known.take(found, () => page.at.position);
    customersError.value = null;
  } catch (error) {
    customersError.value = /** @type {Error} */ (error);
  }
}

/** @param {number | null} sum */
export const euros = (sum) => (sum === null ? '–' : `€${sum.toLocaleString('en-US')}`);

/**
 * Keeps what is known of products and customers as it is in the log.
 *
 * @returns {() => void} ends it
 */
export function keep() {
  const unheard = listen((events) => {
    known.hear(events);
    for (const { topic, action, key, data, position } of events) {
      if (topic !== 'product' || !key || !(products.value.has(key) || sought.has(key))) continue;
      if (action === 'product_deleted') learn(key, null, position);
      else if (data) learn(key, data, position);
    }
  });
  // Whoever comes back has not heard what has happened since.
  return () => {
    unheard();
    known.clear();
    since.clear();
    products.value = new Map();
  };
}
