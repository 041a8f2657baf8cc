/** Event data, identifiers and moments. Data is text, whatever is in it: it never becomes markup. */

import { hueOf, topicOf } from '../core/domain.js';
import { short, size, timeOf } from '../core/format.js';
import { html, useState } from '../core/html.js';
import { asText, same } from '../core/json.js';
import { href, route } from '../core/route.js';

/** How many characters of a text are shown at first. */
const FIRST = 160;

/** How long a text is that can be unfolded in a cell of a table; in between it is told on demand, for rows to be alike. */
export const UNFOLDED = 400;

/** Characters that can't be seen, or turn what comes after them around. */
const UNSEEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Characters that join others into one sign: a family of emoji, or letters in some scripts. */
const JOINER = /[\u200c\u200d]/;

/**
 * Text with what can't be seen written out.
 *
 * @param {string} text
 */
export const visible = (text) =>
  text.replace(UNSEEN, (sign) => (JOINER.test(sign) ? sign : `\\u{${/** @type {number} */ (sign.codePointAt(0)).toString(16)}}`));

/**
 * Any value as text. Long ones are cut and can be unfolded; one that runs from right to left stays in its place.
 *
 * @param {{value: any, most?: number, unfolds?: number}} props `unfolds` tells how long one is at least that has a button for that
 */
export function Text({ value, most = FIRST, unfolds = 0 }) {
  const [isWhole, setWhole] = useState(false);
  const text = visible(asText(value));
  if (text === '') return html`<i class="none">empty</i>`;
  if (text.length <= most || isWhole) return html`<bdi class="text">${text}</bdi>`;
  // A sign of two halves is not cut in the middle.
  const cut = /[\ud800-\udbff]/.test(text[most - 1] ?? '') ? most - 1 : most;
  if (text.length <= unfolds) return html`<bdi class="text" title=${text}>${text.slice(0, cut)}…</bdi>`;
  const unfold = (/** @type {Event} */ event) => {
    event.stopPropagation();
    setWhole(true);
  };
  return html`<bdi class="text">${text.slice(0, cut)}</bdi>…
    <button class="more" onClick=${unfold}>all ${size(new Blob([text]).size)}</button>`;
}

/** @param {{topic: string}} props */
export const Chip = ({ topic }) => html`<span class=${`chip ${hueOf(topic)}`}>${topic}</span>`;

/** @param {{value: string}} props an identifier, shortened; all of it is told on demand */
export const Id = ({ value }) => html`<code class="id" title=${visible(value)}>${visible(short(value))}</code>`;

/** Moments that are kept in mind go along. */
const pins = () => ({ a: route.peek().query.a, b: route.peek().query.b });

/**
 * A row's identifier, which leads to it as it stood.
 *
 * @param {{topic: string, id: string, at?: string | null, log?: string | null, children?: any}} props
 */
export const EntityLink = ({ topic, id, at, log, children }) =>
  html`<a class=${`entity ${hueOf(topic)}`} href=${href(['state', topic, id], { at, log, ...pins() })} title=${visible(`${topic} ${id}`)}
    >${children ?? html`<${Id} value=${id} />`}</a
  >`;

/**
 * When something happened, by its position; it leads to the state right after it.
 *
 * @param {{position: string, day?: boolean, link?: boolean, log?: string | null}} props
 */
export function When({ position, day = false, link = false, log }) {
  const time = timeOf(position);
  const text = time ? (day ? `${time.day} ${time.time}` : time.time) : position;
  const said = time ? `${time.day} ${time.time} UTC, position ${position}` : `position ${position}`;
  if (!link) return html`<time title=${said}>${text}</time>`;
  return html`<a class="when" href=${href(['state'], { at: position, log, ...pins() })} title=${`${said}: the state then`}>${text}</a>`;
}

/**
 * A field's value: references lead to what they refer to.
 *
 * @param {{topic: string, name: string, value: any, at?: string | null, log?: string | null, most?: number, unfolds?: number}} props
 */
