/** The newest few orders, to choose from. */

import { api, get, href, html, Id, listen, route, useEffect, useState } from 'retrace';

/** @typedef {import('./reading.js').Order} Row */
/** @typedef {import('retrace').LogEvent} LogEvent */

/** How many are shown, and how many events about orders are looked at to find them. */
const [NEWEST, EVENTS] = [6, 100];

/** @param {{chosen: string | undefined}} props */
export function Orders({ chosen }) {
  const [rows, setRows] = useState(/** @type {Row[] | null} */ (null));
  useEffect(() => {
    let isWanted = true;
    newest().then(
      (rows) => isWanted && setRows(rows),
      () => isWanted && setRows([]),
    );
    const unheard = listen((events) => {
      const changed = events.filter((event) => event.topic === 'order');
      if (changed.length > 0) setRows((rows) => rows && changed.reduce(withChange, rows));
    });
    return () => {
      isWanted = false;
      unheard();
    };
  }, []);
  const isKnown = rows?.some((row) => row.entity_id === chosen);
  useEffect(() => {
    if (!chosen || !rows || isKnown) return;
    get(['order', chosen]).then(
      (row) => row && setRows((rows) => [row, ...(rows ?? []).filter((other) => other.entity_id !== chosen)].slice(0, NEWEST)),
      () => {},
    );
  }, [chosen, rows !== null, isKnown]);
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

async function newest() {
  const { events } = await get(api('log'), { topic: 'order', limit: EVENTS });
  /** @type {Map<string, Row | null>} */
  const found = new Map();
  for (const { action, data } of /** @type {LogEvent[]} */ (events).reverse()) {
    if (!found.has(data.entity_id)) found.set(data.entity_id, action === 'order_deleted' ? null : data);
  }
  return [...found.values()].flatMap((row) => row ?? []).slice(0, NEWEST);
}

/**
 * Others' orders don't push away those that are looked at.
 *
 * @param {Row[]} rows
 * @param {LogEvent} event
 */
function withChange(rows, { action, data }) {
  if (action === 'order_deleted') return rows.filter((row) => row.entity_id !== data.entity_id);
  if (rows.some((row) => row.entity_id === data.entity_id)) {
    return rows.map((row) => (row.entity_id === data.entity_id ? data : row));
  }
  return rows.length < NEWEST ? [data, ...rows] : rows;
}
