/** A row that is another at a second moment. */

import { contentOf, labelOf } from '../core/domain.js';
import { html } from '../core/html.js';
import { Changes, EntityLink, Text } from './data.js';

/** @typedef {import('../core/types.js').Place} Place */

/**
 * @param {{change: import('../core/types.js').Change & {kind: string}, places: [Place, Place], log?: string | undefined}} props
 */
export function ChangedRow({ change: { topic, key, kind, ...change }, places: [from, to], log }) {
  const [before, after] = [contentOf(topic, change.before), contentOf(topic, change.after)];
  const at = (after === null ? from : to).position;
  return html`<li class=${`changed-row row-${kind}`}>
    <div class="who">
      <span class=${`badge ${kind}`}>${kind}</span>
      <${EntityLink} topic=${topic} id=${key} at=${at} log=${log} />
      <span class="as"><${Text} value=${labelOf(topic, after ?? before) || ' '} most=${60} /></span>
    </div>
    <${Changes} topic=${topic} before=${before} after=${after} at=${at} log=${log} titles=${[nameOf(from), nameOf(to)]} />
  </li>`;
}

/** @param {Place} place a moment as a column is called */
export const nameOf = ({ number, position }) => (number === null ? position : `#${number}`);
