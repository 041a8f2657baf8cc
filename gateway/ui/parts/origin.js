/** Why something happened, and how sure that is. */

import { between } from '../core/format.js';
import { html } from '../core/html.js';
import { href } from '../core/route.js';
import { Chip, EntityLink, Id, verbOf, visible } from './data.js';

/** @typedef {import('../core/types.js').Mention} Mention */
/** @typedef {import('../core/types.js').Fit} Fit */

/** @type {Record<Fit, [string, string]>} */
const FITS = {
  exact: ['inferred, fits exactly', "No cause is recorded. Today's saga would do exactly this about that event."],
  alike: ['inferred, fits roughly', "No cause is recorded. Today's saga would do something like this about that event."],
};

/** @param {{fit: Fit}} props */
export const Fitting = ({ fit }) =>
  html`<span class=${`badge ${fit === 'alike' ? 'warn' : ''}`} title=${FITS[fit][1]}>${FITS[fit][0]}</span>`;

/**
 * An event by name: its trace, and its row as it stood then.
 *
 * @param {{mention: Mention, log?: string | null}} props
 */
export const Mentioned = ({ mention, log }) =>
  html`<span class="mentioned"
    ><${Chip} topic=${mention.topic} /> <a href=${href(['trace', mention.id], { log })} title=${visible(`Trace of event ${mention.id}`)}
      >${verbOf(mention)}</a
    >${mention.key && mention.key !== mention.position &&
    html` <${EntityLink} topic=${mention.topic} id=${mention.key} at=${mention.position} log=${log} />`}</span
  >`;

/**
 * What led to an event, in a sentence.
 *
 * @param {{event: Mention, origin: import('../core/types.js').Origin, log?: string | null}} props
 */
export function Why({ event, origin, log }) {
  const { command, handler, cause, inferred } = origin;
  const ago = cause && html`<span class="hint">${between(cause.position, event.position)} before</span>`;
  const sent = command && html`<a href=${href(['trace', command], { log })} title=${visible(`Trace of command ${command}`)}>command <${Id} value=${command} /></a>`;
  if (cause) {
    return html`<p class="why">
      Saga <b>${handler}</b> reacted to <${Mentioned} mention=${cause} log=${log} /> ${sent && html`with ${sent}`} ${ago}
      ${inferred && html` <${Fitting} fit=${inferred} />`}
    </p>`;
  }
  if (handler) return html`<p class="why">Saga <b>${handler}</b> reacted to an event that is not in the log. ${sent}</p>`;
  if (sent) return html`<p class="why">A client’s ${sent}</p>`;
  return html`<p class="why none">No cause is recorded, and none was found.</p>`;
}

/** Said where causes were not looked for everywhere. */
export const Unsearched = () =>
  html`<p class="notice">
    So much happened at that time that causes which nobody wrote down were not looked for everywhere.
  </p>`;
