/** Two moments that are kept in mind, to compare. */

import { count, millisOf, timeOf } from '../core/format.js';
import { html } from '../core/html.js';
import { href, route, setQuery } from '../core/route.js';

/** @typedef {import('../core/types.js').Place} Place */

/** @type {['a', 'b']} parameters of the address */
const NAMES = ['a', 'b'];

/**
 * A moment as short as it can be said.
 *
 * @param {string} moment `#17` or a position
 */
export function spoken(moment) {
  if (/^#\d+$/.test(moment)) return `#${count(Number(moment.slice(1)))}`;
  const time = /^\d+-\d+$/.test(moment) ? timeOf(moment) : null;
  return time ? time.time : moment;
}

/** @param {Place} place */
const pinOf = ({ number, position }) => (number === null ? position : `#${number}`);

/** @param {{moments: import('../core/moment.js').Moments}} props */
export function Pins({ moments }) {
  const { query, parts } = route.value;
  const shown = moments.shown.value;
  const [a, b] = [query.a, query.b];
  const pin = (/** @type {string} */ name) => () => shown && setQuery({ [name]: pinOf(shown.state.at) });
  return html`<div class="pins" role="group" aria-label="Pins">
    ${NAMES.map((name) => {
      const [said, kept] = [name.toUpperCase(), query[name]];
      if (!kept) return html`<button key=${name} onClick=${pin(name)}>Pin ${said}</button>`;
      return html`<span class="pin" key=${name}>
        <button title=${`Go to pin ${said}, ${kept}`} onClick=${() => moments.go(kept)}><b>${said}</b> ${spoken(kept)}</button>
        <button aria-label=${`Unpin ${said}`} title=${`Unpin ${said}`} onClick=${() => setQuery({ [name]: null })}>×</button>
      </span>`;
    })}
    ${a && b
      ? html`<a class="button main" href=${href(['diff'], { from: a, to: b, topic: parts[0], log: query.log })}>Compare</a>`
      : html`<button disabled title="Pin two moments to see what changed between them">Compare</button>`}
  </div>`;
}

/**
 * Where the pins are along the slider.
 *
 * @param {{scale: {min: number, max: number, valueOf: (place: Place) => number}}} props
 */
export function Marks({ scale }) {
  const { query } = route.value;
  return NAMES.map((name) => {
    const kept = query[name];
    if (!kept || scale.max <= scale.min) return null;
    const number = kept.startsWith('#') ? Number(kept.slice(1)) : null;
    const value = number ?? (/^\d+-\d+$/.test(kept) && scale.min > 0 ? millisOf(kept) : NaN);
    const part = (value - scale.min) / (scale.max - scale.min);
    if (!(part >= 0 && part <= 1)) return null;
    return html`<i class="mark" key=${name} style=${{ '--part': part }} aria-hidden="true">${name.toUpperCase()}</i>`;
  });
}
