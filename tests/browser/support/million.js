// A history as long as one likes: a shop's customers, products, stock, carts and orders, and then years of changes.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

/** Of so many events one is the beginning of an entity; the others change one that is there. */
const LIVES = 10;

/** @param {number} seed as mulberry32 has it */
function chance(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** An identifier that is the same each time, and in no order. @param {string} topic @param {number} index */
const id = (topic, index) => {
  const mixed = (Math.imul(index + 1, 2654435761) >>> 0).toString(16).padStart(8, '0');
  return `${mixed}-${topic.padEnd(8, '0').slice(0, 4)}-4000-8000-${index.toString(16).padStart(12, '0')}`;
};

/**
 * Writes a history of so many events.
 * @param {string} path
 * @param {number} events
 */
export async function write(path, events) {
  const random = chance(7);
  const pick = (/** @type {number} */ most) => Math.floor(random() * Math.max(1, most));
  const file = createWriteStream(path);
  const born = { customer: 0, product: 0, inventory: 0, cart: 0, order: 0 };
  const STATUSES = ['CREATED', 'IN_STOCK', 'CLEARED', 'SHIPPED', 'DELIVERED'];
  const rows = {
    customer: (/** @type {number} */ n, /** @type {number} */ turn) => ({
      name: `Customer ${n}`,
      email: `c${n}.${turn}@shop.example`,
    }),
    product: (/** @type {number} */ n, /** @type {number} */ turn) => ({ name: `Product ${n}`, price: 5 + (turn % 90) }),
    inventory: (/** @type {number} */ n, /** @type {number} */ turn) => ({
      product_id: id('product', n),
      amount: turn % 500,
    }),
    cart: (/** @type {number} */ n, /** @type {number} */ turn) => ({
      customer_id: id('customer', pick(born.customer)),
      product_ids: [id('product', (n + turn) % Math.max(1, born.product)), id('product', n % Math.max(1, born.product))],
    }),
    order: (/** @type {number} */ n, /** @type {number} */ turn) => ({
      cart_id: id('cart', n % Math.max(1, born.cart)),
      status: STATUSES[turn % STATUSES.length],
    }),
  };
  const topics = /** @type {(keyof typeof born)[]} */ (Object.keys(rows));
  const first = Date.UTC(2026, 0, 5, 8);
  for (let index = 0; index < events; index += 1) {
    const isNew = index < 50 || index % LIVES === 0;
    const topic = /** @type {keyof typeof born} */ (topics[isNew ? Math.floor(index / LIVES) % topics.length : pick(5)]);
    const makes = isNew || born[topic] === 0;
    const n = makes ? born[topic]++ : pick(born[topic]);
    const data = JSON.stringify({ entity_id: id(topic, n), ...rows[topic](n, index) });
    const fields = {
      event_id: id('event', index),
      event_action: makes ? 'entity_created' : 'entity_updated',
      event_data: data,
    };
    const line = JSON.stringify({ stream: `events:${topic}`, id: `${first + index * 40}-0`, fields });
    if (!file.write(`${line}\n`)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
}
