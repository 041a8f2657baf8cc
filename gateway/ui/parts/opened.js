/** Says that a view looks at an opened history file, and leads back to the log. */

import { api, get } from '../core/api.js';
import { useAnswer } from '../core/asking.js';
import { plural } from '../core/format.js';
import { html } from '../core/html.js';
import { Text } from './data.js';

/**
 * @param {{log: string, back: string}} props `back`: the address of the same view of the log
 */
export function OpenedLog({ log, back }) {
  const asked = useAnswer((signal) => get(api('histories'), {}, { signal }), [log]);
  const opened = asked.answer?.find((/** @type {{id: string}} */ { id }) => id === log);
  return html`<p class="notice opened">
    <span>History file <b><${Text} value=${opened?.name ?? log} most=${80} /></b>${opened && `, ${plural(opened.events, 'event')}`}</span>
    <a href=${back}>Back to the log</a>
  </p>`;
}
