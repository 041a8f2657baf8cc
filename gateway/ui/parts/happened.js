/** What happened at a moment, in a line. */

import { labelOf } from '../core/domain.js';
import { html } from '../core/html.js';
import { same } from '../core/json.js';
import { href } from '../core/route.js';
import { Chip, EntityLink, FieldValue, fieldsOf, Text, verbOf } from './data.js';

/** How many characters of a value there is room for. */
const MOST = 40;

/**
 * The fields of a row that a change made others, in the topic's order.
 *
 * @param {import('../core/types.js').Change | null | undefined} change
 * @returns {Set<string>}
 */
export function changedIn(change) {
  if (!change) return new Set();
  const { topic, before, after } = change;
  return new Set(fieldsOf(topic, before, after).filter((name) => !same(before?.[name], after?.[name])));
}

/** @param {{state: import('../core/types.js').State, at?: string, log?: string | null}} props */
export function Happened({ state, at, log }) {
  const { event, change } = state;
  if (!event) return html`<div class="happened"><span class="none">Nothing has happened yet.</span></div>`;
  const { topic, key, event_id, handler } = event;
  const isThere = event.position === state.at.position;
  return html`<div class="happened">
    <span class="what">
      ${!isThere && html`<span class="none">A saga’s decision: nothing changed. Before it:</span> `}<${Chip} topic=${topic} /> <b>${verbOf(event)}</b>
      ${key && html` <${EntityLink} topic=${topic} id=${key} at=${at} log=${log} />`}
      ${change && html` <${Delta} change=${change} at=${at} log=${log} />`}
    </span>${' '}
    ${handler && html`<span class="by">by saga ${handler}</span>`}
    <span class="ways">
      <a href=${href(['trace', event_id], { log })}>Trace</a>
      ${key && html`<a href=${href(['history', topic, key], { log })}>History</a>`}
    </span>
  </div>`;
}

/** @param {{change: import('../core/types.js').Change, at?: string, log?: string | null}} props */
function Delta({ change, at, log }) {
  const { topic, before, after } = change;
  if (!before || !after) {
    const label = labelOf(topic, after ?? before);
    return label && html`<span class="delta"><${Text} value=${label} most=${MOST} /></span>`;
  }
  return [...changedIn(change)].map(
    (name) => html`<span class="delta">${name} <${OldNew} topic=${topic} name=${name} before=${before} after=${after} at=${at} log=${log} most=${MOST} /></span>`,
  );
}

/**
 * A field that is another now.
 *
 * @param {{topic: string, name: string, before: any, after: any, at?: string, log?: string | null, most?: number}} props
 */
export function OldNew({ topic, name, before, after, at, log, most }) {
  const value = (/** @type {any} */ row) => html`<${FieldValue} topic=${topic} name=${name} value=${row?.[name]} at=${at} log=${log} most=${most} />`;
  return html`<del>${value(before)}</del> <span class="to" aria-label="became">→</span> <ins>${value(after)}</ins>`;
}
