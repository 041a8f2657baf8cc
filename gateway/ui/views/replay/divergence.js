/** One decision that comes out otherwise than the log has it. */

import { plural } from '../../core/format.js';
import { html } from '../../core/html.js';
import { href } from '../../core/route.js';
import { Changes, Chip, EntityLink, Id, verbOf, When } from '../../parts/data.js';
import { KINDS } from './words.js';

/** @typedef {import('./types.js').Divergence} Divergence */
/** @typedef {import('./types.js').Told} Told */
/** @typedef {import('./types.js').Difference} Difference */

/** What the two sides are called. @type {[string, string]} */
const SIDES = ['in the log', 'decided today'];

/**
 * What a divergence is told apart by.
 *
 * @param {Divergence} divergence
 */
export const idOf = ({ event, handler }) => `${'position' in event ? event.position : event.id}/${handler}`;

/**
 * @param {{divergence: Divergence, following: Divergence[], log?: string | undefined, isOpen: boolean, onOpen?: () => void}} props
 */
export function Diverging({ divergence, following, log, isOpen, onOpen }) {
  const { event, handler, as_of: asOf, differences, same = [] } = divergence;
  const id = `divergence-${idOf(divergence)}`;
  const hence = 'position' in event ? following.filter(({ follows }) => follows === event.position) : [];
  return html`<li class="diverging">
    <button class="quiet opener" aria-expanded=${isOpen} aria-controls=${id} onClick=${onOpen}><${About} event=${event} /></button>
    ${isOpen &&
    html`<div class="how" id=${id}>
      <p class="head">
        <span>Saga <b>${handler}</b>${asOf && html`, decided as of <${When} position=${asOf} link=${true} log=${log} />`}</span>
        <span class="grow"></span>
        ${'position' in event && html`<${Ways} event=${event} log=${log} />`}
      </p>
      ${differences.map((difference) => html`<${Differs} difference=${difference} log=${log} />`)}
      ${same.length > 0 && html`<p class="hint">The same in both: ${same.map((told) => html`<${Named} told=${told} log=${log} /> `)}</p>`}
      ${hence.length > 0 &&
      html`<h4>${`${plural(hence.length, 'decision')} that ${hence.length === 1 ? 'follows' : 'follow'} from this one`}</h4>
        <ul class="hence">
          ${hence.map((other) => html`<${Diverging} key=${idOf(other)} divergence=${other} following=${[]} log=${log} isOpen=${true} />`)}
        </ul>`}
    </div>`}
  </li>`;
}

/** @param {{event: Divergence['event']}} props */
function About({ event }) {
  if (!('topic' in event)) return html`An event that the log does not hold, <${Id} value=${event.id} />`;
  return html`<${Chip} topic=${event.topic} /> <b>${verbOf(event)}</b> ${event.key && html`<${Id} value=${event.key} />`}
    <span class="place">${event.number !== null && `event ${event.number}, `}<${When} position=${event.position} day=${true} /></span>`;
}

/** @param {{event: import('../../core/types.js').Mention, log?: string | undefined}} props */
const Ways = ({ event, log }) =>
  html`<a class="button" href=${href(event.key ? ['state', event.topic, event.key] : ['state', event.topic], { at: event.position, log })}
      >Jump to the event in State</a
    ><a class="button" href=${href(['trace', event.id], { log })}>Trace</a>`;

/** @param {{told: Told, log?: string | undefined}} props */
const Named = ({ told, log }) =>
  html`<span class="effect"><${Chip} topic=${told.topic} /> <b>${verbOf(told)}</b>${told.key &&
    html` <${EntityLink} topic=${told.topic} id=${told.key} at=${told.position} log=${log} />`}${told.inferred &&
    html` <span class="badge" title="The log does not say that it came of this: it was found by its content.">inferred, ${told.inferred}</span>`}</span
  >`;

/** @param {{difference: Difference, log?: string | undefined}} props */
function Differs({ difference, log }) {
  const [kind, meaning] = KINDS[difference.kind];
  const told = 'effect' in difference ? difference.effect : 'topic' in difference ? difference : null;
  return html`<section class="differs">
    <p><span class="badge bad">${kind}</span> ${told && html`<${Named} told=${told} log=${log} />`} <small>${meaning}</small></p>
    ${told && html`<div class="scroll"><${Changes} topic=${told.topic} ...${sides(difference)} at=${told.position} log=${log} all=${true} titles=${SIDES} /></div>`}
    ${difference.kind === 'fails' && html`<p class="text">${difference.reason}</p>`}
    ${difference.kind === 'reordered' && html`<div class="orders">
      <${Order} title=${SIDES[0]} effects=${difference.log} log=${log} /><${Order} title=${SIDES[1]} effects=${difference.now} log=${log} />
    </div>`}
  </section>`;
}

/** @param {{title: string, effects: Told[], log?: string | undefined}} props */
const Order = ({ title, effects, log }) =>
  html`<div><h5>${title}</h5><ol>${effects.map((told) => html`<li><${Named} told=${told} log=${log} /></li>`)}</ol></div>`;

/**
 * An effect as the log holds it, and as it is decided today.
 *
 * @param {Difference} difference
 */
function sides(difference) {
  if (difference.kind === 'missing') return { before: null, after: difference.data };
  if (difference.kind === 'extra') return { before: difference.data, after: null };
  if (difference.kind !== 'changed') return { before: null, after: null };
  const [before, after] = [{ ...difference.effect.data }, { ...difference.effect.data }];
  for (const { field, before: old, after: now } of difference.fields) {
    if (now === null || now === undefined) delete after[field];
    else after[field] = now;
    if (old === null || old === undefined) delete before[field];
  }
  return { before, after };
}
