/** Mails to the customer, as they are sent. */

import { Answer, api, get, href, html, Text, timeOf, useAnswer, useFollowed } from 'retrace';
import { customers } from './reading.js';

/** @typedef {import('retrace').LogEvent} LogEvent */

/** How many are shown, the newest first. */
const NEWEST = 5;

/** @param {{customer: string | undefined}} props */
export function Mails({ customer }) {
  const to = customers.value?.find((known) => known.entity_id === customer);
  const email = to?.email;
  const asked = useAnswer(() => sent(email), [email], { isFresh: true });
  useFollowed(asked, (event) => event.topic === 'mail' && event.data?.recipient === email);
  if (!email) return null;
  return html`<section class="panel mails" aria-labelledby="mails">
    <h2 id="mails">Mails to ${to.name}</h2>
    <${Answer} asked=${asked}>
      ${(/** @type {LogEvent[]} */ mails) => html`
        ${mails.length === 0 && html`<p class="nothing">None yet.</p>`}
        <ul aria-live="polite">
          ${mails.map(
            ({ event_id: id, position, data }) =>
              html`<li key=${id}>
                <a href=${href(['trace', id])} title="Why it was sent: its trace"><time>${timeOf(position)?.time ?? position}</time></a>
                <span><${Text} value=${data.message} /></span>
              </li>`,
          )}
        </ul>
      `}
    </${Answer}>
  </section>`;
}

/**
 * @param {string | undefined} email
 * @returns {Promise<LogEvent[]>}
 */
async function sent(email) {
  if (!email) return [];
  const { events } = await get(api('log'), { topic: 'mail', text: email, limit: NEWEST });
  return events.filter((/** @type {LogEvent} */ { data }) => data?.recipient === email).reverse();
}
