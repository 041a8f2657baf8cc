/** A version of a row in its life. */

import { contentOf } from '../core/domain.js';
import { between, count, timeOf } from '../core/format.js';
import { html } from '../core/html.js';
import { same } from '../core/json.js';
import { href } from '../core/route.js';
import { FieldValue, fieldsOf, verbOf, When } from './data.js';
import { Why } from './origin.js';

/** @typedef {import('../core/types.js').Chapter} Chapter */

/** What versions are called in the style sheet. */
const KINDS = { created: 'is-new', changed: 'is-other', deleted: 'is-gone' };

/**
 * @param {{chapter: Chapter, before: Chapter | null, isAgain: boolean, isFresh: boolean, log?: string | null}} props
 *   `before` is the version before, and `isAgain` whether the row had been deleted
 */
export function Version({ chapter, before, isAgain, isFresh, log }) {
  const { event, kind, topic, key, origin } = chapter;
  const { position, number } = event;
  const isNewDay = !before || timeOf(before.event.position)?.day !== timeOf(position)?.day;
  return html`<li class=${`version ${KINDS[kind]}${isFresh ? ' fresh' : ''}`} data-position=${position}>
    <div class="moment">
      <${When} position=${position} day=${isNewDay} link=${true} log=${log} />
      ${before && html`<span class="hint gap">+${between(before.event.position, position)}</span>`}
    </div>
    <article class="panel" aria-label=${`${verbOf(event)}, position ${position}`}>
      <header class="head">
        <h2>${verbOf(event)}${isAgain && ' again'}</h2>
        ${number !== null && html`<span class="hint">#${count(number)}</span>`}
        <span class="grow"></span>
        <a href=${href(['state', topic, key], { at: position, log })}>State then</a>
        <a href=${href(['trace', event.id], { log })}>Trace</a>
      </header>
      <${Fields} chapter=${chapter} log=${log} />
      <${Why} event=${event} origin=${origin} log=${log} />
    </article>
  </li>`;
}

/**
 * What became of the row: all of it where it came or went, and the fields that changed in between.
 *
 * @param {{chapter: Chapter, log?: string | null}} props
 */
export function Fields({ chapter, log }) {
  const { topic, kind, event } = chapter;
  const [before, after] = [contentOf(topic, chapter.before), contentOf(topic, chapter.after)];
  const names = fieldsOf(topic, before, after).filter((name) => !same(before?.[name], after?.[name]));
  const value = (/** @type {any} */ row, /** @type {string} */ name) =>
    row && Object.hasOwn(row, name)
      ? html`<${FieldValue} topic=${topic} name=${name} value=${row[name]} at=${event.position} log=${log} />`
      : html`<i class="none">none</i>`;
  if (names.length === 0) return html`<p class="none">No field changed.</p>`;
  return html`<dl class=${`became ${KINDS[kind]}`}>
    ${names.map(
      (name) =>
        html`<div>
          <dt>${name}</dt>
          <dd>
            ${kind !== 'created' && html`<span class="old">${value(before, name)}</span>`}
            ${kind === 'changed' && html`<span class="to" aria-label="became">→</span>`}
            ${kind !== 'deleted' && html`<span class="new">${value(after, name)}</span>`}
          </dd>
        </div>`,
    )}
  </dl>`;
}
