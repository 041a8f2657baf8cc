/** Every event that clicks have caused, each with the way to why it happened and to what it left behind. */

import { between, Chip, href, html, plural, Text, timeOf, verbOf } from 'retrace';
import { clicks } from './clicks.js';
import { euros } from './reading.js';

/** @typedef {import('./clicks.js').Click} Click */
/** @typedef {import('./clicks.js').Step} Step */

export const Story = () =>
  html`<section class="panel flush story" aria-labelledby="story">
    <div class="title"><h2 id="story">What your clicks cause</h2></div>
    ${clicks.value.length === 0 &&
    html`<p class="nothing">Nothing yet. Each click sends a command; the events that come of it, and what sagas make of those, appear here.</p>`}
    <ol aria-live="polite" aria-relevant="additions">
      ${clicks.value.map((click) => html`<${Told} key=${click.id} click=${click} />`)}
    </ol>
  </section>`;

/** @param {{click: Click}} props */
const Told = ({ click }) =>
  html`<li class="click">
    <h3>${click.title} <${Outcome} ...${click} /></h3>
    <ol>
      ${click.steps.map((step) => html`<${Caused} key=${step.event.event_id} ...${step} />`)}
    </ol>
  </li>`;

/** @param {Click} props */
function Outcome({ isUnderWay, failed, steps }) {
  if (failed === 'unknown') return html`<span class="badge warn">no answer: whether it happened is not known</span>`;
  if (failed === 'refused') return html`<span class="badge bad">refused, no event</span>`;
  const [first, last] = [steps.at(0)?.event.position, steps.at(-1)?.event.position];
  if (!first || !last) return html`<small>${isUnderWay ? 'on its way' : 'done'}</small>`;
  return html`<small>${plural(steps.length, 'event')}${first === last ? '' : ` in ${between(first, last)}`}</small>`;
}

/** @param {Step} props */
function Caused({ event, depth }) {
  const { topic, position, event_id: id, handler } = event;
  const row = event.key ?? event.data?.entity_id;
  const subject = `${topic} ${verbOf(event)}`;
  return html`<li class=${`depth-${Math.min(depth, 4)}`}>
    <span class="what" title=${timeOf(position)?.time}>
      <${Chip} topic=${topic} /> <span class="verb">${verbOf(event)} ${said(event)}</span>
      ${handler && html`${' '}<small>saga ${handler}</small>`}
    </span>
    <span class="ways">
      <a href=${href(['trace', id])} aria-label=${`Trace of ${subject}`}>Trace</a>
      <a href=${href(row ? ['state', topic, row] : ['state', topic], { at: position })} aria-label=${`State after ${subject}`}>State</a>
    </span>
  </li>`;
}

/**
 * What an event says that matters most.
 *
 * @param {import('retrace').LogEvent} event
 */
function said({ topic, data }) {
  if (!data) return null;
  if (topic === 'order') return html`<b class="status">${data.status}</b>`;
  if (topic === 'inventory') return html`<b>${data.amount}</b> in stock`;
  if (topic === 'product' || topic === 'customer') return html`<b><${Text} value=${data.name} most=${60} /></b>`;
  if (topic === 'cart') return html`with <b>${plural(data.product_ids.length, 'product')}</b>`;
  if (topic === 'billing') return html`<b>${euros(data.amount)}</b>`;
  if (topic === 'shipping') return html`<b>${Number(data.delivered) ? 'delivered' : 'on its way'}</b>`;
  if (topic === 'mail') return html`to <b><${Text} value=${data.recipient} most=${60} /></b>`;
  return null;
}
