import { ApiError } from '../core/api.js';
import { html } from '../core/html.js';

/**
 * What went wrong, and a way to try again where that may help.
 *
 * @param {{error: Error, retry?: () => void}} props
 */
export function Problem({ error, retry }) {
  const title = error instanceof ApiError ? error.problem?.title : undefined;
  const isFinal = error instanceof ApiError && error.isFinal;
  return html`<div class="problem" role="alert">
    ${title && html`<b>${title}</b>`}
    <p>${error.message}</p>
    ${retry && !isFinal && html`<button onClick=${retry}>Try again</button>`}
  </div>`;
}

/**
 * Shows `children(answer)` once there is an answer, and why where there is none.
 *
 * @param {{asked: import('../core/asking.js').Asked<any>, children: (answer: any) => any}} props
 */
export function Answer({ asked, children }) {
  const { answer, error, again } = asked;
  if (answer !== null) return children(answer);
  return error ? html`<${Problem} error=${error} retry=${again} />` : html`<p class="waiting" aria-busy="true">…</p>`;
}
