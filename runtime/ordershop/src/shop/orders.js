/** The newest few orders, to choose from. */

import { api, get, href, html, Id, listen, Problem, route, useAnswer, useEffect, useState } from 'retrace';
import { Rows } from './rows.js';

/** @typedef {import('./reading.js').Order} Row */
/** @typedef {import('retrace').LogEvent} LogEvent */

/** How many are shown, and how many events about orders are looked at to find them. */
const [NEWEST, EVENTS] = [6, 100];

/** @param {{chosen: string | undefined}} props */
export function Orders({ chosen }) {
  const [orders] = useState(() => /** @type {Rows<Row>} */ (new Rows('order', NEWEST, true)));
  useEffect(() => listen((events) => orders.hear(events)), []);
  const asked = useAnswer((signal) => newest(orders, signal), []);
  const rows = orders.listed.value;
  const isKnown = rows?.some((row) => row.entity_id === chosen);
  const sought = useAnswer(async (signal) => {
    if (chosen && rows && !isKnown) await seek(orders, chosen, signal);
  }, [chosen, rows !== null, isKnown]);
  if (asked.error) return html`<${Problem} error=${asked.error} retry=${asked.again} />`;
  if (sought.error) return html`<${Problem} error=${sought.error} retry=${sought.again} />`;
  if (rows === null) return null;
  if (rows.length === 0 && !chosen) return html`<p class="nothing">No orders yet. Fill a cart and order it.</p>`;
  return html`<nav class="newest" aria-label="Newest orders">
    ${rows.map(
      (row) =>
        html`<a key=${row.entity_id} href=${href(['page', 'shop'], { ...route.value.query, order: row.entity_id })}
          aria-current=${row.entity_id === chosen ? 'true' : null}><${Id} value=${row.entity_id} /> <span class=${`badge ${toneOf(row.status)}`}>${row.status}</span></a
        >`,
    )}
  </nav>`;
}

/** How good a status is. @param {string} status */
export function toneOf(status) {
  if (status === 'DELIVERED') return 'good';
  return status === 'OUT_OF_STOCK' ? 'bad' : status === 'UNCLEARED' ? 'warn' : '';
}

/**
 * Finds the newest orders in the log: those that something happened to.
 *
 * @param {Rows<Row>} orders
 * @param {AbortSignal} signal
 */
async function newest(orders, signal) {
  const { events } = await get(api('log'), { topic: 'order', limit: EVENTS }, { signal });
  /** @type {Map<string, LogEvent>} */
  const found = new Map();
  for (const event of /** @type {LogEvent[]} */ (events).reverse()) {
    if (event.key && !found.has(event.key)) found.set(event.key, event);
  }
  const there = [...found.values()].filter(({ action, data }) => data && action !== 'order_deleted').slice(0, NEWEST);
  orders.take(there.map(({ data }) => data), (row) => found.get(row.entity_id)?.position ?? '0-0');
}

/**
 * Others' orders don't push away the one that is looked at.
 *
 * @param {Rows<Row>} orders
 * @param {string} id
 * @param {AbortSignal} signal
 */
async function seek(orders, id, signal) {
  const { row, at } = await get(api('state', 'order', id), {}, { signal });
  if (row) orders.show(row, at.position);
}
