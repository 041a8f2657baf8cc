/** Rows that are not the same on two sides. */

import { parse, same } from '../core/json.js';
import { count, plural } from '../core/format.js';
import { html } from '../core/html.js';
import { labelOf } from '../core/domain.js';
import { Changes, Chip, EntityLink, fieldsOf, Id, visible } from './data.js';

/**
 * A row from its JSON; what is none stays text.
 *
 * @param {string | null} text
 */
function rowOf(text) {
  if (text === null) return null;
  try {
    return parse(text);
  } catch {
    return text;
  }
}

/**
 * What is wrong with a row, in few words.
 *
 * @param {string} topic
 * @param {any} found
 * @param {any} expected
 * @param {[string, string]} titles
 */
function summary(topic, found, expected, [here, there]) {
  if (found === null) return `only ${there}`;
  if (expected === null) return `only ${here}`;
  const names = fieldsOf(topic, found, expected).filter((name) => !same(found?.[name], expected?.[name]));
  return names.length > 0 ? names.join(', ') : 'written another way';
}

/**
 * The first of the rows that differ, each with both sides; the others are counted.
 *
 * @param {{differences: {count: number, first: {topic: string, key: string, found: string | null, expected: string | null}[]},
 *   titles: [string, string]}} props `titles` name the side that was found and the one it is held against
 */
export function Differing({ differences, titles }) {
  const { count: all, first } = differences;
  return html`<div class="differing">
    ${first.map(({ topic, key, found, expected }, index) => {
      const [old, now] = [rowOf(found), rowOf(expected)];
      return html`<details key=${`${topic}/${key}`} open=${index === 0}>
        <summary>
          <${Chip} topic=${topic} /> <${Id} value=${key} /> <span>${visible(labelOf(topic, old ?? now))}</span>
          <b>${summary(topic, old, now, titles)}</b>
        </summary>
        ${isWritten(old, now)
          ? html`<dl class="row">
              <div><dt>${titles[0]}</dt><dd><code class="text">${found === null ? null : visible(found)}</code></dd></div>
              <div><dt>${titles[1]}</dt><dd><code class="text">${expected === null ? null : visible(expected)}</code></dd></div>
            </dl>`
          : html`<${Changes} topic=${topic} before=${old} after=${now} titles=${titles} />`}
        <p class="where"><${EntityLink} topic=${topic} id=${key}>${`${topic} in State`}</${EntityLink}></p>
      </details>`;
    })}
    ${all > first.length && html`<p class="hint">${`And ${plural(all - first.length, 'row')} more; the first ${count(first.length)} are shown.`}</p>`}
  </div>`;
}

/**
 * Whether two rows differ only in how they are written, or are no rows.
 *
 * @param {any} old
 * @param {any} now
 */
const isWritten = (old, now) => [old, now].some((row) => row !== null && typeof row !== 'object') || same(old, now);
