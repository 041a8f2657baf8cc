/** What can be done with dead letters and parked entries. Each asks first, and says what became of it. */

import { api, del, post } from '../../core/api.js';
import { html } from '../../core/html.js';
import { setQuery } from '../../core/route.js';
import { Chip, Id, Text, When, visible } from '../../parts/data.js';
import { agreed } from '../../parts/dialog.js';
import { Asked } from './asked.js';

/** @typedef {import('./types.js').Command} Command */
/** @typedef {import('./types.js').Parked} Parked */

/** @param {{command: Command}} props */
const What = ({ command }) => html`<p>${command.topic && html`<${Chip} topic=${command.topic} /> <b>${command.intent}</b> `}<${Id} value=${command.id} /></p>`;

/**
 * @param {string} service
 * @param {Command} command
 */
export async function requeue(service, command) {
  const body = html`<${What} command=${command} />
    <p>It goes to the end of the queue of ${service} and is decided again, on the state as it is then. All its attempts are given
      back.</p>`;
  const act = () => post(api('queues', service, 'dead', command.id, 'requeue'));
  const question = { title: 'Requeue the command?', body, action: 'Requeue' };
  if ((await agreed(question, act, 'The command is back in the queue.')) !== 'done') return false;
  // What becomes of it is shown above the list.
  setQuery({ state: 'dead', command: command.id });
  return true;
}

/**
 * @param {string} service
 * @param {Command} command
 */
export async function drop(service, command) {
  const body = html`<${What} command=${command} />
    <p>What it asks for will not happen, and is lost with it: the log has nothing of a command that was never decided.</p>
    <div class="losing"><${Asked} command=${command} /></div>`;
  const act = () => del(api('queues', service, 'dead', command.id));
  const question = { title: 'Drop the command?', body, action: 'Drop', dangerous: true };
  return (await agreed(question, act, 'The command is dropped.')) === 'done';
}

/** @param {{entry: Parked}} props */
const Which = ({ entry: { consumer, topic, position, reason } }) => html`<p><${Chip} topic=${topic} /> <${When} position=${position} day=${true} /> <code>${visible(position)}</code> of <b>${visible(consumer)}</b></p>
  <p class="bad error"><${Text} value=${reason} most=${400} /></p>`;

/** @param {Parked} entry */
const at = ({ consumer, topic, position }) => api('parked', consumer, topic, position);

/** @param {Parked} entry */
export async function retryEntry(entry) {
  const body = html`<${Which} entry=${entry} />
    <p>${visible(entry.consumer)} decides about it again, on the state as it is now. What it does then takes effect once; where it fails
      again the entry stays here, with the new reason.</p>`;
  const question = { title: 'Try the entry again?', body, action: 'Retry' };
  return (await agreed(question, () => post([...at(entry), 'retry']), 'The entry will be tried again.')) === 'done';
}

/** @param {Parked} entry */
export async function dropEntry(entry) {
  const body = html`<${Which} entry=${entry} />
    <p>${visible(entry.consumer)} will never react to it. The log keeps the entry, and nothing here tells of it any more.</p>`;
  const question = { title: 'Drop the entry?', body, action: 'Drop', dangerous: true };
  return (await agreed(question, () => del(at(entry)), 'The entry is dropped.')) === 'done';
}
