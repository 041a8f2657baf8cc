/** How far an order has come, as a line. */

import { href, html, timeOf } from 'retrace';
import { toneOf } from './orders.js';

/** @typedef {{status: string, id: string, position: string}} Step a status, and the event that it came with */

/** What comes next, when all goes well. @type {Record<string, string>} */
const NEXT = { CREATED: 'IN_STOCK', IN_STOCK: 'CLEARED', UNCLEARED: 'CLEARED', CLEARED: 'SHIPPED', SHIPPED: 'DELIVERED' };

/** @param {string} status */
function ahead(status) {
  /** @type {string[]} */
  const statuses = [];
  for (let next = NEXT[status]; next; next = NEXT[next]) statuses.push(next);
  return statuses;
}

/** @param {{steps: Step[]}} props */
export function Steps({ steps }) {
  const now = steps.at(-1);
  if (!now) return null;
  return html`<ol class="steps" aria-label="Status">
    ${steps.map(
      (step) =>
        html`<li key=${step.id} class=${`done ${toneOf(step.status)}`} aria-current=${step === now ? 'step' : null}>
          <i></i><b>${step.status}</b>
          <a href=${href(['trace', step.id])} title="Why: its trace"><time>${timeOf(step.position)?.time ?? step.position}</time></a>
        </li>`,
    )}
    ${ahead(now.status).map((status) => html`<li key=${`ahead ${status}`} class="ahead"><i></i><b>${status}</b></li>`)}
  </ol>`;
}
