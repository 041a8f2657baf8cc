import { isToken } from '../core/api.js';
import { html, useEffect, useRef, useState } from '../core/html.js';

/**
 * Asks for a token, which is kept until the tab is closed and goes into no address.
 *
 * @param {{reason: string, onEnter: (token: string) => void}} props
 */
export function TokenForm({ reason, onEnter }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [isForeign, setForeign] = useState(false);
  useEffect(() => input.current?.focus(), []);
  const enter = (/** @type {Event} */ event) => {
    event.preventDefault();
    const given = input.current?.value.trim();
    if (!given) return;
    setForeign(!isToken(given));
    if (isToken(given)) onEnter(given);
  };
  return html`<main class="alone">
    <form class="panel token" onSubmit=${enter}>
      <h1>Retrace</h1>
      <p role="alert">${isForeign ? 'A token has only ASCII characters.' : reason}</p>
      <label>Token <input ref=${input} type="password" autocomplete="current-password" required /></label>
      <p class="hint">One of those that the gateway was started with. It stays in this tab.</p>
      <button class="main">Go on</button>
    </form>
  </main>`;
}
