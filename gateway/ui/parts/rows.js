/** A topic's rows at a moment: a page of a table, and on top the row that the event there is about. */

import { topicOf } from '../core/domain.js';
import { plural as manyOf } from '../core/format.js';
import { html } from '../core/html.js';
import { queryOf } from '../core/moment.js';
import { href } from '../core/route.js';
import { columnsOf, EntityLink, FieldValue, UNFOLDED } from './data.js';
import { Find } from './find.js';
import { changedIn, OldNew } from './happened.js';

/** How many characters of a value are shown in a cell. */
const MOST = 160;

/** @param {{shown: import('../core/moment.js').Shown, pages: import('../core/pages.js').Pages}} props */
export function Rows({ shown, pages }) {
  const { at, log, after, state } = shown;
  const { topic = '', rows = [], next, counts } = state;
  const change = state.change?.topic === topic ? state.change : null;
  const plural = topicOf(topic)?.plural ?? topic;
  const total = counts[topic];
  const names = columnsOf(topic, [...rows.map(({ row }) => row), change?.before, change?.after]);
  const query = queryOf(shown);
  const previous = pages.previous(after);
  return html`<section class="panel flush" aria-label=${plural}>
    <div class="head over">
      <h2>${typeof total === 'number' ? manyOf(total, topic, plural) : plural}</h2>
      <span class="grow"></span>
      <${Find} shown=${shown} />
      <nav class="buttons" aria-label="Pages">
        <${Page} title="Previous" to=${after === null ? null : href(['state', topic], { ...query, after: previous })} />
        <${Page} title="Next" to=${next && href(['state', topic], { ...query, after: next })} />
      </nav>
    </div>
    <div class="scroll" tabindex="0" role="region" aria-label=${`Table of ${plural}`}>
      <table class=${names.some((name) => kindOf(topic, name) === 'wide') ? 'rows' : 'rows short'}>
        <thead>
          <tr><th scope="col">id</th>${names.map((name) => html`<th scope="col" key=${name} class=${kindOf(topic, name)}>${name}</th>`)}</tr>
        </thead>
        <tbody class="step" aria-label="What the event changed">
          ${change
            ? html`<${Changed} change=${change} names=${names} at=${at} log=${log} />`
            : html`<tr class="other"><td colspan=${names.length + 1}>The event at this moment is about no ${topic}.</td></tr>`}
        </tbody>
        <tbody class="page">
          ${rows.map(
            ({ key, row }) => html`<${OneRow} key=${key} topic=${topic} id=${key} row=${row} names=${names} at=${at} log=${log}
              changed=${change?.key === key ? changedIn(change) : null} />`,
          )}
        </tbody>
      </table>
    </div>
    ${rows.length === 0 && html`<p class="nothing">${nothing(shown, plural)}</p>`}
  </section>`;
}

/**
 * How wide a column is, and where in it values stand.
 *
 * @param {string} topic
 * @param {string} name
 */
function kindOf(topic, name) {
  const kind = topicOf(topic)?.fields.find((field) => field.name === name)?.kind ?? 'text';
  return kind === 'integer' ? 'number tight' : kind === 'text' || kind === 'references' ? 'wide' : 'tight';
}

/**
 * @param {import('../core/moment.js').Shown} shown
 * @param {string} plural
 */
function nothing(shown, plural) {
  const { after } = shown;
  const { at, counts, topic = '' } = shown.state;
  if (after !== null && counts[topic]) return html`No more ${plural}. <a href=${href(['state', topic], queryOf(shown))}>The first ones</a>`;
  return at.position === '0-0' ? 'Nothing has happened yet. Move the slider to the right.' : `There were no ${plural} at this moment.`;
}

/** @param {{title: string, to: string | null | undefined}} props */
const Page = ({ title, to }) => (to ? html`<a class="button" href=${to}>${title}</a>` : html`<button disabled>${title}</button>`);

/**
 * @param {{topic: string, id: string, row: any, names: string[], at: string, log: string | null, changed: Set<string> | null}} props
 */
function OneRow({ topic, id, row, names, at, log, changed }) {
  return html`<tr class=${changed ? 'touched' : ''}>
    <th scope="row"><${EntityLink} topic=${topic} id=${id} at=${at} log=${log} /></th>
    ${names.map(
      (name) => html`<td key=${name} class=${`${kindOf(topic, name)} ${changed?.has(name) ? 'changed' : ''}`}>
        ${row && Object.hasOwn(row, name) && html`<${FieldValue} topic=${topic} name=${name} value=${row[name]} at=${at} log=${log} most=${MOST} unfolds=${UNFOLDED} />`}
      </td>`,
    )}
  </tr>`;
}

/** @param {{change: import('../core/types.js').Change, names: string[], at: string, log: string | null}} props */
function Changed({ change: { topic, key, before, after }, names, at, log }) {
  const kind = !before ? 'created' : !after ? 'deleted' : 'updated';
  const changed = changedIn({ topic, key, before, after });
  const row = after ?? before;
  return html`<tr class=${kind}>
    <th scope="row"><${EntityLink} topic=${topic} id=${key} at=${at} log=${log} /> <span class="badge">${kind}</span></th>
    ${names.map(
      (name) => html`<td key=${name} class=${`${kindOf(topic, name)} ${changed.has(name) ? 'changed' : ''}`}>
        ${before && after && changed.has(name)
          ? html`<${OldNew} topic=${topic} name=${name} before=${before} after=${after} at=${at} log=${log} most=${MOST} />`
          : row && Object.hasOwn(row, name) && html`<${FieldValue} topic=${topic} name=${name} value=${row[name]} at=${at} log=${log} most=${MOST} unfolds=${UNFOLDED} />`}
      </td>`,
    )}
  </tr>`;
}
