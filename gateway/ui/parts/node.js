/** What there is to know of a node of a trace. */

import { api, get } from '../core/api.js';
import { useAnswer } from '../core/asking.js';
import { between, count, positionBefore } from '../core/format.js';
import { html } from '../core/html.js';
import { href } from '../core/route.js';
import { Fields } from './chapter.js';
import { Chip, Row, Text, verbOf, visible, When } from './data.js';
import { Fitting, Mentioned } from './origin.js';
import { serviceOf } from '../core/tree.js';
import { Answer } from './problem.js';

/** @typedef {import('../core/tree.js').Node} Node */

/**
 * @param {{node: Node, start: string | null, data: any, at?: string | undefined, log?: string | undefined}} props
 */
export function Detail({ node, start, data, at, log }) {
  const { what, id } = node;
  const { event } = what;
  return html`<section class="panel detail" aria-label="Chosen node" aria-live="polite" data-id=${id}>
    <div class="about">${event
      ? html`<${Happened} key=${id} node=${node} start=${start} data=${data} log=${log} />`
      : html`<h2>${what.kind === 'missing' ? 'An event that is not in the log' : 'Command'}</h2>`}
    ${what.kind === 'missing' && html`<p>Others name it as their cause, but the log does not have it: it was cut short.</p>`}
    ${what.kind === 'command' && html`<${Commanded} node=${node} log=${log} />`}
    </div>
    <dl class="row ids">
      ${event &&
      html`<div><dt>when</dt><dd><${When} position=${event.position} day=${true} link=${true} log=${log} /></dd></div>
        <div><dt>position</dt><dd><code>${event.position}</code>${event.number !== null && ` #${count(event.number)}`}</dd></div>`}
      ${event?.key && event.key !== event.position && html`<div><dt>row</dt><dd><code>${visible(event.key)}</code></dd></div>`}
      <div><dt>${what.kind === 'command' ? 'command' : 'event'}</dt><dd><a href=${href(['trace', id], { at, log })}><code>${visible(id)}</code></a></dd></div>
    </dl>
  </section>`;
}

/** @param {{node: Node, start: string | null, data: any, log?: string | undefined}} props */
function Happened({ node, start, data, log }) {
  const event = /** @type {import('../core/types.js').Mention} */ (node.what.event);
  const { topic, key, position } = event;
  const { inferred } = node.what;
  const cause = reactedTo(node);
  return html`
    <h2><${Chip} topic=${topic} /> ${verbOf(event)}</h2>
    <p class="why">
      <${Came} node=${node} log=${log} />
      ${!cause && start && start !== position && html` ${between(start, position)} after the start`}
      ${cause && html` <span class="hint">${between(cause.position, position)} before</span>`}
      ${inferred && html` <${Fitting} fit=${inferred} />`}
    </p>
    ${key !== null
      ? html`<${Changed} event=${event} topicKey=${key} data=${data} log=${log} />`
      : html`<p class="hint">It can’t be read as a row of ${topic}.</p>`}
    <p class="buttons">
      ${key !== null &&
      html`<a class="button" href=${href(['state', topic, key], { at: position, log })}>State right after</a>
        ${key !== position && html`<a class="button" href=${href(['history', topic, key], { log })}>History of its row</a>`}`}
    </p>
  `;
}

/** Who did it, and about what. @param {{node: Node, log?: string | undefined}} props */
function Came({ node, log }) {
  const { what, parent } = node;
  const cause = reactedTo(node);
  const about = cause && html`<${Mentioned} mention=${cause} log=${log} />`;
  if (what.handler) return html`Saga <b>${what.handler}</b> reacted to ${about ?? 'an event that is not in the log'}`;
  if (!parent) return 'Nothing is known to have led to it.';
  const service = html`<b>${serviceOf(parent) ?? 'a service'}</b>`;
  if (parent.what.handler) return html`${service} did what saga <b>${parent.what.handler}</b> asked for about ${about}`;
  return html`${service} did what a client asked for`;
}

/**
 * The event that a saga reacted to: right above it, or above the command that it sent.
 *
 * @param {Node} node
 */
function reactedTo({ what, parent }) {
  if (what.handler) return parent?.what.event;
  return parent?.what.handler ? parent.parent?.what.event : undefined;
}

/** @param {{event: import('../core/types.js').Mention, topicKey: string, data: any, log?: string | undefined}} props */
function Changed({ event, topicKey, data, log }) {
  const { topic, position } = event;
  const question = async (/** @type {AbortSignal} */ signal) => {
    const asked = { after: positionBefore(position), at: position, limit: 1, log };
    const { chapters } = await get(api('history', topic, topicKey), asked, { signal });
    return { chapter: chapters[0] };
  };
  const asked = useAnswer(question, [topic, topicKey, position, log], { isFresh: true });
  return html`<${Answer} asked=${asked}>
    ${(/** @type {any} */ { chapter }) =>
      chapter
        ? html`<${Fields} chapter=${chapter} log=${log} />`
        : html`<p class="hint">Its row was left as it was.</p>${data && html`<${Row} topic=${topic} row=${data} at=${position} log=${log} />`}`}
  </${Answer}>`;
}

/** What a service was asked to do, and by whom. @param {{node: Node, log?: string | undefined}} props */
function Commanded({ node, log }) {
  const { handler, fate } = node.what;
  const cause = node.parent?.what.event;
  return html`
    <p class="why">
      ${handler ? html`Saga <b>${handler}</b> sent it${cause && html` about <${Mentioned} mention=${cause} log=${log} />`}` : 'A client sent it.'}
    </p>
    ${fate && html`<${Fate} fate=${fate} />`}
  `;
}

const FATES = /** @type {Record<string, [string, string, string]>} */ ({
  pending: ['warn', 'pending', 'It waits for a service, or one is at work on it.'],
  done: ['good', 'done', 'It is done, and led to no event.'],
  rejected: ['bad', 'rejected', 'The domain refused it, so nothing came of it.'],
  dead: ['bad', 'dead', 'It failed too often and was set aside: see Queues.'],
});

/** What became of a command that led to no event. @param {{fate: any}} props */
function Fate({ fate }) {
  const [look, word, said] = FATES[fate.status] ?? ['', fate.status, ''];
  const why = fate.message ?? fate.error ?? fate.last_error;
  return html`<p><span class=${`badge ${look}`}>${word}</span> ${said}</p>
    ${why && html`<p class="problem"><${Text} value=${why} /></p>`}`;
}