export function FieldValue({ topic, name, value, at, log, most, unfolds }) {
  const field = topicOf(topic)?.fields.find((field) => field.name === name);
  const to = field?.topic;
  if (value === null || value === undefined) return html`<i class="none">none</i>`;
  if (to && field?.kind === 'reference' && typeof value === 'string' && value) {
    return html`<${EntityLink} topic=${to} id=${value} at=${at} log=${log} />`;
  }
  if (to && field?.kind === 'references' && Array.isArray(value)) {
    return html`<span class="links">${counted(value).map(([id, times]) =>
      html`<span><${EntityLink} topic=${to} id=${asText(id)} at=${at} log=${log} />${times > 1 && html` ×${times}`}</span>`,
    )}</span>`;
  }
  if (field?.kind === 'seconds' && typeof value === 'number' && value > 0) {
    return html`<${When} position=${`${value * 1000}-0`} day=${true} />`;
  }
  return html`<${Text} value=${value} most=${most} unfolds=${unfolds} />`;
}

/**
 * Values with how often each comes, in the order of their first.
 *
 * @param {any[]} values
 * @returns {[any, number][]}
 */
function counted(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts];
}

/**
 * The names of a topic's fields, then whatever else rows have.
 *
 * @param {string} topic
 * @param {any[]} rows
 * @returns {string[]}
 */
export function columnsOf(topic, rows) {
  const names = new Set(topicOf(topic)?.fields.map((field) => field.name));
  for (const row of rows) {
    if (row && typeof row === 'object' && !Array.isArray(row)) Object.keys(row).forEach((name) => names.add(name));
  }
  names.delete('entity_id');
  return [...names];
}

/**
 * Those of them that one of the rows has.
 *
 * @param {string} topic
 * @param {...any} rows
 * @returns {string[]}
 */
export const fieldsOf = (topic, ...rows) =>
  columnsOf(topic, rows).filter((name) => rows.some((row) => row && Object.hasOwn(row, name)));

/**
 * A row, field by field.
 *
 * @param {{topic: string, row: any, at?: string | null, log?: string | null, changed?: Set<string>}} props
 */
export function Row({ topic, row, at, log, changed }) {
  if (row === null || typeof row !== 'object') return html`<${Text} value=${row} />`;
  return html`<dl class="row">
    ${fieldsOf(topic, row).map(
      (name) =>
        html`<div class=${changed?.has(name) ? 'changed' : ''}>
          <dt>${name}</dt>
          <dd><${FieldValue} topic=${topic} name=${name} value=${row[name]} at=${at} log=${log} /></dd>
        </div>`,
    )}
  </dl>`;
}

/**
 * A row before and after, side by side: fields that are not the same stand out, the others are left out unless asked for.
 *
 * @param {{topic: string, before: any, after: any, at?: string | null, log?: string | null, all?: boolean,
 *   titles?: [string, string]}} props
 */
export function Changes({ topic, before, after, at, log, all = false, titles = ['before', 'after'] }) {
  const names = fieldsOf(topic, before, after).filter((name) => all || !same(before?.[name], after?.[name]));
  const value = (/** @type {any} */ row, /** @type {string} */ name) =>
    row && Object.hasOwn(row, name)
      ? html`<${FieldValue} topic=${topic} name=${name} value=${row[name]} at=${at} log=${log} />`
      : html`<i class="none">–</i>`;
  return html`<table class="changes">
    <thead>
      <tr><th scope="col">field</th><th scope="col">${titles[0]}</th><th scope="col">${titles[1]}</th></tr>
    </thead>
    <tbody>
      ${names.map(
        (name) =>
          html`<tr class=${same(before?.[name], after?.[name]) ? '' : 'changed'}>
            <th scope="row">${name}</th>
            <td class="old">${value(before, name)}</td>
            <td class="new">${value(after, name)}</td>
          </tr>`,
      )}
      ${names.length === 0 && html`<tr><td colspan="3"><i class="none">nothing changed</i></td></tr>`}
    </tbody>
  </table>`;
}

/**
 * An event in one line.
 *
 * @param {{event: import('../core/types.js').LogEvent, log?: string | null}} props
 */
export const EventLine = ({ event, log }) =>
  html`<span class="event-line"
    ><${Chip} topic=${event.topic} /> <b>${verbOf(event)}</b> ${event.key && html`<${Id} value=${event.key} />`}
    <${When} position=${event.position} link=${true} log=${log}
  /></span>`;

/**
 * What happened, without the topic that stands beside it: `created` for `order_created`.
 *
 * @param {{topic: string, action: string}} event
 */
export const verbOf = ({ topic, action }) =>
  (action.startsWith(`${topic}_`) ? action.slice(topic.length + 1) : action).replace(/^entity_/, '').replaceAll('_', ' ');
