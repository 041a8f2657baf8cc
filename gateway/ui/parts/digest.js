/** Digests: equal ones can be seen to be equal. */

import { html } from '../core/html.js';
import { say } from './dialog.js';

/** How many squares a digest is drawn with, each from two of its characters. */
const SQUARES = 5;

/** @param {string} digest */
function hues(digest) {
  const pairs = Array.from({ length: SQUARES }, (_, index) => digest.slice(2 * index, 2 * index + 2));
  return pairs.map((pair) => Math.round((360 * Number.parseInt(pair, 16)) / 256) || 0);
}

/**
 * A digest, shortened, with squares whose colours come of it; a click copies all of it.
 *
 * @param {{value: string}} props
 */
export function Digest({ value }) {
  const copy = () => {
    const copied = navigator.clipboard?.writeText(value) ?? Promise.reject();
    // Pages from other machines may not write there, unless they came over TLS.
    copied.then(() => say('The digest is copied.'), () => say(`The digest is ${value}`));
  };
  return html`<button class="digest" title=${`${value}: copy`} onClick=${copy}
    ><i aria-hidden="true">${hues(value).map((hue) => html`<b style=${{ '--hue': hue }}></b>`)}</i><code>${value.slice(0, 10)}…</code></button
  >`;
}
