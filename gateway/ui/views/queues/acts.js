/** What can be done with dead letters. Each asks first, and says what became of it. */

import { api, del, post } from '../../core/api.js';
import { html } from '../../core/html.js';
import { setQuery } from '../../core/route.js';
import { Chip, Id } from '../../parts/data.js';
import { agreed } from '../../parts/dialog.js';
import { Asked } from './asked.js';

/** @typedef {import('./types.js').Command} Command */

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
