/** Where a read model stands in the log. */

import { count, duration, millisOf, plural, timeOf } from '../../core/format.js';
import { html } from '../../core/html.js';
import { When } from '../../parts/data.js';

/** @param {{checkpoint: import('./types.js').Checkpoint}} props */
export const Place = ({ checkpoint }) =>
  timeOf(checkpoint.position) === null
    ? html`<span class="none">before the first event</span>`
    : html`<${When} position=${checkpoint.position} day=${true} link=${true} /> <small>#${count(checkpoint.number)}</small>`;

/**
 * How far a checkpoint is behind the head, in events and in the log's time.
 *
 * @param {{at: import('./types.js').Checkpoint, head: import('./types.js').Checkpoint}} props
 */
export function Lag({ at, head }) {
  // Both are of almost the same moment: a head that was read first may lie behind.
  const events = Math.max(0, head.number - at.number);
  const seconds = Math.max(0, millisOf(head.position) - millisOf(at.position)) / 1_000;
  if (events === 0) return html`<span class="good">none</span>`;
  if (at.number === 0) return html`<span class="warn">${plural(events, 'event')}</span>`;
  return html`<span class="warn">${plural(events, 'event')}</span> <small>${duration(seconds)}</small>`;
}

/** @param {number} version */
export const versionOf = (version) => version.toString(16).padStart(8, '0');

/** @param {Record<string, number>} rows by topic */
export const total = (rows) => Object.values(rows).reduce((sum, topic) => sum + topic, 0);
