import { plural } from '../../core/format.js';
import { html } from '../../core/html.js';
import { Text } from '../../parts/data.js';

/** How many entities of one command are shown. */
const SHOWN = 3;

/** What a command asks for: its data as text. @param {{command: import('./types.js').Command}} props */
export function Asked({ command: { intent, data, text, unreadable } }) {
  if (unreadable !== undefined) {
    return html`<p>${text ? html`<code><${Text} value=${text} most=${400} /></code>` : html`<i class="none">Its record is gone.</i>`}</p>
      <p class="hint">${unreadable}</p>`;
  }
  const all = intent === 'create' && Array.isArray(data) ? data : [data];
  return all.slice(0, SHOWN).map((one) => html`<code class="asked"><${Text} value=${one} most=${400} /></code>`).concat(
    all.length > SHOWN ? html`<small>${`and ${plural(all.length - SHOWN, 'entity', 'entities')} more`}</small>` : [],
  );
}
